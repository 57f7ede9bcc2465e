"""Models that are trained against a shift which the data show only in part."""

from ballast.methods.frame.catalogue import exports

__all__, __getattr__, __dir__ = exports(__name__)
