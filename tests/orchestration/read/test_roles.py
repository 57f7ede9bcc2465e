"""The training role's types are those of every role, wherever the rows come from."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from ballast import Pipeline
from ballast.errors import DataError
from ballast.orchestration.read.sources import conversions, read_role

CALLS: list[str] = []


def train() -> pd.DataFrame:
    CALLS.append("train")
    return pd.DataFrame({"id": [1, 2], "x": ["1", "b"], "y": [0, 1]})


def role(folder: Path, name: str, data: dict, **keys) -> pa.Table:
    steps = {"shift": {"use": "chi_squared"}}
    plan = Pipeline(name="demo", data=data, steps=steps).plan("defs.yaml")
    return read_role(plan, plan.nodes[name], folder=folder, partition=None, **keys)


def write(folder: Path, **texts: str) -> dict:
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    return {name: {"path": f"{name}.csv", "id": "id"} for name in texts}


def test_column_that_looks_like_truths_in_one_role_is_text_where_the_training_rows_are(tmp_path: Path):
    data = write(tmp_path, train="id,c\n1,true\n2,false\n3,unknown\n", target="id,c\n4,true\n5,false\n")
    assert role(tmp_path, "target", data)["c"].to_pylist() == ["true", "false"]


def test_columns_are_held_by_what_they_mean_and_not_by_their_names(tmp_path: Path):
    data = write(tmp_path, train="id,churn\n1,1\n2,0\n", test="key,left\n3,1.0\n4,0\n")
    data["train"]["label"] = "churn"
    data["test"] |= {"id": "key", "label": "left"}
    assert role(tmp_path, "test", data | {"target": data["train"]})["left"].to_pylist() == [1, 0]


def test_dropped_columns_may_be_of_any_type(tmp_path: Path):
    data = write(tmp_path, train="id,x,note\n1,1,5\n", target="id,x,note\n2,1,five\n")
    with pytest.raises(DataError, match="column 'note', row 1: 'five' is text"):
        role(tmp_path, "target", data)
    data["target"]["drop"] = ["note"]
    assert role(tmp_path, "target", data)["note"].to_pylist() == ["five"]


def test_column_that_training_does_not_have_is_told_and_one_that_it_drops_is_not(tmp_path: Path):
    data = write(tmp_path, train="id,x,note\n1,1,5\n", target="id,x,note,more\n2,1,five,6\n")
    data["train"]["drop"] = ["note"]
    assert conversions(role(tmp_path, "target", data)) == {"more": "ignored: training does not have it"}


def test_training_file_that_changes_changes_the_types_of_the_others(tmp_path: Path):
    data = write(tmp_path, train="id,x\n1,1\n", target="id,x\n2,7\n")
    assert role(tmp_path, "target", data)["x"].to_pylist() == [7]
    write(tmp_path, train="id,x\n1,some\n")
    assert role(tmp_path, "target", data)["x"].to_pylist() == ["7"]


def test_loader_of_the_training_rows_is_called_once_a_run(tmp_path: Path):
    data = write(tmp_path, target="id,x,y\n3,5,1\n")
    data["train"] = {"loader": f"{__name__}.train", "id": "id"}
    CALLS.clear()
    assert role(tmp_path, "target", data, run_id="a")["x"].to_pylist() == ["5"]
    assert role(tmp_path, "train", data, run_id="a")["x"].to_pylist() == ["1", "b"]
    assert CALLS == ["train"]
    role(tmp_path, "train", data, run_id="b")
    assert CALLS == ["train", "train"]


def test_training_rows_of_an_asset_give_their_types_where_these_are_known(tmp_path: Path):
    data = write(tmp_path, target="id,x\n3,5\n")
    data["train"] = {"asset": "rows", "id": "id"}
    assert role(tmp_path, "target", data)["x"].to_pylist() == [5]
    kinds = pa.schema([("id", pa.string()), ("x", pa.float64())])
    held = role(tmp_path, "target", data, training=kinds)
    assert held.to_pylist() == [{"id": "3", "x": 5.0}]


def test_text_of_a_query_is_not_in_the_description_of_its_asset():
    data = {"train": {"query": "SELECT 'hunter2secret' AS id", "id": "id"}}
    plan = Pipeline(name="demo", data=data | {"target": data["train"]}, steps={"shift": {"use": "chi_squared"}}).plan(
        "defs.yaml"
    )
    assert all("hunter2secret" not in node.description for node in plan.nodes.values())
