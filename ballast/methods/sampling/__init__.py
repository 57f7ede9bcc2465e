"""Datasets drawn from the training rows, or synthesised from them."""

from ballast.methods.frame.catalogue import exports

__all__, __getattr__, __dir__ = exports(__name__)
