"""Density ratios: how many times likelier a row is in the target than in the source."""
