"""Records of HAPI: files, decoding, tables, reading and downloading."""
