"""Draw events, convert their relations to graphs, and build attrs for other archives from them."""
