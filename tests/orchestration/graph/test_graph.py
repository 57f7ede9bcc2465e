"""What Dagster sees of a pipeline: keys, groups, kinds, checks, partitions, schedules, sensors, automation."""

from __future__ import annotations

import os
from datetime import datetime

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from ballast.orchestration.commands.run import run
from ballast.orchestration.graph.keys import key_of
from ballast.orchestration.projects.find import Declared
from ballast.warehouse import matrix_of
from tests.orchestration.projects import Project, rows, spec


def key(name: str) -> dg.AssetKey:
    return key_of(f"demo/{name}")


def test_assets_have_key_group_kind_description_and_dependencies(project: Project):
    graph = project.definitions.resolve_asset_graph()
    node = graph.get(key("reweighted"))
    assert node.group_name == "demo"
    assert "model" in node.kinds
    assert node.description
    assert node.code_version
    assert node.parent_keys == {key("train"), key("train/features"), key("density")}
    assert graph.get(key("report")).parent_keys == {key("drift"), key("verdict")}


def test_every_gate_is_a_check_that_blocks_unless_it_only_warns(project: Project):
    project.attributes = spec(gates__density=[{"expect_effective_sample_size": {"min_share": 0.5, "severity": "warn"}}])
    graph = project.definitions.resolve_asset_graph()
    checks = {k: graph.get_check_spec(k) for k in graph.asset_check_keys}
    warned = dg.AssetCheckKey(key("density"), "expect_effective_sample_size")
    assert not checks[warned].blocking
    assert checks[dg.AssetCheckKey(key("density"), "expect_mean_weight")].blocking
    for name, node in project.plan.nodes.items():
        assert {k.name for k in checks if k.asset_key == key(name)} == {e.name for e in node.suite}


def test_training_recordings_are_made_where_a_score_asks_for_them(project: Project):
    project.attributes = spec(
        steps__net={"use": "torch_mlp", "params": {"max_epochs": 3}},
        steps__noise={"use": "area_under_margin", "model": "net", "params": {"noise_rate": 0.1}},
    )
    assert "net/dynamics" in project.plan.nodes
    assert "baseline/dynamics" not in project.plan.nodes
    finished = project.run()
    assert finished.success, finished.messages
    scores = project.warehouse.read("demo/noise")
    assert list(scores.columns) == ["sample_id", "score", "flagged"]
    assert len(scores) == 200
    assert 0 < scores["flagged"].sum() < 60


def test_model_trained_on_made_up_rows_learns_from_them(project: Project):
    project.write("train", rows(200, seed=1).query("kind == 'yes' or index % 5 == 0"))
    project.attributes = spec(
        steps__oversampled={"use": "smote"},
        steps__retrained={"use": "logistic_regression", "rows": "oversampled"},
        steps__verdict__models=["baseline", "retrained"],
    )
    finished = project.run()
    assert finished.success, finished.messages
    dataset = project.warehouse.sql("SELECT label, count(*) AS n FROM demo.oversampled GROUP BY label")
    assert dataset["n"].nunique() == 1
    parents = project.warehouse.sql("SELECT * FROM demo.oversampled WHERE is_synthetic AND second_parent_id IS NULL")
    assert parents.empty


def test_method_in_the_embedding_of_a_model_sees_that_space(project: Project):
    project.attributes = spec(
        steps__net={"use": "torch_mlp", "params": {"max_epochs": 3}},
        steps__novelty={"use": "mahalanobis", "embed": "net"},
    )
    finished = project.run()
    assert finished.success, finished.messages
    assert len(project.warehouse.read("demo/novelty")) == 120


def test_schedule_of_a_plain_pipeline_runs_its_job(project: Project):
    project.attributes = spec(schedule={"cron": "0 6 * * 1", "timezone": "Europe/Oslo"})
    schedule = project.definitions.resolve_schedule_def("demo_schedule")
    assert schedule.cron_schedule == "0 6 * * 1"
    assert schedule.execution_timezone == "Europe/Oslo"
    assert schedule.job_name == "demo"


def test_schedule_of_static_partitions_asks_for_a_run_of_each(project: Project):
    project.attributes = spec(
        schedule={"cron": "0 6 * * 1"},
        partitions={"column": "colour", "static": ["red", "green"]},
    )
    schedule = project.definitions.resolve_schedule_def("demo_schedule")
    context = dg.build_schedule_context(
        project.instance,
        scheduled_execution_time=datetime(2026, 1, 5, 6),
        repository_def=project.definitions.get_repository_def(),
    )
    requests = schedule.evaluate_tick(context).run_requests or []
    assert [r.partition_key for r in requests] == ["red", "green"]
    assert len({r.run_key for r in requests}) == 2


def test_sensor_asks_for_a_run_when_a_source_file_changes_and_only_then(project: Project):
    project.attributes = spec(sensor={"every": 30})
    sensor = project.definitions.resolve_sensor_def("demo_sensor")
    assert sensor.minimum_interval_seconds == 30
    first = sensor.evaluate_tick(dg.build_sensor_context(project.instance, cursor=None))
    assert len(first.run_requests or []) == 1
    again = sensor.evaluate_tick(dg.build_sensor_context(project.instance, cursor=first.cursor))
    assert not again.run_requests
    project.write("target", rows(130, seed=5, start=9000))
    changed = sensor.evaluate_tick(dg.build_sensor_context(project.instance, cursor=first.cursor))
    assert len(changed.run_requests or []) == 1


def test_sensor_asks_for_a_run_when_a_file_is_put_back_or_changed_under_its_old_size_and_time(project: Project):
    """A key that was used before would be skipped by Dagster."""
    project.attributes = spec(sensor={"every": 30})
    sensor = project.definitions.resolve_sensor_def("demo_sensor")
    file, cursor, keys = project.folder / "train.csv", None, []

    def put(content: bytes) -> None:
        file.write_bytes(content)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    before, old = file.stat(), file.read_bytes()
    for change in (None, b"key,height\n", old, old.replace(b"0.", b"1.", 3)):
        if change is not None:
            put(change)
        tick = sensor.evaluate_tick(dg.build_sensor_context(project.instance, cursor=cursor))
        cursor = tick.cursor
        keys += [request.run_key for request in tick.run_requests or []]
    assert len(set(keys)) == 4
    file.unlink()
    gone = sensor.evaluate_tick(dg.build_sensor_context(project.instance, cursor=cursor))
    assert all(len(key) < 200 for key in [*keys, gone.cursor or ""])


def test_sensor_watches_absolute_paths_and_asks_for_every_partition(project: Project):
    project.attributes = spec(
        sensor={"every": 30},
        data__target__path=str(project.folder / "target.csv"),
        partitions={"column": "colour", "static": ["red", "green"]},
    )
    sensor = project.definitions.resolve_sensor_def("demo_sensor")
    first = sensor.evaluate_tick(
        dg.build_sensor_context(project.instance, cursor=None, repository_def=project.definitions.get_repository_def())
    )
    assert [r.partition_key for r in first.run_requests or []] == ["red", "green"]
    project.write("target", rows(130, seed=5, start=9000))
    changed = sensor.evaluate_tick(
        dg.build_sensor_context(
            project.instance, cursor=first.cursor, repository_def=project.definitions.get_repository_def()
        )
    )
    assert [r.partition_key for r in changed.run_requests or []] == ["red", "green"]


def test_eager_automation_waits_for_the_gates_of_what_it_reads(project: Project):
    project.attributes = spec(automation="eager")
    condition = project.definitions.resolve_asset_graph().get(key("reweighted")).automation_condition
    assert condition is not None
    assert "all_deps_blocking_checks_passed" in str(condition)


def test_time_partitions_start_where_the_spec_says(project: Project):
    project.attributes = spec(partitions={"column": "day", "time": "weekly", "start": "2026-01-04"})
    node = project.definitions.resolve_asset_graph().get(key("density"))
    assert isinstance(node.partitions_def, dg.TimeWindowPartitionsDefinition)
    assert node.partitions_def.get_first_partition_key() == "2026-01-04"
    assert project.definitions.resolve_asset_graph().get(key("baseline")).partitions_def is None


@pytest.mark.parametrize("columns", [{"text": "note"}, {"embeddings": "emb_*"}])
def test_features_from_text_or_given_embeddings_reach_the_methods(project: Project, columns):
    for name, n, start in (("train", 200, 0), ("target", 120, 1000), ("test", 100, 2000)):
        frame = rows(n, seed=n, start=start)
        frame["note"] = [
            f"{colour} thing of width {width:.0f}" for colour, width in zip(frame.colour, frame.width, strict=True)
        ]
        frame["emb_0"], frame["emb_1"] = frame["height"] * 2, frame["width"] * 3
        project.write(name, frame)
    project.attributes = spec(features=columns)
    finished = project.run()
    assert finished.success, finished.messages
    commit = project.warehouse.latest("demo/train/features")
    assert commit is not None
    assert any("note" in n or "emb_0" in n for n in commit.summary["names"])


def whitened(project: Project, **features: str) -> None:
    """Writes numbers that occur more or less often, and has the pipeline whiten them."""
    for name, n, start in (("train", 200, 0), ("target", 120, 1000), ("test", 100, 2000)):
        frame = rows(n, seed=n, start=start).drop(columns="colour")
        if name == "train":
            frame["often"] = 1 + np.arange(n) % 7
        project.write(name, frame)
    project.attributes = spec(features={"use": "frequency_whitening", **features})


def test_features_from_a_transformer_with_weights_are_white_by_them_and_leave_their_column_out(project: Project):
    whitened(project, weights="often")
    finished = project.run()
    assert finished.success, finished.messages
    commit = project.warehouse.latest("demo/train/features")
    assert commit is not None
    assert commit.summary["names"] == ["frequency_whitening_0", "frequency_whitening_1"]
    Z = matrix_of(project.warehouse.read_arrow("demo/train/features"), "features").astype(float)
    often = 1 + np.arange(200) % 7
    np.testing.assert_allclose((Z * often[:, None]).T @ Z / often.sum(), np.eye(2), atol=1e-4)


def test_features_whose_weights_no_training_row_has_are_refused_with_the_nearest_column(project: Project):
    whitened(project, weights="offen")
    project.run("train", "target", "test")
    refused = project.run("encoder", force=True)  # past the gate that misses the column in the target, too
    assert "features.weights: column 'offen' is not among" in (message := refused.messages["encoder"])
    assert "did you mean 'often'" in message


@dg.asset
def pool() -> pd.DataFrame:
    """Rows whose codes are text, though they are written as numbers."""
    return rows(200, seed=1).assign(code=[f"{10 + i % 7}" for i in range(200)])


def test_file_is_read_in_the_types_of_training_rows_that_are_an_asset_of_dagster(project: Project):
    test = rows(100, seed=3, start=2000).assign(code="11")
    project.write("test", test)
    project.attributes = spec(
        data__train={"asset": "pool", "id": "key", "label": "kind"}, data__target=None,
        steps={"baseline": {"use": "logistic_regression"}},
    )  # fmt: skip
    merged = dg.Definitions.merge(project.definitions, dg.Definitions(assets=[pool]))
    declared = Declared(project.folder / "defs.yaml", project.folder, project.attributes)
    finished = run(declared, project.plan, merged, on=project.instance)
    assert finished.success, finished.messages
    assert project.warehouse.read("demo/test")["code"].unique().tolist() == ["11"]
    assert "holds" not in " ".join(v.message for v in project.warehouse.verdicts("demo/test", version=1))
