"""Figures and cubes of records of any archive."""
