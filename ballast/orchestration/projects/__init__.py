"""Pipelines found by name, and the project that they belong to."""

from ballast.methods.frame.moved import moved

__getattr__ = moved(__name__, "ballast.orchestration.projects.find")
