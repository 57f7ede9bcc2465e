"""Fitted models as files that hold numbers and names, never code."""
