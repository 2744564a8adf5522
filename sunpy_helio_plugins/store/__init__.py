"""Files and responses that are stored on disk."""
