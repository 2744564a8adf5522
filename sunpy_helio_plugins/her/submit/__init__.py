"""Write to the registry: submissions and VOEvents."""
