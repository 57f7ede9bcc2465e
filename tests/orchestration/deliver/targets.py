"""Deliveries for the tests, and what a target then holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa

from ballast.orchestration.deliver.deliver import deliver
from ballast.orchestration.deliver.delivery import Delivery
from ballast.orchestration.spec.targets import TargetSpec

CLASSES = ("no", "yes")


def predictions(ids: list[Any], classes: tuple[str, ...] = CLASSES, model_version: int = 1) -> pa.Table:
    """Gives a table as a step that predicts leaves it."""
    n = len(ids)
    share = {f"p_{label}": np.full(n, 1 / len(classes)) for label in classes}
    said = {"prediction": pa.array(["no"] * n, pa.string()), "flagged": np.zeros(n, dtype=bool)}
    ids_of = pa.array(ids, pa.int64() if all(isinstance(i, int) for i in ids) else None)
    return pa.table({"sample_id": ids_of, **share, **said, "model_version": np.full(n, model_version)})


def delivery(to: Any, folder: Path, ids: list[Any], partition: str | None = "d1", **changes: Any) -> Delivery:
    table = changes.pop("table", None)
    given: dict[str, Any] = {
        "step": "shop/scored", "version": 1, "run_id": "run 1", "model": "shop/reweighted",
        "timeout": 20.0, "newest": lambda: 1, **changes,
    }  # fmt: skip
    target = to if isinstance(to, TargetSpec) else TargetSpec.model_validate(to)
    rows = predictions(ids) if table is None else table
    return Delivery(target=target, partition=partition, table=rows, folder=folder, **given)


def write(to: Any, folder: Path, ids: list[Any], partition: str | None = "d1", **changes: Any) -> bool:
    return deliver(delivery(to, folder, ids, partition, **changes))


def held(to: dict[str, str] | str, folder: Path) -> pd.DataFrame:
    """Gives what a target holds, all partitions of it."""
    if isinstance(to, str):
        files = sorted((folder / to).glob("*.parquet"))
        return pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    if "database" in to:
        with duckdb.connect(folder / to["database"], read_only=True) as con:
            return con.execute(f"FROM {to['table']}").to_arrow_table().to_pandas()
    with psycopg.connect(to["postgres"]) as con:
        found = con.execute(f"SELECT * FROM {to['table']}".encode())
        return pd.DataFrame(found.fetchall(), columns=[c.name for c in found.description or ()])


def statement(to: dict[str, str], folder: Path, sql: str) -> None:
    """Runs a statement of the user's own in a target's database."""
    if "database" in to:
        with duckdb.connect(folder / to["database"]) as con:
            con.execute(sql)
    else:
        with psycopg.connect(to["postgres"], autocommit=True) as con:
            con.execute(sql.encode())


def ids_by_partition(to: dict[str, str] | str, folder: Path) -> dict[str, list[int]]:
    found = held(to, folder)
    return {str(key): sorted(map(int, rows["sample_id"])) for key, rows in found.groupby("partition")}
