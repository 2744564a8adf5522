"""Submit events, ratings and comments to the registry, and read and write VOEvents."""
