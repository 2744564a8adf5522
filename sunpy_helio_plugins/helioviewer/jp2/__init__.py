"""JPEG 2000 files: boxes, codestreams, headers and reduced images."""
