"""Whose turn it is to write."""
