"""Sample policies: which rows each batch holds."""
