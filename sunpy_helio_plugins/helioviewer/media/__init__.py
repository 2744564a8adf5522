"""Screenshots, movies and JPX files made by Helioviewer."""
