"""Faults that the sandbox simulates on request."""
