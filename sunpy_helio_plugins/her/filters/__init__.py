"""Comparisons of event properties, their combination and their evaluation."""
