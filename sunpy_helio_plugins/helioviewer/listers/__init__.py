"""Ways to list the images of a source and a range of time."""
