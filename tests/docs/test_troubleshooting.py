"""The page on troubleshooting: every message that it explains is one that Ballast gives, and was provoked here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

import ballast
from ballast import Warehouse
from ballast.errors import DataError, WarehouseLockedError
from tests.cli.conftest import Folder
from tests.orchestration.projects import rows

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
MODEL = "train encoder train/features baseline"
DENSITY = "train target encoder train/features target/features density"
EXPLAINED = [block.strip() for block in re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)]


def checked(folder: Folder, **changes: Any) -> str:
    """Gives what is said of the pipeline's file once it is changed."""
    folder.declare(**changes)
    return folder.ballast("check", "--spec-only").output


def edited(folder: Folder, old: str, new: str) -> str:
    file = folder.pipeline / "defs.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    return folder.ballast("check", "--spec-only").output


def run(folder: Folder, select: str = "train", **changes: Any) -> str:
    """Gives what a run of some steps says once the pipeline's file is changed."""
    if changes:
        folder.declare(**changes)
    return folder.ballast("run", "demo", *(word for step in select.split() for word in ("--select", step))).output


def with_train(folder: Folder, select: str = "train", **columns: Any) -> str:
    """Gives what a run says once columns of the training table are others."""
    rows(200, seed=1).assign(**columns).to_csv(folder.pipeline / "train.csv", index=False)
    return run(folder, select)


def with_target(folder: Folder, select: str = "target", **columns: Any) -> str:
    target = rows(120, seed=2, shift=0.5, start=1000).assign(**columns)
    target.drop(columns=[name for name, value in columns.items() if value is None]).to_csv(
        folder.pipeline / "target.csv", index=False
    )
    return run(folder, select)


def held(folder: Folder) -> str:
    """Gives what is said while somebody else has the warehouse's file open."""
    run(folder)
    file = folder.home / "warehouse.duckdb"
    taken = duckdb.connect(file)
    try:
        Warehouse(f"duckdb:///{file}", timeout=0.1).commits()
    except WarehouseLockedError as error:
        return f"WarehouseLockedError: {error}"
    finally:
        taken.close()
    return ""


def mixed(folder: Folder) -> str:
    """Gives what a method says that is handed the training table as it is."""
    table = pd.DataFrame({"height": [1.0, 2.0], "colour": ["red", "green"]})
    with pytest.raises(DataError) as said:
        ballast.method("kliep").fit(table, table)
    return str(said.value)


PROVOKED: dict[str, Callable[[Folder], str]] = {
    "syntax": lambda f: edited(f, "steps:", "steps: ["),
    "key": lambda f: edited(f, "label: kind", "lable: kind"),
    "method": lambda f: checked(f, steps__drift={"use": "kolmogorow_smirnov"}),
    "parameter": lambda f: checked(f, steps__density__params={"folds": 5}),
    "value": lambda f: checked(f, steps__drift__params={"alpha": 5}),
    "step": lambda f: checked(f, steps__reweighted__weights="densty"),
    "role": lambda f: checked(f, data__target=None),
    "source": lambda f: checked(f, data__train={"id": "key", "label": "kind"}),
    "file": lambda f: checked(f, data__train__path="trian.csv"),
    "twice": lambda f: checked(
        f,
        steps__drawn={"use": "importance_resampling", "weights": "density"},
        steps__reweighted={"use": "logistic_regression", "weights": "density", "rows": "drawn"},
    ),
    "expectation": lambda f: checked(f, gates={"train": ["expect_column_values_to_not_be_nul"]}),
    "empty bounds": lambda f: checked(
        f, gates={"train": [{"expect_column_values_to_be_between": {"column": "height"}}]}
    ),
    "pipeline": lambda f: f.ballast("run", "dmeo").output,
    "column": lambda f: run(f, data__train__label="knd"),
    "ids": lambda f: with_train(f, key="r1"),
    "null ids": lambda f: with_train(f, key=[None, *[f"r{i}" for i in range(199)]]),
    "type": lambda f: with_target(f, "target", height="tall"),
    "lacks": lambda f: with_target(f, "train encoder target target/features", width=None),
    "classes": lambda f: with_train(f, MODEL, kind="yes"),
    "labels": lambda f: with_train(f, MODEL, kind=["yes", None] * 100),
    "fractions": lambda f: with_train(f, MODEL, kind=[i + 0.5 for i in range(200)]),
    "text": lambda f: run(f, "train encoder", features={"use": "sklearn.preprocessing.StandardScaler"}),
    "closed": lambda f: run(
        f, f"{DENSITY} reweighted", gates={"density": [{"expect_effective_sample_size": {"min_share": 0.95}}]}
    ),
    "overlap": lambda f: with_target(f, DENSITY, height=900.0, width=900.0),
    "weightless": lambda f: run(
        f,
        f"{DENSITY} reweighted",
        steps__reweighted={"use": "sklearn.neighbors.KNeighborsClassifier", "weights": "density"},
    ),
    "early": lambda f: run(f, "baseline"),
    "never ran": lambda f: f.ballast("sql", "SELECT * FROM demo.train").output,
    "not run": lambda f: (run(f), f.ballast("sql", "SELECT * FROM demo.densiti").output)[1],
    "write": lambda f: (run(f), f.ballast("sql", "DELETE FROM demo.train").output)[1],
    "file in sql": lambda f: (run(f), f.ballast("sql", "SELECT * FROM 'train.csv'").output)[1],
    "held": held,
    "mixed columns": mixed,
}
"""By a word for each, in the order of the page."""


def cases() -> list[Any]:
    """Gives each message with what provokes it; what takes a run is left to the long tests."""
    found = []
    for number, (name, provoke) in enumerate(PROVOKED.items()):
        quick = name in ("never ran", "mixed columns") or number <= list(PROVOKED).index("pipeline")
        found.append(pytest.param(number, provoke, id=name, marks=[] if quick else [pytest.mark.full]))
    return found


def test_messages_of_the_page_when_counted_then_one_for_each_that_is_provoked():
    assert len(EXPLAINED) == len(PROVOKED)


@pytest.mark.parametrize(("number", "provoke"), cases())
def test_message_of_the_page_when_provoked_then_it_is_what_ballast_says(number, provoke, folder: Folder, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(folder.home / "dagster"))  # restored afterwards, as a run sets it
    monkeypatch.delenv("DAGSTER_HOME")
    assert EXPLAINED[number] in provoke(folder)
