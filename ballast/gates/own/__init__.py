"""Ballast's own expectations."""
