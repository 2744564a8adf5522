"""HAPI servers of the sandbox."""
