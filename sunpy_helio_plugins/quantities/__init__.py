"""What numbers mean: units, times and fill values. Knows no archive."""
