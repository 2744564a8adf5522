"""Sequences of images: many pictures of one source as a cube, a lazy array, maps, or a Zarr folder."""
