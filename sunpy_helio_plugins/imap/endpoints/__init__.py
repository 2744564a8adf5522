"""Endpoints of the IMAP Science Data Center other than the table of files."""
