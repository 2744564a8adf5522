"""Downloads of files through parfive."""
