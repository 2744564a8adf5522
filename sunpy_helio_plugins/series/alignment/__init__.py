"""Samples of several series on one time axis."""
