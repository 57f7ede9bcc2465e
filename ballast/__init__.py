"""Ballast keeps a model upright when the data shifts.

Everything here loads on first use, so that ``import ballast`` costs nothing:

- ``ballast.method("kliep", n_centers=200)`` makes a method by its catalogue name;
- ``ballast.catalog()`` gives the cards of all methods as a DataFrame;
- ``ballast.Encoder()`` makes the numbers that methods take of a table of mixed columns;
- ``ballast.load("model/")`` gives a model that ``ballast export`` wrote, to predict with;
- ``ballast.Warehouse(url)`` opens the store of weight tables, scores and reports;
- ``ballast.Pipeline`` is the Dagster component, in YAML or in Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ballast.former import install
from ballast.lazy import lazily
from ballast.shown import show_by

if TYPE_CHECKING:
    from ballast.bundles.loading import load
    from ballast.methods.features.tables import Encoder
    from ballast.methods.frame.catalogue import catalog, method
    from ballast.orchestration.graph.component import Pipeline
    from ballast.orchestration.graph.io_manager import WarehouseIOManager
    from ballast.orchestration.graph.resources import BallastResource
    from ballast.warehouse import Warehouse

__version__ = "0.1.0"

_HOME = {
    "method": "ballast.methods.frame.catalogue",
    "catalog": "ballast.methods.frame.catalogue",
    "Encoder": "ballast.methods.features.tables",
    "load": "ballast.bundles.loading",
    "Warehouse": "ballast.warehouse",
    "Pipeline": "ballast.orchestration.graph.component",
    "BallastResource": "ballast.orchestration.graph.resources",
    "WarehouseIOManager": "ballast.orchestration.graph.io_manager",
}

__all__ = ["BallastResource", "Encoder", "Pipeline", "Warehouse", "WarehouseIOManager", "catalog", "load", "method"]

install()
show_by("ballast.reporting.objects")
__getattr__, __dir__ = lazily(__name__, _HOME)
