"""Scores of how unlike the known rows a row is; higher is more novel."""

from ballast.methods.frame.catalogue import exports

__all__, __getattr__, __dir__ = exports(__name__)
