"""Everything on this machine: one DuckDB file, models and reports beside it."""

from __future__ import annotations

from typing import Any

from ballast import BallastResource, WarehouseIOManager


def embedded() -> dict[str, Any]:
    return {"ballast": BallastResource(), "io_manager": WarehouseIOManager()}
