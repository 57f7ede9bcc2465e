"""Judging models, weights and accuracy without labels."""

from ballast.methods.frame.catalogue import exports

__all__, __getattr__, __dir__ = exports(__name__)
