"""A declared pipeline runs on a real Dagster instance and a real DuckDB file; what fails loses nothing else."""

from __future__ import annotations

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from ballast.errors import SpecError
from tests.orchestration.projects import Project, rows, spec


def versions(project: Project) -> dict[str, int]:
    return {c.asset: c.version for c in reversed(project.warehouse.commits())}


def test_run_stores_every_step_and_judges_every_stage(project: Project):
    finished = project.run()
    assert finished.success, finished.messages
    warehouse = project.warehouse
    weights = warehouse.sql("SELECT * FROM demo.density")
    assert list(weights.columns) == ["sample_id", "weight"]
    assert len(weights) == 200
    assert weights["weight"].mean() == pytest.approx(1.0, rel=1e-5)
    assert set(weights["sample_id"]) == set(pd.read_csv(project.folder / "train.csv")["key"])
    for name, node in project.plan.nodes.items():
        if name == "report":
            continue
        commit = warehouse.latest(f"demo/{name}")
        assert commit is not None, name
        judged = {v.gate for v in warehouse.verdicts(commit.asset, version=commit.version)}
        assert judged == {e.name for e in node.suite}
    assert finished.report is not None
    assert "reweighted" in finished.report.read_text(encoding="utf-8")


def test_run_records_the_lineage_of_every_commit(ran: Project):
    commit = ran.warehouse.latest("demo/reweighted")
    assert commit is not None
    assert commit.method == "logistic_regression"
    assert {"demo/train", "demo/train/features", "demo/density"} == set(commit.inputs)
    assert commit.run_id


def test_run_again_when_a_source_changed_recomputes_what_depends_on_it(ran: Project):
    ran.write("target", rows(150, seed=9, shift=0.7, start=5000))
    assert ran.run().success
    after = versions(ran)
    assert after["demo/target"] == after["demo/density"] == after["demo/reweighted"] == 2
    assert after["demo/train"] == after["demo/baseline"] == 1


def test_run_when_asked_for_a_fresh_one_computes_all_again(ran: Project):
    assert ran.run(fresh=True).success
    assert set(versions(ran).values()) == {2}


def test_run_of_one_step_leaves_the_others_as_they_are(ran: Project):
    ran.attributes = spec(steps__density={"use": "density_ratio_classifier", "params": {"n_folds": 3}})
    finished = ran.run("density")
    assert finished.states == {"density": "done"}
    assert versions(ran)["demo/density"] == 2
    assert versions(ran)["demo/reweighted"] == 1


def test_step_selected_before_its_inputs_exist_names_the_step_to_run(project: Project):
    finished = project.run("density")
    assert not finished.success
    assert "demo/train/features has not been made yet" in finished.messages["density"]
    assert "--select train/features" in finished.messages["density"]


def test_run_when_a_step_fails_keeps_the_others_and_resumes(begun: Project, monkeypatch):
    monkeypatch.setenv("BALLAST_TRUSTED_TYPES", "tests.orchestration.commands.test_running.Fragile")
    begun.attributes = spec(
        steps__noisy={"use": "tests.orchestration.commands.test_running.Fragile", "params": {"fail": True}}
    )
    finished = begun.run()
    assert not finished.success
    assert finished.states["noisy"] == "failed"
    assert "the learner broke" in finished.messages["noisy"]
    assert finished.states["verdict"] == "done"
    assert finished.report is not None
    before = versions(begun)
    begun.attributes = spec(steps__noisy={"use": "tests.orchestration.commands.test_running.Fragile"})
    assert begun.run().success
    after = versions(begun)
    assert after.pop("demo/noisy") == 1
    assert after == before


def test_closed_gate_stops_what_depends_on_it_and_nothing_else(begun: Project):
    begun.attributes = spec(gates__density=[{"expect_effective_sample_size": {"min_share": 1.0}}])
    finished = begun.run()
    assert not finished.success
    assert finished.states["reweighted"] == "skipped"
    assert finished.states["baseline"] == "done"
    assert "demo/density" in versions(begun)
    assert "demo/reweighted" not in versions(begun)
    closed = [v for v in begun.warehouse.verdicts("demo/density", version=1) if not v.passed]
    assert [v.gate for v in closed] == ["expect_effective_sample_size"]
    assert closed[0].observed["effective_sample_size"] < 200


def test_step_launched_alone_behind_a_closed_gate_refuses_with_gate_and_figures(stopped: Project):
    finished = stopped.run("reweighted")
    message = finished.messages["reweighted"]
    assert not finished.success
    for words in ("demo/density", "version 1", "expect_effective_sample_size", "of 200 rows", "force"):
        assert words in message


def test_step_forced_past_a_closed_gate_runs_and_the_force_is_recorded(stopped: Project):
    assert stopped.run("reweighted", force=True).success
    forced = [v for v in stopped.warehouse.verdicts("demo/density", version=1) if v.forced]
    assert [v.gate for v in forced] == ["expect_effective_sample_size"]


def test_force_of_one_run_does_not_open_the_gate_for_the_next(stopped: Project):
    stopped.run("reweighted", force=True)
    assert not stopped.run("reweighted").success


def test_gate_that_only_warns_lets_pass_and_is_kept(begun: Project):
    begun.attributes = spec(gates__density=[{"expect_effective_sample_size": {"min_share": 1.0, "severity": "warn"}}])
    assert begun.run().success
    assert [v.severity for v in begun.warehouse.verdicts("demo/density", version=1) if not v.passed] == ["warn"]


def test_gate_that_changes_is_judged_on_the_stored_version(ran: Project):
    ran.attributes = spec(gates__density=[{"expect_effective_sample_size": {"min_share": 1.0}}])
    assert not ran.run().success
    assert versions(ran)["demo/density"] == 1


BAD_DATA = {
    "ids shared by train and test": (
        lambda p: p.write("test", pd.concat([rows(50, seed=3), rows(50, seed=4, start=3000)])),
        ["expect_no_shared_ids", "50"],
        "verdict",
    ),
    "duplicated ids": (
        lambda p: p.write("train", pd.concat([rows(100, seed=1)] * 2)),
        ["expect_unique_ids", "100"],
        "baseline",
    ),
    "null ids": (
        lambda p: p.write("train", rows(200, seed=1).assign(key=lambda t: t["key"].where(t.index > 2))),
        ["expect_unique_ids", "3"],
        "baseline",
    ),
    "null labels": (
        lambda p: p.write("train", rows(200, seed=1).assign(kind=lambda t: t["kind"].where(t.index > 4))),
        ["expect_no_null_labels", "5"],
        "baseline",
    ),
    "one class": (lambda p: p.write("train", rows(200, seed=1).assign(kind="yes")), ["class", "kind"], "baseline"),
}


@pytest.mark.parametrize(("spoil", "said", "stopped"), BAD_DATA.values(), ids=BAD_DATA)
def test_bad_rows_close_the_gate_behind_their_source(project: Project, spoil, said, stopped):
    spoil(project)
    finished = project.run()
    assert not finished.success
    closed = [
        f"{v.gate} {v.message}"
        for role in ("train", "test")
        for v in project.warehouse.verdicts(f"demo/{role}", version=1)
        if not v.passed and v.severity == "error"
    ]
    assert closed
    for words in said:
        assert any(words in message for message in closed), closed
    assert finished.states[stopped] == "skipped"


def test_closed_gate_behind_a_data_role_stops_what_reads_its_rows_and_nothing_else(begun: Project):
    begun.attributes = spec(gates__test=[{"expect_column_to_exist": {"column": "price"}}])
    finished = begun.run()
    skipped = {unit for unit, state in finished.states.items() if state == "skipped"}
    assert skipped == {"test/features", "verdict", "report"}
    assert finished.states["test"] == "failed"
    assert finished.states["reweighted"] == "done"


def test_encoder_selected_brings_its_matrices_and_a_matrix_is_made_alone(begun: Project):
    begun.write("target", rows(150, seed=9, shift=0.7, start=5000))
    assert begun.run("target").success
    assert begun.run("target/features").states == {"target/features": "done"}
    assert begun.run("encoder").states == dict.fromkeys(
        ("encoder", "train/features", "target/features", "test/features"), "done"
    )
    assert versions(begun)["demo/target/features"] == 2
    assert versions(begun)["demo/encoder"] == 1


def test_null_and_constant_columns_are_named_and_left_out(project: Project):
    project.write("train", rows(200, seed=1).assign(empty=np.nan, same=7))
    project.write("target", rows(120, seed=2, shift=0.5, start=1000).assign(empty=np.nan, same=7))
    project.write("test", rows(100, seed=3, shift=0.5, start=2000).assign(empty=np.nan, same=7))
    finished = project.run()
    assert finished.success, finished.messages
    warned = {v.gate: v.message for v in project.warehouse.verdicts("demo/train", version=1) if not v.passed}
    assert "empty" in warned["expect_no_empty_columns"]
    assert "same" in warned["expect_no_constant_columns"]
    commit = project.warehouse.latest("demo/train/features")
    assert commit is not None
    assert commit.summary["dropped_columns"].keys() == {"empty", "same"}


def test_missing_infinite_and_unseen_values_are_encoded_and_counted(project: Project):
    target = rows(120, seed=2, shift=0.5, start=1000).assign(extra=1.0)
    target.loc[:4, "height"] = np.nan
    target.loc[5:6, "height"] = np.inf
    target.loc[:9, "colour"] = "violet"
    target.to_parquet(project.folder / "target.parquet")
    project.attributes = spec(data__target__path="target.parquet")
    finished = project.run()
    assert finished.success, finished.messages
    commit = project.warehouse.latest("demo/target/features")
    assert commit is not None
    assert commit.summary["imputed_nan"] == {"height": 5}
    assert commit.summary["imputed_inf"] == {"height": 2}
    assert commit.summary["unseen_categories"] == {"colour": 10}
    assert commit.summary["ignored_columns"] == ["extra"]


def test_target_disjoint_from_train_is_refused_with_the_effective_sample_size(project: Project):
    project.write("target", rows(120, seed=2, shift=60.0, start=1000))
    finished = project.run()
    assert finished.states["density"] == "failed"
    assert "does not overlap the 200 training rows" in finished.messages["density"]
    assert "effective sample size" in finished.messages["density"]
    assert finished.states["baseline"] == "done"


def test_learner_that_takes_no_weights_is_refused_with_the_remedy(begun: Project):
    begun.attributes = spec(steps__reweighted={"use": "sklearn.neighbors.KNeighborsClassifier", "weights": "density"})
    finished = begun.run()
    assert not finished.success
    assert "KNeighborsClassifier" in finished.messages["reweighted"]
    assert "rows:" in finished.messages["reweighted"]


def test_run_when_it_is_interrupted_keeps_what_was_finished(project: Project):
    project.attributes = spec(steps__noisy={"use": "tests.orchestration.commands.test_running.Interrupted"})
    with pytest.raises(KeyboardInterrupt):
        project.run()
    done = versions(project)
    assert "demo/train" in done
    project.attributes = spec()
    assert project.run().success
    assert done.items() <= versions(project).items()


def test_materialisations_carry_numbers_and_checks_that_dagster_can_plot(project: Project):
    finished = project.run()
    event = project.instance.get_latest_materialization_event(dg.AssetKey(["demo", "density"]))
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert metadata["dagster/row_count"].value == 200
    assert isinstance(metadata["effective_sample_size"].value, float)
    assert "dagster/column_schema" in metadata
    assert any(isinstance(v, dg.MarkdownMetadataValue) and "![" in str(v.value) for v in metadata.values())
    checks = project.instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(dg.AssetKey(["demo", "density"]), "expect_effective_sample_size"), limit=1
    )
    assert checks[0].run_id == finished.run_id
    assert checks[0].event is not None


def test_partitioned_pipeline_weighs_each_partition_against_its_own_target(project: Project):
    project.attributes = spec(partitions={"column": "colour", "static": ["red", "green"], "roles": ["target", "test"]})
    for colour in ("red", "green"):
        finished = project.run(partition=colour)
        assert finished.success, finished.messages
    weights = project.warehouse.sql("SELECT partition, count(*) AS n FROM demo.density GROUP BY 1 ORDER BY 1")
    assert weights.values.tolist() == [["green", 200], ["red", 200]]
    red, green = (project.warehouse.read("demo/density", partition=p) for p in ("red", "green"))
    assert not np.allclose(red["weight"], green["weight"])
    assert len(project.warehouse.commits("demo/baseline")) == 1


class Fragile:
    """A learner that breaks when told to."""

    def __init__(self, fail: bool = False) -> None:
        self.fail = fail

    def get_params(self, deep: bool = True) -> dict[str, object]:
        return {"fail": self.fail}

    def fit(self, X, y, sample_weight=None):
        if self.fail:
            raise RuntimeError("the learner broke")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))


class Interrupted(Fragile):
    """A learner that is stopped by Ctrl-C."""

    def fit(self, X, y, sample_weight=None):
        raise KeyboardInterrupt


def test_run_of_operators_makes_weight_tables_from_weight_tables(begun: Project):
    begun.attributes = spec(
        steps__classes={"use": "inverse_class_frequency"},
        steps__joint={"use": "multiply_weights", "weights": ["density", "classes"]},
        steps__bounded={"use": "clip_weights", "weights": "joint", "params": {"upper": 2.0}},
        steps__balance={"use": "weight_diagnostics", "weights": ["density", "classes", "joint", "bounded"]},
        steps__reweighted__weights="bounded",
    )
    finished = begun.run()
    assert finished.success, finished.messages
    joined = begun.warehouse.sql(
        "SELECT density.weight * classes.weight AS product, joint.weight AS joint, bounded.weight AS bounded "
        "FROM demo.density AS density JOIN demo.classes AS classes USING (sample_id) "
        "JOIN demo.joint AS joint USING (sample_id) JOIN demo.bounded AS bounded USING (sample_id)"
    )
    assert len(joined) == 200
    np.testing.assert_allclose(joined["joint"], joined["product"] / joined["product"].mean(), rtol=1e-5)
    clipped = joined["joint"].clip(upper=2.0)
    np.testing.assert_allclose(joined["bounded"], clipped / clipped.mean(), rtol=1e-5)


def test_run_of_operators_on_weights_of_different_rows_is_refused(begun: Project):
    begun.attributes = spec(
        steps__classes={"use": "inverse_class_frequency"},
        steps__joint={"use": "multiply_weights", "weights": ["classes", "density"]},
    )
    assert begun.run().success
    weights = begun.warehouse.read("demo/classes")
    begun.warehouse.commit("demo/classes", weights.head(150))
    finished = begun.run("joint", force=True)
    assert "weights are not of the same rows (classes 150, density 200)" in finished.messages["joint"]
    begun.warehouse.commit("demo/classes", weights.assign(sample_id=[f"x{i}" for i in range(200)]))
    finished = begun.run("joint", force=True)
    assert "density has no row for 200 of 200 sample ids (such as x0, x1, x2)" in finished.messages["joint"]


def test_run_of_importance_weighted_cross_validation_judges_the_training_rows(begun: Project):
    choice = {"use": "importance_weighted_cross_validation", "models": ["baseline", "reweighted"], "weights": "density"}
    begun.attributes = spec(steps__choice=choice)
    with pytest.raises(
        SpecError, match="'density' weighs the train rows, but 'choice' works on the test rows; set `on: train`"
    ):
        _ = begun.plan
    begun.attributes = spec(steps__choice=choice | {"on": "train"})
    finished = begun.run()
    assert finished.success, finished.messages
    table = begun.warehouse.read("demo/choice")
    assert set(table["model"]) == {"baseline", "reweighted"}
    assert table.loc[table["metric"] == "share_selected", "value"].sum() == pytest.approx(1.0)


def test_step_reads_another_column_as_the_label_and_is_made_anew(project: Project):
    frame = rows(200, seed=1)
    frame["other"] = frame["kind"].iloc[::-1].to_numpy()
    project.write("train", frame)
    steps = {"classes": {"use": "inverse_class_frequency"}, "model": {"use": "logistic_regression"}}
    project.attributes = spec(steps=steps, data__train__drop=["other"])
    assert project.run().success
    project.attributes = spec(steps=steps, data__train__drop=["kind"], data__train__label="other")
    assert project.run().success
    for step in steps:
        commit = project.warehouse.latest(f"demo/{step}")
        assert commit is not None
        assert commit.version == 2, f"{step} still stands on the label of before"
