"""Now ``ballast.methods.frame.reports``; this name goes in version 0.3."""

from ballast.methods.frame.moved import moved

__getattr__ = moved(__name__, "ballast.methods.frame.reports")
