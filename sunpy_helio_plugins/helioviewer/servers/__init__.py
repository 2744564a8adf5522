"""The servers of Helioviewer's images: the main one and its mirrors."""
