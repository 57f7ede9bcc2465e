"""The raw rows of a data role."""
