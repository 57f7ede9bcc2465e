"""A model as an ONNX graph, from the columns of a table to what the pipeline would predict, or refused."""

from __future__ import annotations

from ballast.bundles.graphs.made import save

__all__ = ["save"]
