"""The store: every version of every table in one DuckDB file, and the models beside it."""

from __future__ import annotations

from ballast.warehouse.commits import Commit, Verdict
from ballast.warehouse.warehouse import Warehouse

__all__ = ["Commit", "Verdict", "Warehouse"]
