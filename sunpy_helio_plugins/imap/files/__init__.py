"""Download, upload and synchronise files."""
