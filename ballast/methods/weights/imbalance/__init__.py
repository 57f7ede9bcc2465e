"""Imbalance: more weight to rare classes and rare target values."""
