"""Download, upload and synchronize files."""
