"""The Dagster side of a plan."""

from ballast.methods.frame.moved import moved

__getattr__ = moved(__name__, "ballast.orchestration.graph.assets")
