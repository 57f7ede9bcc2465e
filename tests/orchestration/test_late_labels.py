"""Predictions judged by labels that come later than their rows, and for some of these only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from ballast.cli.outcome import print_outcome
from ballast.errors import SpecError
from ballast.gates import Judgement, StaticContext, judge, parse_suite
from ballast.given.judging import judged_classes, judged_numbers
from ballast.methods.frame.reports import Assessment
from ballast.orchestration.commands.run import Finished
from ballast.orchestration.run.outline import outline_of
from ballast.reporting.figures import figures_for
from ballast.reporting.findings.predictions import predictions
from ballast.reporting.snapshot import take_snapshot
from tests.orchestration.projects import Project, rows, spec

METRIC = {"name": "accuracy", "at_least": 0.5, "least_labelled": 0.3}


def gate(report: Assessment, **arguments: Any) -> Judgement:
    suite = parse_suite([{"expect_metric": {**METRIC, **arguments}}], where="gates", stage="metrics")
    (found,) = judge(suite, report.table, StaticContext(stage="metrics"))
    return found


def early(n: int = 100_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives the predictions and the labels of n rows, of which those predicted True have theirs first."""
    r = np.random.default_rng(6)
    truth = r.random(n) < 0.3
    pred = np.where(r.random(n) < 0.2, ~truth, truth)
    return pred, truth, r.random(n) < np.where(pred, 0.9, 0.05)


def test_metric_when_some_predictions_have_labels_sooner_then_weighed_to_all():
    pred, truth, known = early()
    report = judged_classes(pd.Series(pred), pd.Series(np.where(known, truth, None)))
    assert report.value("labelled_share") == pytest.approx(0.371, abs=1e-3)
    assert report.value("labelled_share", slice="predicted True") == pytest.approx(0.9, abs=0.01)
    assert report.value("labelled_share", slice="predicted False") == pytest.approx(0.05, abs=0.01)
    assert report.value("accuracy", slice="(labelled)") == pytest.approx(0.6541, abs=5e-5)
    assert report.value("accuracy") == pytest.approx(0.7986, abs=5e-5)
    row = report.table[(report.table["metric"] == "accuracy") & (report.table["slice"] == "(all)")].iloc[0]
    assert row["low"] < (pred == truth).mean() < row["high"]
    open_ = gate(report, at_least=0.79)
    assert open_.passed
    assert "accuracy is 0.7986 with labels weighed by what was predicted, 0.6541 unweighted" in open_.message
    assert "37.1% of 100000 rows have a label (" in open_.message
    assert not gate(report, at_least=0.8).passed


def test_metric_when_fewer_rows_have_labels_than_asked_then_closed_with_the_shares():
    pred, truth, known = early(2000)
    report = judged_classes(pd.Series(pred), pd.Series(np.where(known, truth, None)))
    closed = gate(report, least_labelled=0.5)
    assert not closed.passed
    assert "of 2000 rows have a label" in closed.message
    assert "of those predicted False" in closed.message
    assert "at least 50.0% needed" in closed.message


def test_metric_when_a_predicted_class_has_no_label_then_not_judged_and_named():
    pred, truth = np.array(["a"] * 6 + ["b"] * 4), np.array(["a"] * 6 + ["b"] * 4, dtype=object)
    truth[6:] = None
    report = judged_classes(pd.Series(pred), pd.Series(truth))
    assert report.value("accuracy", slice="(labelled)") == 1
    closed = gate(report)
    assert not closed.passed
    assert "cannot be judged" in closed.message
    assert "none of those predicted b" in closed.message
    assert gate(report, slice="(labelled)").passed


def test_metric_when_no_label_has_come_then_closed():
    report = judged_classes(pd.Series(["a", "b"]), pd.Series([None, None], dtype=object), np.eye(2), ["a", "b"])
    assert report.value("labelled_share") == 0
    assert set(report.table["metric"]) == {"labelled_share"}
    assert "0.0% of 2 rows have a label" in gate(report).message


def test_label_when_training_never_had_it_then_the_row_is_wrong():
    probs = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    labels = pd.Series(["no", "yes", "maybe", "yes"])
    report = judged_classes(pd.Series(["no", "yes", "no", "yes"]), labels, probs, ["no", "yes"])
    assert report.value("accuracy") == 0.75
    assert report.value("log_loss_cut_share") == 0.25
    assert report.value("brier") > 0.25


def test_prediction_when_it_is_not_the_likeliest_class_then_its_own_is_judged():
    probs = np.array([[0.9, 0.1], [0.8, 0.2]])
    report = judged_classes(pd.Series([1, 1]), pd.Series([1.0, 1.0]), probs, [0, 1])
    assert report.value("accuracy") == 1
    assert report.value("log_loss") == pytest.approx(-np.log([0.1, 0.2]).mean())


def test_numbers_when_large_predictions_have_labels_sooner_then_weighed_to_all():
    r = np.random.default_rng(0)
    said = r.normal(size=20_000)
    truth = said + r.normal(size=20_000) * np.where(said > 0, 2.0, 0.5)
    known = r.random(20_000) < np.where(said > 0, 0.9, 0.1)
    report = judged_numbers(pd.Series(said), pd.Series(np.where(known, truth, np.nan)))
    of_all = np.abs(truth - said).mean()
    assert report.value("mean_absolute_error") == pytest.approx(of_all, rel=0.05)
    assert report.value("mean_absolute_error", slice="(labelled)") > 1.3 * of_all
    assert gate(report, name="mean_absolute_error", at_least=None, at_most=1.1 * of_all).passed


NEW = {
    "like": "target",
    "path": "new.csv",
    "id": "key",
    "labels_from": {"path": "labels.csv", "id": "key", "label": "outcome", "time": "at"},
}


def late(**changes: Any) -> dict[str, Any]:
    """Gives a pipeline that scores rows whose labels come late; `changes` are those of ``spec``."""
    return spec(
        **{
            "data__new": NEW,
            **dict.fromkeys(("steps__verdict", "steps__density", "steps__reweighted", "data__target", "data__test")),
            "steps__drift": {"use": "kolmogorov_smirnov", "against": "new"},
            "steps__judged": {"use": "classification_metrics", "model": "baseline", "on": "new"},
            "steps__scored": {"predict": "baseline", "on": "new", "to": {"path": "scored.csv"}},
            "gates": {"scored": [{"expect_metric": METRIC}]},
            **changes,
        }
    )


ROWS = rows(80, seed=9, start=5000)


def labels() -> pd.DataFrame:
    """Gives labels of 50 of the rows, one of them twice, two that differ, a blank one, and one of another row."""
    found = ROWS[["key", "kind"]].rename(columns={"kind": "outcome"}).iloc[:52].assign(at="2026-01-02")
    found.loc[51, "outcome"] = None
    other = {"yes": "no", "no": "yes"}[found["outcome"].iloc[50]]
    more = [("r5050", other, "2026-01-02"), ("r5000", found["outcome"].iloc[0], "2026-01-03"), ("r9", "no", None)]
    return pd.concat([found, pd.DataFrame(more, columns=["key", "outcome", "at"])])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, list[Finished]]:
    project = Project(tmp_path_factory.mktemp("late"), late())
    project.write("new", ROWS.drop(columns="kind"))
    before = project.run()
    project.write("labels", labels())
    return project, [before, project.run(), project.run()]


def versions(project: Project) -> dict[str, int]:
    return {n: len(project.warehouse.commits(f"demo/{n}")) for n in project.plan.nodes if n != "report"}


def test_run_when_no_label_has_come_then_predictions_are_there_and_the_metric_is_closed(runs):
    project, (before, *_) = runs
    assert not before.success
    assert before.states["scored"] == "done"
    told = {v.gate: v.message for v in project.warehouse.verdicts("demo/scored/metrics", version=1) if not v.passed}
    assert told.keys() == {"expect_metric__accuracy"}
    assert "0.0% of 80 rows have a label" in told["expect_metric__accuracy"]
    assert all(v.passed for v in project.warehouse.verdicts("demo/scored", version=1))


def test_run_when_labels_have_come_then_only_what_reads_them_is_made_anew(runs):
    project, (_, after, again) = runs
    assert after.success, after.messages
    assert again.success
    made = versions(project)
    assert {name for name, n in made.items() if n > 1} == {"new/labels", "scored/metrics"}
    assert made["new/labels"] == made["scored/metrics"] == 2
    assert {"new", "drift", "scored"} <= after.reused
    assert {"new/labels", "scored/metrics", "judged"} <= again.reused


def test_target_of_a_step_when_its_predictions_are_judged_then_holds_the_predictions(runs):
    project, _ = runs
    written = pd.read_csv(project.folder / "scored.csv")
    assert list(written["sample_id"]) == list(ROWS["key"])
    assert "prediction" in written


def test_labels_when_joined_then_a_row_a_row_and_what_is_wrong_is_counted(runs):
    project, _ = runs
    table = project.warehouse.read("demo/new/labels")
    assert list(table["sample_id"]) == list(ROWS["key"])
    assert (table["label"].iloc[:50] == ROWS["kind"].iloc[:50]).all()
    assert table["label"].iloc[50:].isna().all()
    assert list(table["state"].iloc[49:53]) == ["labelled", "contradicted", "blank", "missing"]
    commit = project.warehouse.latest("demo/new/labels")
    assert commit is not None
    counts = {"labelled": 50, "missing": 30, "repeated": 1, "contradicted": 1, "blank": 1, "unknown": 1, "later": 0}
    assert counts.items() <= commit.summary.items()


def test_metric_when_labels_have_come_then_of_the_predictions_and_their_labels(runs):
    project, _ = runs
    found = project.warehouse.read("demo/scored/metrics").set_index(["metric", "slice"])["value"]
    said = project.warehouse.read("demo/scored")["prediction"]
    right = (said == ROWS["kind"]).iloc[:50]
    assert found["labelled_share", "(all)"] == 50 / 80
    assert found["accuracy", "(labelled)"] == pytest.approx(right.mean())
    size = said.map(said.value_counts()) / said.map(said.iloc[:50].value_counts())
    assert found["accuracy", "(all)"] == pytest.approx(np.average(right, weights=size.iloc[:50]))


def test_assessor_when_labels_of_its_rows_come_late_then_it_judges_those_that_are_there(runs):
    project, _ = runs
    judged = project.warehouse.read("demo/judged").set_index(["metric", "slice"])
    assert judged.loc[("labelled_share", "(all)"), "value"] == 50 / 80
    assert judged.loc[("accuracy", "(all)"), "n"] == 50


def test_counts_when_labels_have_come_then_told_in_terminal_report_and_dagster(
    runs, capsys: pytest.CaptureFixture[str]
):
    project, (_, after, _) = runs
    print_outcome(project.plan, project.warehouse, after, {}, whole=True)
    told = "50 of 80 rows have a label (62.5 %), 30 are still without"
    assert f"new/labels: {told}" in capsys.readouterr().out
    assert after.report is not None
    assert told in after.report.read_text(encoding="utf-8")
    event = project.instance.get_latest_materialization_event(dg.AssetKey(["demo", "new_labels"]))
    assert event is not None
    assert event.asset_materialization is not None
    shown = {name: entry.value for name, entry in event.asset_materialization.metadata.items()}
    assert str(shown["labels"]).startswith(told)
    assert shown["missing"] == 30
    assert shown["labelled_share"] == 50 / 80


def test_report_when_labels_have_come_then_says_how_good_the_predictions_are_by_how_many(runs):
    project, _ = runs
    snapshot = take_snapshot(project.warehouse, outline_of(project.plan))
    found = project.warehouse.read("demo/scored/metrics").set_index(["metric", "slice"])["value"]
    (said,) = predictions(snapshot)
    assert f"; by the 50 of 80 labels that have come their accuracy is {found['accuracy', '(all)']:.3g} [" in said.text
    metrics = snapshot.steps["demo/scored/metrics"]
    before = replace(metrics, commit=project.warehouse.version("demo/scored/metrics", 1))
    (said,) = predictions(replace(snapshot, steps={**snapshot.steps, metrics.node.asset: before}))
    assert "; no labels of these have come yet" in said.text
    for step, figures in ((metrics, 1), (before, 0)):
        assert step.table is not None
        assert step.commit is not None
        assert len(list(figures_for("metrics", step.table, step.commit.summary))) == figures


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"data__new__labels_from": {"id": "key", "label": "y"}}, "data.new.labels_from: give exactly one of path, asset"),
    ({"data__new__label": "kind"}, "data.new.label: the labels come from elsewhere"),
    ({"data__new__observed": "seen"}, "data.new.observed: the labels come from elsewhere"),
    ({"data__train__labels_from": NEW["labels_from"]}, "data.train.labels_from: a model is trained on labels"),
    ({"gates": {"scored": [{"expect_metric": {"name": "accuracy", "at_least": 0.5}}]}}, "least_labelled is missing"),
    ({"data__new__labels_from": None}, "gates.scored: expect_metric needs labels of the rows predicted: name them"),
    ({"steps__new_labels": {"use": "logistic_regression"}}, "steps.new_labels: 'new_labels' is taken"),
    ({"steps__scored_metrics": {"use": "logistic_regression"}}, "table would have the same name as one of step"),
]


@pytest.mark.parametrize(("changes", "said"), WRONG, ids=[said for _, said in WRONG])
def test_pipeline_when_late_labels_are_wrong_then_said_where_and_how(
    tmp_path: Path, changes: dict[str, Any], said: str
):
    own = {"data__new": {**NEW}}
    with pytest.raises(SpecError) as error:
        _ = Project(tmp_path, late(**own, **changes)).plan
    assert said in str(error.value)
