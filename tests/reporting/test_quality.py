"""What became of each column of a data role."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ballast.methods.shift import KolmogorovSmirnov
from ballast.reporting import Node, Outline, write_report
from ballast.reporting.quality import ColumnQuality, qualities, sentences
from ballast.reporting.snapshot import Snapshot, take_snapshot
from ballast.warehouse import Warehouse

SOURCE = {
    "types": {"key": "int64", "height": "double", "colour": "string", "notes": "list<item: string>", "extra": "int64"},
    "missing_values": {"height": 5},
    "converted": {"colour": "kept as text: looks like dates written as %d/%m/%Y"},
}
REPAIRED = {
    "imputed_nan": {"height": 5},
    "imputed_inf": {"height": 2},
    "unseen_categories": {"colour": 10},
    "ignored_columns": ["extra"],
    "dropped_columns": {"notes": "one value"},
}
OUTLINE = Outline(
    "demo",
    nodes=(
        Node("target", "demo/target", "source"),
        Node("target/features", "demo/target/features", "features", upstream=("demo/target",)),
        Node("drift", "demo/drift", "test", upstream=("demo/target",)),
    ),
)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    made = Warehouse(f"duckdb:///{tmp_path}/w.duckdb")
    rows = pd.DataFrame({"key": range(40), "height": [None] * 5 + [1.0, 2.0, 3.0, 4.0, 5.0] * 7})
    made.commit("demo/target", rows, kind="source", summary=SOURCE)
    made.commit("demo/target/features", rows, kind="features", summary=REPAIRED)
    moved = rows.assign(height=rows["height"] + 1, notes=[["a"]] * 40)
    report = KolmogorovSmirnov().test(rows[["height"]].assign(notes=[["a"]] * 40), moved[["height", "notes"]])
    made.commit("demo/drift", report.table, kind="test", summary=report.summary)
    return made


@pytest.fixture
def snapshot(warehouse: Warehouse) -> Snapshot:
    return take_snapshot(warehouse, OUTLINE)


def test_every_column_says_what_it_holds_and_what_was_done_with_it(snapshot: Snapshot) -> None:
    found = {column.column: column for column in qualities(snapshot)["target"]}
    height, colour = found["height"], found["colour"]
    assert (height.holds, height.missing, height.imputed, height.infinite) == ("double", 5, 7, 2)
    assert (colour.unseen, found["key"].is_told) == (10, False)
    assert found["extra"].notes == ("ignored: training does not have it",)
    assert found["notes"].notes[0] == "dropped: one value in training"


def test_sentences_at_the_end_name_columns_and_counts(snapshot: Snapshot) -> None:
    said = list(sentences(qualities(snapshot)["target"], 40))
    assert said[:4] == [
        "5 values missing, in height",
        "7 values imputed, in height",
        "2 values imputed because infinite, in height",
        "10 rows of a category that training does not have, in colour",
    ]
    assert "dropped: notes (one value in training)" in said
    assert "kept as text: colour (looks like dates written as %d/%m/%Y)" in said
    assert "ignored: extra (training does not have it)" in said


def test_report_has_a_table_of_data_quality_by_role(warehouse: Warehouse, tmp_path: Path) -> None:
    page = write_report(warehouse, OUTLINE, tmp_path / "report.html").read_text("utf-8")
    assert "Data quality of target: something to know of 4 of 5 columns" in page
    assert "ignored: training does not have it" in page


def test_role_with_nothing_to_tell_says_nothing(tmp_path: Path) -> None:
    warehouse = Warehouse(f"duckdb:///{tmp_path}/w.duckdb")
    summary = {"types": {"key": "int64"}, "missing_values": {}}
    warehouse.commit("demo/target", pd.DataFrame({"key": [1]}), kind="source", summary=summary)
    assert list(sentences(qualities(take_snapshot(warehouse, OUTLINE))["target"], 1)) == []


def test_column_that_some_files_lack_is_said_with_their_rows() -> None:
    note = "blank: missing in 2 of 5 files (a.csv, b.csv): their 400 rows have no value"
    said = [*sentences([ColumnQuality("height", notes=(note,))], 1000)]
    assert said == ["blank: height (missing in 2 of 5 files (a.csv, b.csv): their 400 rows have no value)"]
