"""Where work on the parts of a table is done: in processes of this machine, or on a Ray cluster."""

from __future__ import annotations

from ballast.lazy import lazily

_HOMES = {
    "Engine": "ballast.compute.engines.engine",
    "EngineError": "ballast.compute.engines.engine",
    "State": "ballast.compute.engines.engine",
    "LocalEngine": "ballast.compute.engines.local",
    "RayEngine": "ballast.compute.engines.cluster",
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
