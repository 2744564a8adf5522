"""Draw events, and build attrs for other archives from them."""
