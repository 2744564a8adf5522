"""The index of parameters: find datasets by what they contain."""
