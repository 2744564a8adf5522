"""Convert tables of IMAP to other objects."""
