"""CDF files of any mission as tables."""
