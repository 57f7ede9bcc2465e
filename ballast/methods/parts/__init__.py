"""Parts of a network's training: a learner takes them as parameters."""

from ballast.methods.frame.catalogue import exports

__all__, __getattr__, __dir__ = exports(__name__)
