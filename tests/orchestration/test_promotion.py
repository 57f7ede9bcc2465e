"""A step that promotes: which model is in use, why it moved or stayed, and who predicts with it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

import ballast
from ballast import Pipeline, Warehouse
from ballast.errors import SpecError
from ballast.orchestration.commands.promote import promote, roll_back
from ballast.orchestration.commands.prune import prune
from ballast.orchestration.graph.explained import explained
from ballast.orchestration.projects.find import find
from ballast.orchestration.run.outline import outline_of
from ballast.orchestration.run.run import Run
from ballast.orchestration.run.unit import run_unit
from ballast.reporting import take_snapshot
from ballast.reporting.findings import findings
from ballast.reporting.page.tiles import tiles
from ballast.warehouse.aliases import history, in_use
from tests.orchestration.projects import Project, rows, spec

ALIAS = "demo/production"
CLOSED = "expect_metric__accuracy_baseline"
NEW = {"like": "target", "path": "new.csv", "id": "key"}


def promoting(**changes: Any) -> dict[str, Any]:
    """Gives a pipeline that promotes one of two models and predicts with it; `changes` are those of ``spec``."""
    return spec(
        **{
            "data__new": NEW,
            "steps__drift": None,
            "steps__density": None,
            "steps__baseline": {"use": "logistic_regression", "params": {"C": 1e-5}},
            "steps__reweighted": {"use": "logistic_regression"},
            "steps__verdict": {"use": "compare_models", "models": ["production", "baseline", "reweighted"]},
            "steps__production": {"promote": "verdict", "from": ["baseline", "reweighted"], "better_by": 0.01},
            "steps__scored": {"predict": "production", "on": "new"},
            **changes,
        }
    )


def made(folder: Path, **changes: Any) -> Project:
    project = Project(folder, promoting(**changes))
    project.write("new", rows(40, seed=9, start=5000).drop(columns="kind"))
    return project


def said(project: Project) -> str:
    commit = project.warehouse.latest(ALIAS)
    assert commit is not None
    return str(commit.summary["said"])


def named(project: Project) -> tuple[str, int]:
    use = in_use(project.warehouse, ALIAS)
    assert use is not None
    return use.named


def loaded(project: Project, name: str, version: int | None = None):
    folder = project.resource.model_store().folder
    return ballast.load(name, project.warehouse, version=version, models=folder)


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run, and run again with other training rows: `reweighted` version 1 is in use, 2 is there."""
    project = made(tmp_path_factory.mktemp("twice"))
    finished = project.run()
    assert finished.success, finished.messages
    train = rows(200, seed=1).iloc[:190]
    train.loc[train["colour"] == "green", "colour"] = "olive"  # so that both encoders give other numbers
    for name in ("test", "target", "new"):
        frame = pd.read_csv(project.folder / f"{name}.csv")
        project.write(name, frame.assign(colour=frame["colour"].replace("green", "olive")))
    project.write("train", train)
    assert project.run().success
    return project


def test_step_when_written_with_keys_of_other_names_in_python_then_read_by_dagster_as_by_ballast(tmp_path: Path):
    file = tmp_path / "defs.yaml"
    scored = {"predict": "production", "on": "new", "with": ["novelty"]}
    novelty = {"use": "mahalanobis", "on": "new"}
    file.write_text(yaml.safe_dump(promoting(steps__scored=scored, steps__novelty=novelty)))
    steps = Pipeline.resolve_from_yaml(file.read_text()).steps
    assert steps == find(str(file)).plan().spec.steps
    assert (steps["production"].candidates, steps["scored"].beside) == (["baseline", "reweighted"], ["novelty"])


def test_first_promotion_when_nothing_is_in_use_then_the_best_of_the_candidates(twice: Project):
    first = twice.warehouse.read(ALIAS, version=1)
    assert first["moved"].tolist() == [False, True]
    assert first["in_use"].tolist() == [False, True]
    assert first["said"][1].startswith("moved from no model to reweighted version 1: its accuracy is")
    (use,) = history(twice.warehouse, ALIAS)
    assert (use.named, use.way, use.number) == (("demo/reweighted", 1), "rule", 1)
    assert use.run_id == twice.warehouse.version(ALIAS, 1).run_id
    assert use.why == first["said"][1]


def test_judgement_when_a_model_is_in_use_then_beside_the_others_with_the_encoder_of_its_time(twice: Project):
    test = pd.read_csv(twice.folder / "test.csv")
    verdict = twice.warehouse.read("demo/verdict").fillna({"versus": ""})
    assert twice.warehouse.latest("demo/encoder").version == 2  # type: ignore[union-attr]
    own = verdict[(verdict["metric"] == "accuracy") & (verdict["versus"] == "")].set_index("model")["value"]
    for name, version in (("production", 1), ("reweighted", 2)):
        right = loaded(twice, "demo/reweighted", version).predict(test) == test["kind"]
        assert own[name] == pytest.approx(right.mean(), abs=1e-12)
    assert set(verdict.loc[verdict["versus"] != "", "versus"]) == {"production"}
    assert twice.warehouse.latest("demo/verdict").summary["in_use"] == {"production": ["demo/reweighted", 1]}  # type: ignore[union-attr]


def test_alias_when_the_rule_does_not_hold_then_stays_and_says_why(twice: Project):
    assert named(twice) == ("demo/reweighted", 1)
    assert said(twice).startswith("reweighted version 1 stays: baseline version 2: its accuracy is 0.")
    table = twice.warehouse.read(ALIAS)
    assert table["in_use"].tolist() == [True, False, False]
    assert not table["moved"].any()
    assert table.loc[0, "said"] == said(twice)
    (verdict,) = twice.warehouse.verdicts(ALIAS, version=2)
    assert (verdict.gate, verdict.passed, verdict.message) == ("expect_model_in_use", True, said(twice))


def test_predictions_when_of_the_alias_then_of_the_model_in_use_with_its_encoder(twice: Project):
    new, table = pd.read_csv(twice.folder / "new.csv"), twice.warehouse.read("demo/scored")
    model, latest = loaded(twice, ALIAS), loaded(twice, "demo/reweighted")
    assert (model.version, latest.version) == (1, 2)
    assert np.array_equal(table[["p_no", "p_yes"]].to_numpy(), model.predict_proba(new))
    assert not np.array_equal(table[["p_no", "p_yes"]].to_numpy(), latest.predict_proba(new))
    assert set(table["model_version"]) == {1}
    assert table["reason"].notna().sum() == (new["colour"] == "olive").sum()  # which its training rows never had
    commit = twice.warehouse.latest("demo/scored")
    assert commit is not None
    assert commit.summary["alias"] == ALIAS
    assert (commit.summary["model_version"], commit.summary["encoder_version"]) == (1, 1)
    assert {ALIAS, "demo/new"} <= commit.inputs.keys()


def test_report_when_an_alias_is_declared_then_says_who_is_in_use_and_what_happened(twice: Project):
    found = findings(take_snapshot(twice.warehouse, outline_of(twice.plan)))
    (finding,) = [f for f in found if f.topic == "In use"]
    assert finding.text.startswith("production is reweighted version 1 since 2")
    assert " UTC, by rule: moved from no model: its accuracy is 0." in finding.text
    assert ", and nothing was in use; weighed on 2" in finding.text
    assert " UTC: reweighted version 1 stays: baseline version 2: its accuracy" in finding.text
    assert next(f for f in found if f.topic == "May it ship").text.startswith("Yes")  # nothing is old for it


def test_dagster_when_an_alias_is_declared_then_an_asset_with_its_check_and_numbers_to_plot(twice: Project):
    key = dg.AssetKey(["demo", "production"])
    records = twice.instance.fetch_materializations(key, limit=5).records
    shown = [r.asset_materialization.metadata for r in records if r.asset_materialization]
    assert [m["model_version"].value for m in shown] == [1, 1]
    assert "better_by = 0.01" in str(explained(twice.plan, "production").as_markdown())
    assert [m["moved"].value for m in shown] == [False, True]
    assert all(isinstance(m["accuracy"].value, float) for m in shown)
    checks = twice.instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(key, "expect_model_in_use"), limit=2
    )
    judged = [c.event.dagster_event.asset_check_evaluation_data for c in checks]  # type: ignore[union-attr]
    assert [j.description for j in judged] == [said(twice), shown[1]["why"].value]
    weighed = [j.metadata["candidates"].value for j in judged]
    assert weighed == [2, 2]  # the one that moved was weighed, too
    assert [j.metadata["accuracy"].value for j in judged] == [m["accuracy"].value for m in shown]
    (asset,) = [a for a in twice.definitions.assets or () if isinstance(a, dg.AssetsDefinition) and key in a.keys]
    made_from = {dep.asset_key.path[-1] for dep in asset.specs_by_key[key].deps}
    assert made_from == {"verdict", "baseline", "reweighted"}


def test_run_when_nothing_changed_then_reused_and_the_alias_stays(twice: Project, tmp_path: Path):
    project = twice.copied(tmp_path)
    finished = project.run()
    assert finished.success
    assert {"verdict", "production", "scored"} <= finished.reused
    assert len(history(project.warehouse, ALIAS)) == 1


def test_alias_when_moved_by_hand_then_judged_anew_moved_by_the_rule_and_not_again_after_a_rollback(
    twice: Project, tmp_path: Path
):
    project = twice.copied(tmp_path)
    promote(project.resource, ALIAS, "demo/baseline", why="to see what the rule does")
    finished = project.run("production", "scored")
    assert finished.success
    assert "verdict did not judge it beside baseline version 2 on the same rows; run verdict again" in said(project)
    assert set(project.warehouse.read("demo/scored")["prediction"]) == {"no"}  # as the weak model has it
    assert project.run().success
    assert named(project) == ("demo/reweighted", 2)
    assert said(project).startswith("moved from baseline version 2 to reweighted version 2: its accuracy is 0.")
    assert "better" in said(project)
    assert set(project.warehouse.read("demo/scored")["model_version"]) == {2}
    roll_back(project.resource, ALIAS, why="complaints")
    assert named(project) == ("demo/baseline", 2)
    assert project.run().success
    assert named(project) == ("demo/baseline", 2)
    assert "(complaints), and comes into use again by hand alone" in said(project)
    assert [u.way for u in history(project.warehouse, ALIAS)] == ["rule", "hand", "rule", "rollback"]


def test_alias_when_it_names_the_only_candidate_then_said_and_nothing_is_compared_with_itself(
    twice: Project, tmp_path: Path
):
    project = twice.copied(tmp_path)
    changed = {
        "verdict": {"use": "compare_models", "models": ["production", "reweighted"]},
        "production": {"promote": "verdict", "from": ["reweighted"]},
    }
    project.attributes["steps"] = {**project.attributes["steps"], **changed}
    promote(project.resource, ALIAS, "demo/reweighted", why="to see what the report says.")
    assert project.run("verdict", "production").success
    assert said(project) == "reweighted version 2 stays: reweighted, the only candidate, has no newer version"
    snapshot = take_snapshot(project.warehouse, outline_of(project.plan))
    found = {f.topic: f.text for f in findings(snapshot)}
    assert "; reweighted is that same version, so that nothing newer is compared" in found["Models"]
    assert ("accuracy", "nothing newer is compared") in [(t[0], t[2].rpartition("; ")[2]) for t in tiles(snapshot)]
    assert "): to see what the report says; weighed on 2" in found["In use"]


def test_alias_when_a_gate_is_closed_behind_the_judgement_then_stays_and_predicts_on(twice: Project, tmp_path: Path):
    project = twice.copied(tmp_path)
    asked = {"name": "accuracy", "model": "baseline", "at_least": 0.99}
    project.attributes["gates"] = {"verdict": [{"expect_metric": asked}]}
    promote(project.resource, ALIAS, "demo/baseline", why="to see what the rule does")
    project.write("new", rows(30, seed=11, start=6000).drop(columns="kind"))
    finished = project.run()
    assert [v.gate for v in project.warehouse.verdicts("demo/verdict", version=3) if v.closes] == [CLOSED]
    assert finished.states["production"] == "done"
    assert named(project) == ("demo/baseline", 2)
    assert f"reweighted version 2: closed is the gate behind verdict: {CLOSED}" in said(project)
    assert len(project.warehouse.read("demo/scored")) == 30
    project.run(force=True)
    assert named(project) == ("demo/baseline", 2)


def test_alias_when_the_judgement_cannot_be_made_then_scored_alone_with_the_model_in_use(
    twice: Project, tmp_path: Path
):
    project = twice.copied(tmp_path)
    project.attributes["gates"] = {"train": [{"expect_row_count_at_least": {"rows": 1000}}]}
    project.write("new", rows(30, seed=11, start=6000).drop(columns="kind"))
    finished = project.run()
    assert {finished.states[name] for name in ("verdict", "production", "scored")} == {"skipped"}
    found = findings(take_snapshot(project.warehouse, outline_of(project.plan)))
    (finding,) = [f for f in found if f.topic == "In use"]
    assert "production is reweighted version 1 since" in finding.text
    assert finding.kind == ""
    assert project.run("new", "scored").success
    table = project.warehouse.read("demo/scored")
    assert (len(table), set(table["model_version"])) == (30, {1})


def test_model_in_use_when_its_file_was_deleted_then_alias_version_and_remedy_are_named(twice: Project, tmp_path: Path):
    project = twice.copied(tmp_path)
    for file in (project.resource.model_store().folder / "demo/reweighted").glob("1-*"):
        file.unlink()
    finished = project.run()
    assert not finished.success
    assert "demo/production names demo/reweighted version 1, which cannot be used" in finished.messages["verdict"]
    assert "ballast rollback demo/production" in finished.messages["verdict"]


def test_model_in_use_when_pruned_then_stays_with_what_it_needs(twice: Project, tmp_path: Path):
    project = twice.copied(tmp_path)
    prune(project.resource, keep=1, models=True)
    assert [c.version for c in project.warehouse.commits("demo/reweighted")] == [2, 1]
    assert [c.version for c in project.warehouse.commits("demo/baseline")] == [2]
    assert loaded(project, ALIAS).version == 1
    assert project.run().success


@pytest.mark.full
def test_model_in_use_when_its_encoder_does_not_take_the_rows_then_refused_in_a_sentence(
    twice: Project, tmp_path: Path
):
    project = twice.copied(tmp_path)
    for name in ("train", "test", "target", "new"):
        project.write(name, pd.read_csv(project.folder / f"{name}.csv").drop(columns="width"))
    finished = project.run()
    assert not finished.success
    told = finished.messages["verdict"]
    assert (
        "demo/production is demo/reweighted version 1, and its encoder (demo/encoder version 1) does not take" in told
    )
    assert "'width'" in told


@pytest.mark.full
def test_alias_when_a_candidate_knows_a_class_more_then_judged_all_the_same(twice: Project, tmp_path: Path):
    project = twice.copied(tmp_path)
    for name in ("train", "test"):
        frame = pd.read_csv(project.folder / f"{name}.csv")
        project.write(name, frame.assign(kind=frame["kind"].where(frame["height"] < 1.2, "much")))
    finished = project.run()
    assert finished.success, finished.messages
    verdict = project.warehouse.read("demo/verdict").fillna({"versus": ""})
    cut = verdict[(verdict["metric"] == "log_loss_cut_share") & (verdict["model"] == "production")]
    share = (pd.read_csv(project.folder / "test.csv")["kind"] == "much").mean()
    assert cut["value"].tolist() == [pytest.approx(share)]  # of which the model in use knows nothing
    assert named(project) == ("demo/reweighted", 3)


def test_model_in_use_when_it_was_trained_on_judged_rows_then_said_beside_why_it_stays(twice: Project, tmp_path: Path):
    project = twice.copied(tmp_path)
    left_out = rows(200, seed=1).iloc[190:].assign(colour="red")  # version 1 was fitted on these, version 2 was not
    project.write("test", pd.concat([pd.read_csv(project.folder / "test.csv"), left_out]))
    assert project.run().success
    assert said(project).endswith("; 10 of 110 judged rows are training rows of reweighted version 1, which favours it")


def test_method_when_asked_of_an_alias_then_that_of_a_model_that_it_may_name(tmp_path: Path):
    plan = made(tmp_path).plan
    assert type(plan.method_of("production")) is type(plan.method_of("baseline"))
    assert plan.nodes["scored"].upstream == ("new", "production")
    assert plan.nodes["verdict"].upstream.count("production") == 0


class Moved(Warehouse):
    """A warehouse in which somebody promotes a model when a run is about to write, once."""

    project: Project | None = None

    def writing(self, *given: Any) -> AbstractContextManager[None]:
        if self.project is not None:
            project, self.project = self.project, None
            promote(project.resource, ALIAS, "demo/baseline", version=1, why="quicker than the run")
        return super().writing(*given)


def test_alias_when_moved_while_a_run_decides_then_one_wins_and_the_run_says_so(twice: Project, tmp_path: Path):
    project = twice.copied(tmp_path)
    promote(project.resource, ALIAS, "demo/baseline", why="so that the rule would hold")
    assert project.run("verdict").success
    warehouse = Moved(project.warehouse.url)
    warehouse.project, log = project, []
    plan, models = project.plan, project.resource.model_store()
    run = Run(plan, warehouse, models, project.folder, run_id="a run", log=log.append)
    (stored,) = run_unit(run, [plan.nodes["production"]])
    assert named(project) == ("demo/baseline", 1)
    assert [use.way for use in history(project.warehouse, ALIAS)] == ["rule", "hand", "hand"]
    assert any("demo/production was moved to demo/baseline version 1 since production read it" in line for line in log)
    assert "baseline version 1 stays" in str(stored.commit.summary["said"])
    assert "did not judge it beside baseline version 1" in str(stored.commit.summary["said"])


PARTS = {"column": "colour", "static": ["red", "green"], "roles": ["train"]}
WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {"steps__production__promote": "verdct"},
        "production.promote: unknown step 'verdct', did you mean 'verdict'?",
    ),
    ({"steps__production__promote": "baseline"}, "promote: 'baseline' is a learner, an assessor is needed"),
    ({"steps__production__from": ["verdict"]}, "steps.production.from: 'verdict' is an assessor, a learner is needed"),
    ({"steps__production__from": []}, "`from` is missing"),
    ({"steps__production__on": "test"}, "a step that promotes takes no `on`"),
    ({"steps__production__use": "mahalanobis"}, "a step that promotes takes no `use`"),
    ({"steps__production__not_worse_by": 0.1}, "give `better_by` or `not_worse_by`"),
    ({"steps__production__better_by": -1}, "better_by: a number from 0 up is needed, got -1"),
    (
        {"steps__production": {"promote": "verdict", "from": "baseline", "not_worse_on": "slices"}},
        "`not_worse_on` needs `not_worse_by`",
    ),
    (
        {"steps__production": {"promote": "verdict", "from": "baseline", "not_worse_by": 0, "not_worse_on": "slices"}},
        "the test rows have no slices: declare `groups:` of data.test",
    ),
    ({"steps__baseline__better_by": 0.1}, "`better_by` stands beside `promote:`"),
    (
        {"steps__verdict__models": ["baseline", "reweighted"]},
        "first, `models: [production, baseline, reweighted]`",
    ),
    ({"steps__verdict__models": ["baseline", "production", "reweighted"]}, "name it first"),
    ({"steps__verdict__models": ["production", "baseline"]}, "'verdict' does not judge 'reweighted'"),
    ({"steps__verdict__on": "train"}, "has seen training rows; judge it `on: test`"),
    (
        {"steps__other": {"use": "classification_metrics", "model": "production"}},
        "steps.other.model: 'production' is a promotion, a learner is needed",
    ),
    ({"partitions": PARTS}, "one model is in use for all partitions"),
]


@pytest.mark.parametrize(("changes", "told"), WRONG, ids=[told for _, told in WRONG])
def test_pipeline_when_a_promotion_is_wrong_then_said_where_and_how(tmp_path: Path, changes: dict[str, Any], told: str):
    with pytest.raises((SpecError, ValidationError)) as error:
        _ = Project(tmp_path, promoting(**changes)).plan
    assert told in str(error.value)
