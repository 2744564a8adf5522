"""Maps of the sky: their frames, tilings and pictures."""
