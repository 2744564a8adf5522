"""Helioviewer of the sandbox."""
