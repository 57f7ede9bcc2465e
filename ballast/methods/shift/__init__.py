"""Tests of whether two samples come from one distribution."""

from ballast.methods.frame.catalogue import exports

__all__, __getattr__, __dir__ = exports(__name__)
