"""Images as maps, with repaired headers and physical values."""
