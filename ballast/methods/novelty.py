"""Now ``ballast.methods.out_of_distribution``; this name goes in version 0.3."""

from ballast.methods.frame.moved import moved

__getattr__ = moved(__name__, "ballast.methods.out_of_distribution")
