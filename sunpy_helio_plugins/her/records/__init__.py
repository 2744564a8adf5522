"""The records of events as the registry sent them: the values of each keyword, and the complete records."""
