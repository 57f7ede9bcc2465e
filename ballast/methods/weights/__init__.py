"""Weights for training rows: density ratios, balance, class frequencies, label shift."""

from ballast.methods.frame.catalogue import exports

__all__, __getattr__, __dir__ = exports(__name__)
