"""A team's shared warehouse: a lake that many machines write, models and reports in a folder that all reach.

Set ``BALLAST_WAREHOUSE`` (such as "ducklake:postgresql://user@host/database?data_path=/shared/lake"; the password goes
into ``PGPASSWORD`` or the pgpass file) and ``BALLAST_FOLDER`` (such as "/shared/ballast").
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from ballast import BallastResource, WarehouseIOManager


def team() -> dict[str, Any]:
    warehouse, folder = dg.EnvVar("BALLAST_WAREHOUSE"), dg.EnvVar("BALLAST_FOLDER")
    return {
        "ballast": BallastResource(warehouse=warehouse, folder=folder),
        "io_manager": WarehouseIOManager(warehouse=warehouse, folder=folder),
    }
