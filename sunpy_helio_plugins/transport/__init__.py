"""How bytes move: requests for metadata, files through parfive. Knows no archive."""
