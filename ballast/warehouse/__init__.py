"""The store: every version of every table, in a DuckDB file or a lake, and the models beside it."""

from __future__ import annotations

from ballast.warehouse.homes.embedded import attach_beside, keep_open
from ballast.warehouse.models.store import ModelStore, StoredModel
from ballast.warehouse.tables.commits import Commit, Verdict
from ballast.warehouse.tables.matrices import matrix_of, matrix_table, names_of
from ballast.warehouse.tables.owners import Owner
from ballast.warehouse.warehouse import Warehouse

__all__ = [
    "Commit",
    "ModelStore",
    "Owner",
    "StoredModel",
    "Verdict",
    "Warehouse",
    "attach_beside",
    "keep_open",
    "matrix_of",
    "matrix_table",
    "names_of",
]
