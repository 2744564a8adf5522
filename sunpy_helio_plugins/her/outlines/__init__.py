"""The outlines of events: traced along their edges, seen by an observer, as pixels, and as types of other packages."""
