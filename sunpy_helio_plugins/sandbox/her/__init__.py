"""The events registry of the sandbox."""
