"""The IMAP Science Data Center of the sandbox."""
