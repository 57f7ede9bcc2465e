"""The store: every version of every table, in a DuckDB file or a lake, and the models beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ballast.lazy import lazily

if TYPE_CHECKING:
    from ballast.warehouse.homes.embedded import attach_beside, keep_open
    from ballast.warehouse.models.store import ModelStore, StoredModel
    from ballast.warehouse.tables.commits import Commit, Verdict
    from ballast.warehouse.tables.matrices import matrix_of, matrix_table, names_of
    from ballast.warehouse.tables.owners import Owner
    from ballast.warehouse.warehouse import Warehouse

_HOME = {
    "Commit": "ballast.warehouse.tables.commits",
    "ModelStore": "ballast.warehouse.models.store",
    "Owner": "ballast.warehouse.tables.owners",
    "StoredModel": "ballast.warehouse.models.store",
    "Verdict": "ballast.warehouse.tables.commits",
    "Warehouse": "ballast.warehouse.warehouse",
    "attach_beside": "ballast.warehouse.homes.embedded",
    "keep_open": "ballast.warehouse.homes.embedded",
    "matrix_of": "ballast.warehouse.tables.matrices",
    "matrix_table": "ballast.warehouse.tables.matrices",
    "names_of": "ballast.warehouse.tables.matrices",
}
"""Where each name is, loaded on first use: models are read without DuckDB."""

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


__getattr__, __dir__ = lazily(__name__, _HOME)
