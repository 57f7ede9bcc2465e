"""Scores of how likely a row's label is right; higher is likelier."""

from ballast.methods.frame.catalogue import exports

__all__, __getattr__, __dir__ = exports(__name__)
