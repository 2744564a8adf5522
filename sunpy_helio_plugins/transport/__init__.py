"""Requests for metadata, and downloads of files through parfive; independent of the archives."""
