"""Comparisons of event properties, their logic and their evaluation."""
