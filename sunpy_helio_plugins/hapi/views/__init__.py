"""Series, plots and cubes from tables of HAPI."""
