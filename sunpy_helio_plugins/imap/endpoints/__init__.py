"""Services of the IMAP Science Data Center beside its table of files."""
