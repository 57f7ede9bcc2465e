"""Mixtures: weights of domains, groups and sources."""
