"""A step's table is written to its target once its gates are open, and by the next run where it was not."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pandas as pd
import pytest

from tests import postgres
from tests.orchestration.deliver.targets import held, ids_by_partition
from tests.orchestration.projects import Project, rows, spec

SPLIT: dict[str, Any] = {
    "data__new": {"like": "target", "path": "new.csv", "id": "key"},
    "data__test": None,
    "data__target": None,
    "steps": {"model": {"use": "logistic_regression"}},
    "gates__new": [{"expect_row_count_at_least": {"rows": 0}}],
    "partitions": {"column": "day", "static": ["d1", "d2"], "roles": ["new"]},
}


def test_partitions_when_scored_again_then_each_target_holds_each_days_rows_once(tmp_path: Path, postgres_server: str):
    shop = postgres.new_database(postgres_server, uuid4().hex)
    targets: dict[str, Any] = {
        "kept": {"database": "shop.duckdb", "table": "scores"},
        "served": {"postgres": shop, "table": "public.scores"},
        "filed": "scores/",
    }
    scored = {name: {"predict": "model", "on": "new", "to": to} for name, to in targets.items()}
    project = Project(tmp_path, spec(**SPLIT))
    project.attributes["steps"] |= scored
    project.write("train", rows(200, seed=1).assign(day="d1"))
    days: dict[str, list[int]] = {"d1": [], "d2": []}
    found = []
    for day, ids in [("d1", [1, 2, 3, 4, 5]), ("d2", [6, 7, 8, 9]), ("d2", [6, 7, 10]), ("d1", [])]:
        days[day] = ids
        taken = [(key, of) for of, keys in days.items() for key in keys]
        frame = (
            rows(len(taken), seed=5).drop(columns="kind").assign(key=[k for k, _ in taken], day=[d for _, d in taken])
        )
        project.write("new", frame)
        select = () if not found else ("new", *targets)
        finished = project.run(*select, partition=day)
        assert finished.success, finished.messages
        found.append({name: ids_by_partition(to, tmp_path) for name, to in targets.items()})
    expected = [{"d1": [1, 2, 3, 4, 5]}, {"d1": [1, 2, 3, 4, 5], "d2": [6, 7, 8, 9]},
                {"d1": [1, 2, 3, 4, 5], "d2": [6, 7, 10]}, {"d2": [6, 7, 10]}]  # fmt: skip
    assert found == [dict.fromkeys(targets, one) for one in expected]
    stored = project.warehouse.read("demo/kept", partition="d2").set_index("sample_id")
    served = held(targets["served"], tmp_path).set_index("sample_id")
    assert served.loc[stored.index, "p_yes"].tolist() == stored["p_yes"].tolist()  # to the bit


@pytest.fixture
def whole(tmp_path: Path) -> Project:
    """A project without partitions, whose step writes to out/scores.duckdb, a folder that is not there."""
    to = {"database": "out/scores.duckdb", "table": "scores"}
    steps = {"model": {"use": "logistic_regression"}, "scored": {"predict": "model", "to": to}}
    return Project(tmp_path, spec(data__test=None, steps=steps))


def test_target_when_it_cannot_be_written_then_told_and_written_by_the_next_run(whole: Project):
    finished = whole.run()
    assert not finished.success
    told = str(finished.messages["scored"])
    assert "demo/scored is not written to table scores of out/scores.duckdb: there is no folder" in told
    assert "Version 1 of it is in the warehouse, and the next run writes it" in told
    assert len(whole.warehouse.read("demo/scored")) == 120
    (whole.folder / "out").mkdir()
    assert whole.run().success
    to = {"database": "out/scores.duckdb", "table": "scores"}
    assert len(held(to, whole.folder)) == 120
    assert len(whole.warehouse.commits("demo/scored")) == 1  # it was not made anew
    assert whole.warehouse.latest("demo/scored").run_id == set(held(to, whole.folder)["run_id"]).pop()


def test_gate_when_closed_behind_the_predictions_then_the_target_keeps_what_it_held(whole: Project):
    (whole.folder / "out").mkdir()
    whole.attributes["gates"] = {"scored": [{"expect_prediction_shift_below": {"max_effect_size": 0.2}}]}
    assert whole.run().success
    to = {"database": "out/scores.duckdb", "table": "scores"}
    before = held(to, whole.folder)
    whole.write("target", rows(120, seed=2, shift=4.0, start=1000))
    assert not whole.run("target", "scored").success
    assert whole.warehouse.latest("demo/scored").version == 2
    pd.testing.assert_frame_equal(held(to, whole.folder), before)
    whole.attributes["steps"]["scored"]["to"] = {"path": "out/scores.csv"}  # another target makes nothing anew
    whole.attributes["gates"] = {}
    assert whole.run("scored").success
    assert whole.warehouse.latest("demo/scored").version == 2
    written = pd.read_csv(whole.folder / "out" / "scores.csv")
    assert (len(written), set(written["version"])) == (120, {2})
    with duckdb.connect(whole.folder / "out" / "scores.duckdb") as con:
        assert con.execute("SELECT DISTINCT version FROM scores").fetchall() == [(1,)]
