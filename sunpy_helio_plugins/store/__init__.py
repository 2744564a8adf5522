"""Files and answers that are kept on disk."""
