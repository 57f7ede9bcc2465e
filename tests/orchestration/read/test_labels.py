"""Labels that come after their rows: one a row, by id as the rows have it, and a count of those not taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from ballast.errors import DataError
from ballast.given.labels import LateLabels, joined
from ballast.orchestration.read.labels import read_labels
from ballast.orchestration.spec.labels import LabelsSpec

TEN = pa.chunked_array([pa.array(range(1, 11))])
LABELS = pd.DataFrame(
    {
        "id": ["1", "2", "2", "3", "4", "5", "5", "6", "7", "99"],
        "label": [1, 1, 1, 0, 1, 0, 1, 0, None, 1],
    }
)
COUNTED = {"rows": 10, "labelled": 5, "missing": 5, "repeated": 1, "contradicted": 1, "blank": 1, "unknown": 1}


def read(
    folder: Path,
    labels: pd.DataFrame | str | None,
    ids: pa.ChunkedArray = TEN,
    kind: pa.DataType | None = None,
    *,
    suffix: str = "csv",
    **keys: Any,
) -> LateLabels:
    """Gives what is read of labels in a file of a format, of a text as it stands, or of no file at all."""
    file = folder / f"labels.{suffix}"
    if isinstance(labels, str):
        file.write_text(labels)
    elif labels is not None and suffix == "parquet":
        labels.to_parquet(file)
    elif labels is not None:
        labels.to_csv(file, index=False)
    spec = LabelsSpec(path=file.name, **{"id": "id", "label": "label", **keys})
    return read_labels(spec, ids, kind or pa.int64(), where="data.new.labels_from", folder=folder)[0]


def of(found: LateLabels) -> dict[Any, Any]:
    table = found.table.filter(found.table["label"].is_valid())
    return dict(zip(table["sample_id"].to_pylist(), table["label"].to_pylist(), strict=True))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_labels_when_some_are_twice_blank_or_of_no_row_then_one_a_row_and_all_counted(tmp_path: Path, suffix: str):
    found = read(tmp_path, LABELS, suffix=suffix)
    assert found.table["sample_id"].to_pylist() == list(range(1, 11))
    assert of(found) == {1: 1, 2: 1, 3: 0, 4: 1, 6: 0}
    assert found.counts == {**COUNTED, "read": 10, "later": 0, "without_id": 0}
    assert found.table["state"].to_pylist()[4:7] == ["contradicted", "labelled", "blank"]
    assert "5 of 10 rows have a label (50 %), 5 are still without" in found.told
    assert "(such as 5)" in found.told
    assert "(such as 99)" in found.told


def test_labels_when_a_time_says_which_is_later_then_that_one_counts(tmp_path: Path):
    times = pd.date_range("2026-01-01", periods=10)
    found = read(tmp_path, LABELS.assign(at=times), time="at")
    assert of(found) == {1: 1, 2: 1, 3: 0, 4: 1, 5: 1, 6: 0}
    assert (found.counts["later"], found.counts["contradicted"]) == (1, 0)
    again = read(tmp_path, LABELS.assign(at=times[::-1]), time="at")
    assert of(again)[5] == 0


def test_labels_when_the_times_do_not_tell_then_contradicted(tmp_path: Path):
    same = LABELS.assign(at="2026-01-01")
    assert read(tmp_path, same, time="at").counts["contradicted"] == 1
    same.loc[5, "at"] = None
    assert read(tmp_path, same, time="at").counts["contradicted"] == 1


def test_labels_when_the_time_is_text_then_refused_with_the_way_out(tmp_path: Path):
    with pytest.raises(DataError, match=r"labels_from\.time: the column holds text \(such as '31\.12\.2025'\)"):
        read(tmp_path, LABELS.assign(at="31.12.2025"), time="at")
    told = read(tmp_path, LABELS.assign(at="31.12.2025"), time="at", options={"date_format": "%d.%m.%Y"})
    assert told.counts["contradicted"] == 1


TEXTS = pa.chunked_array([pa.array(["001", "002", "x3"])])
SAME = [
    (TEN, "id,label\n1.0,1\n2.0,0\n", {1: 1, 2: 0}),
    (TEN, "id,label\n1.0,1\n,0\n2.0,\n", {1: 1}),
    (TEN, "id,label\n01,1\n2,0\n", {2: 0}),
    (TEN, "id,label\n1.5,1\n1e0,1\nx,0\n3,1\n", {3: 1}),
    (TEXTS, "id,label\n001,1\n002,0\n1,1\n", {"001": 1, "002": 0}),
    (TEXTS, "id,label\n1,1\n2,0\n", {}),
    (pa.chunked_array([pa.array(["1", "2"])]), "id,label\n1,1\n2,0\n", {"1": 1, "2": 0}),
    (pa.chunked_array([pa.array([2**62 + 1, 2**62 + 2])]), f"id,label\n{2**62 + 1},1\nx,0\n", {2**62 + 1: 1}),
]


@pytest.mark.parametrize(("ids", "text", "right"), SAME, ids=[repr(text) for _, text, _ in SAME])
def test_ids_when_written_otherwise_then_compared_as_the_rows_have_them(
    tmp_path: Path, ids: pa.ChunkedArray, text: str, right: dict[Any, Any]
):
    found = read(tmp_path, text, ids)
    assert of(found) == right
    assert found.counts["labelled"] + found.counts["missing"] == len(ids)


@pytest.mark.parametrize("kind", ["float64", "int32", "str", "Int64"])
def test_ids_of_a_table_when_of_another_type_then_compared_as_the_rows_have_them(tmp_path: Path, kind: str):
    labels = pd.DataFrame({"id": pd.Series([3, 1, 12]).astype(kind), "label": [1, 0, 1]})
    found = read(tmp_path, labels, suffix="parquet")
    assert of(found) == {1: 0, 3: 1}
    assert found.counts["unknown"] == 1


def test_labels_when_of_another_type_then_as_training_has_them_or_refused(tmp_path: Path):
    rows = pd.DataFrame({"id": [1, 2], "label": [1.0, 0.0]})
    assert of(read(tmp_path, rows, suffix="parquet")) == {1: 1, 2: 0}
    assert of(read(tmp_path, rows.astype(int), kind=pa.string(), suffix="parquet")) == {1: "1", 2: "0"}
    with pytest.raises(DataError, match=r"'labels.parquet', row 1: '1' is text, and column 'label' is int64"):
        read(tmp_path, rows.astype(int).astype({"label": str}), suffix="parquet")
    with pytest.raises(DataError, match=r"labels.csv.*'maybe' is text, and the column is BIGINT"):
        read(tmp_path, "id,label\n1,maybe\n")
    texts = rows.astype(int).astype({"label": str})
    assert of(read(tmp_path, texts, suffix="parquet", types={"label": "integer"})) == {1: 1, 2: 0}


@pytest.mark.parametrize("text", [None, "", "id,label\n", "id,label\n11,1\n12,0\n", "id,label\n1,\n2,\n"])
def test_labels_when_none_has_come_then_all_rows_are_still_without(tmp_path: Path, text: str | None):
    found = read(tmp_path, text)
    assert found.counts["missing"] == 10
    assert found.table["label"].null_count == 10
    assert found.table.schema.field("label").type == pa.int64()
    assert "0 of 10 rows have a label (0 %), 10 are still without" in found.told
    assert found.told.startswith("no labels have come yet: ") == (found.counts["read"] == 0)


def test_labels_of_an_asset_when_it_has_no_rows_yet_then_all_are_still_without(tmp_path: Path):
    none = pd.DataFrame({"id": [], "label": []})
    spec = LabelsSpec(asset="outcomes", id="id", label="label")
    found, _ = read_labels(spec, TEN, pa.string(), where="data.new.labels_from", folder=tmp_path, given=none)
    assert found.counts["missing"] == 10
    assert found.table.schema.field("label").type == pa.string()


def test_labels_when_their_file_could_never_be_read_then_refused_before_it_is_there(tmp_path: Path):
    spec = LabelsSpec(path="labels.xls", id="id", label="label")
    with pytest.raises(DataError, match=r"labels_from\.path: 'labels\.xls' has no ending that says its format"):
        read_labels(spec, TEN, pa.int64(), where="data.new.labels_from", folder=tmp_path)


def test_labels_when_there_are_no_rows_then_no_labels(tmp_path: Path):
    found = read(tmp_path, LABELS, TEN[:0])
    assert len(found.table) == 0
    assert found.counts["unknown"] == 8


def test_labels_when_their_column_is_not_there_then_refused_by_its_key(tmp_path: Path):
    with pytest.raises(DataError, match=r"data\.new\.labels_from\.label: column 'labl' is not among .* did you mean"):
        read(tmp_path, LABELS, label="labl")


def test_rows_when_their_own_ids_repeat_then_refused():
    with pytest.raises(DataError, match="ids of the rows repeat"):
        joined(pa.chunked_array([pa.array([1, 1])]), None, pa.int64())
