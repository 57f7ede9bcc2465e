"""Models: the strong simple ones, a neural network, and what adjusts and fits any estimator."""

from ballast.methods.frame.catalogue import exports

__all__, __getattr__, __dir__ = exports(__name__)
