"""What a finished run leaves behind, in a form that can be held against another's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ballast import Warehouse
from ballast.warehouse import Commit, ModelStore, StoredModel, matrix_of

MODELS = ("encoder", "learner")


def warehouse_of(home: Path) -> Warehouse:
    return Warehouse(f"duckdb:///{home / 'warehouse.duckdb'}")


def assert_same_state(home: Path, undisturbed: Path, pipeline: str) -> None:
    """Asserts that two homes hold the same tables, models, verdicts and report of a pipeline.

    Every table must be at its first version: what was once stored was not made again. A model's file holds the time
    of writing, so models are held against each other by what they predict.
    """
    here, there = (commits_of(h, pipeline) for h in (home, undisturbed))
    assert here.keys() == there.keys()
    assert {commit.version for commit in here.values()} == {1}
    for key, commit in here.items():
        if commit.kind not in MODELS:
            assert commit.content_hash == there[key].content_hash, key
        elif commit.kind == "learner":
            np.testing.assert_array_equal(prediction(home, commit), prediction(undisturbed, there[key]), str(key))
    assert verdicts_of(home, pipeline) == verdicts_of(undisturbed, pipeline)
    shown = {str(path.relative_to(home)) for path in (home / "reports").rglob("*")}
    assert shown == {str(path.relative_to(undisturbed)) for path in (undisturbed / "reports").rglob("*")}
    for path in (home / "reports").rglob("*.html"):
        assert path.read_text(encoding="utf-8").endswith("</html>\n")


def commits_of(home: Path, pipeline: str) -> dict[tuple[str, str | None], Commit]:
    """Gives the latest commit of every table of a pipeline."""
    commits = [c for c in reversed(warehouse_of(home).commits()) if c.asset.startswith(f"{pipeline}/")]
    return {(c.asset, c.partition): c for c in commits}


def verdicts_of(home: Path, pipeline: str) -> list[list[Any]]:
    query = (
        "SELECT asset, partition, version, gate, passed, severity, definition FROM ballast.gates "
        "WHERE starts_with(asset, ?) ORDER BY ALL"
    )
    found = warehouse_of(home).sql(query, [f"{pipeline}/"])
    return found.astype(object).where(found.notna(), None).to_numpy().tolist()


def prediction(home: Path, commit: Commit) -> np.ndarray:
    """Gives what a stored model predicts for the training rows of its pipeline."""
    warehouse = warehouse_of(home)
    row: pd.Series = warehouse.read(commit.asset, version=commit.version).iloc[0]
    model = ModelStore(home / "models").load(StoredModel(**row.to_dict()))
    return model.predict(matrix_of(warehouse.read_arrow(f"{commit.asset.split('/')[0]}/train/features"), "features"))
