"""Pipelines found by name, and the project that they belong to."""
