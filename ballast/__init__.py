"""Ballast keeps a model upright when the data shifts.

Everything here loads on first use, so that ``import ballast`` costs nothing:

- ``ballast.method("kliep", n_centers=200)`` makes a method by its catalogue name;
- ``ballast.catalog()`` gives the cards of all methods as a DataFrame;
- ``ballast.Warehouse(url)`` opens the store of weight tables, scores and reports;
- ``ballast.Pipeline`` is the Dagster component, in YAML or in Python.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ballast.former import install

if TYPE_CHECKING:
    from ballast.methods.frame.catalogue import catalog, method
    from ballast.orchestration.graph.component import Pipeline
    from ballast.orchestration.graph.io_manager import WarehouseIOManager
    from ballast.orchestration.graph.resources import BallastResource
    from ballast.warehouse import Warehouse

__version__ = "0.1.0"

_HOME = {
    "method": "ballast.methods.frame.catalogue",
    "catalog": "ballast.methods.frame.catalogue",
    "Warehouse": "ballast.warehouse",
    "Pipeline": "ballast.orchestration.graph.component",
    "BallastResource": "ballast.orchestration.graph.resources",
    "WarehouseIOManager": "ballast.orchestration.graph.io_manager",
}

__all__ = ["BallastResource", "Pipeline", "Warehouse", "WarehouseIOManager", "catalog", "method"]

install()


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'ballast' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
