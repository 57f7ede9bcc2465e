"""The five sentences, of real runs: shifted or not, weights, models, accuracy foreseen, and whether it may ship."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import dagster as dg
import pandas as pd
import pytest

from ballast.orchestration.run.outline import outline_of
from ballast.reporting import take_snapshot
from ballast.reporting.findings import Finding, findings
from tests.orchestration.projects import Project, rows, spec

CONSTANT = {"use": "sklearn.dummy.DummyClassifier", "params": {"strategy": "constant", "constant": "no"}}


def found(project: Project, partition: str | None = None, failed: tuple[str, ...] = ()) -> dict[str, Finding]:
    snapshot = take_snapshot(project.warehouse, outline_of(project.plan), partition, failed=failed)
    said = findings(snapshot)
    assert [f.topic for f in said][:2] == ["Shift", "Weights"]
    assert len(said) == 5
    assert all(f.text.endswith(".") and "\n" not in f.text and "nan" not in f.text for f in said), said
    return {f.topic: f for f in said}


Make = Callable[..., Project]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    def made(**changes) -> Project:
        return Project(tmp_path_factory.mktemp("project"), spec(**changes))

    return made


@pytest.fixture(scope="module")
def shifted(make: Make) -> Project:
    """The demo, with a model that is worse, an estimate without labels, and a gate on a model; to be read only."""
    gate = [{"expect_metric": {"name": "accuracy", "model": "reweighted", "at_least": 0.5}}]
    project = make(
        data__test={"path": "test.csv", "id": "key", "label": "kind", "groups": "colour"},
        data__train={"path": "train.csv", "id": "key", "label": "kind", "groups": "colour"},
        steps__constant=CONSTANT,
        steps__estimate={"use": "average_thresholded_confidence", "model": "baseline"},
        steps__verdict={"use": "compare_models", "models": ["baseline", "reweighted", "constant"]},
        gates={"verdict": gate},
    )
    assert project.run().success
    return project


def test_shift_when_columns_changed_then_the_sentence_names_them_with_effect_and_medians(shifted: Project):
    said = found(shifted)["Shift"]
    train, target = (pd.read_csv(shifted.folder / f"{role}.csv") for role in ("train", "target"))
    effects = shifted.warehouse.read("demo/drift").set_index("feature")["effect_size"]
    assert said.kind == "bad"
    assert said.steps == ("drift",)
    assert said.text.startswith("The data have shifted: drift finds 2 of ")
    for column in ("height", "width"):
        medians = f"median {train[column].median():.3g} → {target[column].median():.3g}"
        assert column in said.text
        assert f"{effects[column]:.3g}, {medians})" in said.text
    assert "colour" not in said.text


def test_shift_when_nothing_changed_then_the_sentence_says_that_none_was_found(make: Make):
    steps = {"drift": {"use": "kolmogorov_smirnov"}, "apart": {"use": "classifier_two_sample_test"}}
    project = make(data__test=None, steps=steps)
    project.write("target", rows(120, seed=5, start=1000))
    assert project.run().success
    said = found(project)
    assert said["Shift"].kind == "good"
    assert said["Shift"].text.startswith("No shift found: drift finds none of ")
    assert "apart does not tell them apart (area under the ROC curve" in said["Shift"].text
    assert said["Weights"].text == "None: the pipeline has no step that weighs."
    assert said["Models"].text == "None: the pipeline trains no model."
    assert said["Expected"].text.startswith("Not estimated: ")
    assert said["May it ship"].text.startswith("Yes: all ")


def test_shift_when_a_test_asks_which_kind_it_is_then_its_answer_is_told_apart_from_whether_there_is_one(make: Make):
    kind = {"kind": {"use": "label_shift_goodness_of_fit"}}
    project = make(data__test=None, steps={"drift": {"use": "kolmogorov_smirnov"}, **kind})
    assert project.run().success
    said, test = found(project)["Shift"], project.warehouse.read("demo/kind").iloc[-1]
    verb = "speaks" if test["rejected"] else "does not speak"
    told = f" kind {verb} against this: class shares alone have shifted (label shift) (p"
    assert said.text.startswith("The data have shifted: drift finds 2 of ")
    assert told in said.text
    assert said.steps == ("drift", "kind")
    alone = make(data__test=None, steps=kind)
    assert alone.run().success
    assert found(alone)["Shift"].text.startswith(f"Not tested.{told}")


def test_shift_when_names_hold_line_breaks_and_are_long_then_the_sentence_is_one_line_and_short(make: Make):
    long = f"height\n{'x' * 500}"
    project = make(data__test=None, steps={"drift": {"use": "kolmogorov_smirnov"}})
    for role, shift, seed in (("train", 0.0, 1), ("target", 2.0, 2)):
        project.write(role, rows(100, seed=seed, shift=shift, start=1000 * seed).rename(columns={"height": long}))
    assert project.run().success
    text = found(project)["Shift"].text
    assert "height\\nx" in text
    assert len(text) < 300


def test_shift_when_a_category_changed_then_the_sentence_tells_its_share(make: Make):
    project = make(data__test=None, steps={"drift": {"use": "chi_squared"}})
    project.write("target", rows(120, seed=5, start=1000).assign(colour=["red"] * 96 + ["green"] * 24))
    assert project.run().success
    share = (pd.read_csv(project.folder / "train.csv")["colour"] == "red").mean()
    text = found(project)["Shift"].text
    assert f"'red' {share:.0%} → 80%" in text or f"'green' {1 - share:.0%} → 20%" in text


def test_weights_when_they_balance_then_the_sentence_gives_balance_size_and_who_uses_them(shifted: Project):
    said = found(shifted)["Weights"]
    summary = shifted.warehouse.latest("demo/density").summary
    before, after = (summary[f"max_standardized_difference{name}"] for name in ("_before", ""))
    weight = shifted.warehouse.read("demo/density")["weight"]
    assert said.kind == "good"
    assert said.text.startswith("density (used by reweighted) brings the largest standardized difference of a column ")
    assert f"from {before:.3g} to {after:.3g}; " in said.text
    assert f"are worth {weight.sum() ** 2 / (weight**2).sum():.0f} of 200 rows" in said.text


def test_weights_when_two_steps_weigh_then_each_is_told_with_what_uses_it(make: Make):
    second = {"use": "logistic_regression", "weights": "other"}
    steps = {
        "steps__other": {"use": "kliep"},
        "steps__retrained": second,
        "steps__spare": {"use": "density_ratio_classifier"},
    }
    project = make(**steps, steps__drift=None, steps__verdict=None)
    assert project.run("train", "target", "encoder", "density", "other", "spare").success
    text = found(project)["Weights"].text
    assert "density (used by reweighted)" in text
    assert "other (used by retrained)" in text
    assert "; spare: " in text


def test_models_when_one_is_worse_then_the_sentence_says_so_with_the_interval_and_the_slices(shifted: Project):
    said = found(shifted)["Models"]
    table = shifted.warehouse.read("demo/verdict").query("metric == 'accuracy'").fillna({"versus": ""})
    own = table[(table["slice"] == "(all)") & (table["versus"] == "")].set_index("model")["value"]
    loss = table[(table["slice"] == "(all)") & (table["model"] == "constant") & (table["versus"] != "")].iloc[0]
    assert said.kind == "bad"
    assert said.text.startswith("By accuracy on 100 rows, constant is worse than baseline: ")
    assert f"{own['baseline']:.3g} → {own['constant']:.3g} (−{-loss['value']:.3g} [−{-loss['low']:.3g}, " in said.text
    assert "no clear difference for reweighted" in said.text
    assert "of 2 slices, constant loses in " in said.text
    assert "colour=red" in said.text or "red (" in said.text


def test_models_when_all_are_alike_and_a_gate_warns_then_both_are_said(make: Make):
    gate = {"expect_effective_sample_size": {"min_share": 0.999, "severity": "warn"}}
    project = make(steps__drift=None, gates={"density": [gate]})
    assert project.run().success
    said = found(project)
    assert said["Models"].kind == ""
    assert "reweighted is not clearly better or worse than baseline: " in said["Models"].text
    assert said["May it ship"].kind == "warn"
    assert ", 1 with a warning: expect_effective_sample_size on density; none" in said["May it ship"].text
    assert said["May it ship"].text.endswith("; none of them asks how good a model is (expect_metric does).")


def test_models_when_none_are_compared_then_the_sentence_tells_the_one_that_is_judged(make: Make):
    project = make(
        steps={
            "baseline": {"use": "logistic_regression"},
            "metrics": {"use": "classification_metrics", "model": "baseline"},
        },
        data__target=None,
    )
    assert project.run().success
    said = found(project)
    assert said["Models"].text.startswith("By accuracy on 100 rows: baseline 0.")
    assert said["Models"].text.endswith("it is compared with no other model.")
    assert said["Shift"].text == (
        "Not tested: the pipeline has no shift test, nor a target role to compare the training data with."
    )


def test_models_when_nothing_judges_them_then_the_sentence_says_what_is_missing(make: Make):
    project = make(steps={"baseline": {"use": "logistic_regression"}}, data__test=None, data__target=None)
    assert project.run().success
    said = found(project)["Models"].text
    assert said == "Not compared: no step judges baseline; there is no test role to judge on."


def test_expected_when_labels_are_known_too_then_the_sentence_holds_the_estimate_against_them(shifted: Project):
    said = found(shifted)["Expected"]
    truth = (
        shifted.warehouse.read("demo/verdict").query("metric == 'accuracy' and model == 'baseline'")["value"].iloc[0]
    )
    estimate = shifted.warehouse.read("demo/estimate").set_index("metric")["value"]["estimated_accuracy"]
    assert said.text.startswith(f"Without labels, accuracy of baseline on target is expected to be {estimate:.3g} [")
    assert f"; labelled rows say {truth:.3g}" in said.text


def test_ship_when_all_gates_are_open_then_yes_with_their_number(shifted: Project):
    said = found(shifted)["May it ship"]
    n = sum(len(node.suite) for node in shifted.plan.nodes.values())
    assert (said.kind, said.text) == ("good", f"Yes: all {n} gates let it pass.")


def test_ship_when_a_gate_closed_then_no_with_its_name_and_what_did_not_run(make: Make):
    project = make(gates={"density": [{"expect_effective_sample_size": {"min_share": 0.999}}]})
    assert not project.run().success
    said = found(project)
    ship = said["May it ship"]
    assert ship.kind == "bad"
    assert ship.text.startswith("No: 1 of ")
    assert "closed: expect_effective_sample_size on density; 2 steps not run (reweighted, verdict)." in ship.text
    assert said["Models"].text == "Not compared yet: verdict not run."
    assert project.run("reweighted", force=True).success
    assert "the run went on by force past 1 of them" in found(project)["May it ship"].text


def test_ship_when_a_step_failed_or_its_inputs_changed_since_then_not_yet(make: Make):
    project = make(data__test=None, steps={"drift": {"use": "kolmogorov_smirnov"}})
    assert project.run().success
    project.write("train", rows(220, seed=8))
    assert project.run("train").success
    said = found(project, failed=("target",))
    assert said["May it ship"].text.startswith("Not yet: 1 step failed (target), ")
    assert "made of inputs that have changed since (" in said["May it ship"].text
    assert said["Shift"].text.endswith(" (of inputs that have changed since: drift).")


def test_findings_head_the_report_and_stand_at_its_asset_in_dagster(shifted: Project):
    said = found(shifted)
    page = (shifted.folder / "home" / "reports" / "demo.html").read_text("utf-8")
    record = shifted.instance.get_latest_materialization_event(dg.AssetKey(["demo", "report"]))
    assert record is not None
    assert record.asset_materialization is not None
    told = str(record.asset_materialization.metadata["found"].value).replace("\\", "")
    for finding in said.values():
        assert escape(finding.text) in page
        assert f"**{finding.topic}.** {finding.text}" in told
    assert page.index(escape(said["Shift"].text)) < page.index("Lineage")


def test_findings_of_a_partition_tell_of_that_one_alone(make: Make):
    project = make(
        data__test=None,
        partitions={"column": "colour", "static": ["red", "green"], "roles": ["target"]},
        steps={"drift": {"use": "kolmogorov_smirnov"}},
    )
    target = rows(160, seed=2, start=1000)
    target.loc[target["colour"] == "red", "height"] += 2
    project.write("target", target)
    for key in ("red", "green"):
        assert project.run(partition=key).success
    assert found(project, "red")["Shift"].kind == "bad"
    assert found(project, "green")["Shift"].kind == "good"


def test_findings_of_a_pipeline_that_has_not_run_say_so(make: Make):
    said = found(make())
    assert said["Shift"].text == "Not tested yet: drift not run."
    assert said["May it ship"].text.startswith("Not yet: no gate has judged anything; ")
