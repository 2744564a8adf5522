"""The parts of a Fido client that all archives share: attrs, tables and the client itself."""
