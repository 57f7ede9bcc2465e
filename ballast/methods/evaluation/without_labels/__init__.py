"""Accuracy where there are no labels."""
