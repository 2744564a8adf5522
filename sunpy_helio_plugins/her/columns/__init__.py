"""Parse the registry's text to times, quantities, coordinates and polygons."""
