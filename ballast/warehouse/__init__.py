"""The store: every version of every table in one DuckDB file, and the models beside it."""

from __future__ import annotations

from ballast.warehouse.commits import Commit, Verdict
from ballast.warehouse.matrices import matrix_of, matrix_table, names_of
from ballast.warehouse.models import ModelStore, StoredModel
from ballast.warehouse.warehouse import Warehouse

__all__ = [
    "Commit",
    "ModelStore",
    "StoredModel",
    "Verdict",
    "Warehouse",
    "matrix_of",
    "matrix_table",
    "names_of",
]
