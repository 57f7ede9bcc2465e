"""A step that predicts: what its table holds, what holds it back, and what is said of single rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import ballast
from ballast.bundles.stored import stored
from ballast.errors import SpecError
from ballast.orchestration.commands.check import check
from ballast.orchestration.run.outline import outline_of
from ballast.orchestration.run.run import Run
from ballast.reporting import take_snapshot
from ballast.reporting.findings.findings import findings
from ballast.words import percent
from tests.orchestration.projects import Project, rows, spec

NEW = {"like": "target", "path": "new.csv", "id": "key"}


def predicting(**changes: Any) -> dict[str, Any]:
    """Gives a pipeline that scores the rows of a role by another name; `changes` are those of ``spec``."""
    return spec(
        **{
            "data__new": NEW,
            "steps__verdict": None,
            "steps__drift": {"use": "kolmogorov_smirnov", "against": "new"},
            "steps__novelty": {"use": "mahalanobis", "on": "new"},
            "steps__scored": {"predict": "reweighted", "on": "new", "with": ["novelty"]},
            **changes,
        }
    )


def made(folder: Path, new: pd.DataFrame | None = None, **changes: Any) -> Project:
    project = Project(folder, predicting(**changes))
    project.write("new", fresh() if new is None else new)
    return project


def fresh(n: int = 80, seed: int = 9, shift: float = 0.0) -> pd.DataFrame:
    return rows(n, seed=seed, start=5000, shift=shift).drop(columns="kind")


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Project:
    new = fresh()
    new.loc[3, "colour"] = "blue"
    new.loc[4, "colour"] = None
    project = made(tmp_path_factory.mktemp("scored"), new)
    assert project.run().success
    return project


def test_predictions_when_stored_then_those_of_the_loaded_model_to_the_bit(scored: Project):
    table = scored.warehouse.read("demo/scored")
    model = ballast.load("demo/reweighted", scored.warehouse, models=scored.resource.model_store().folder)
    new = pd.read_csv(scored.folder / "new.csv")
    assert list(table["sample_id"]) == list(new["key"])
    assert np.array_equal(table["prediction"], model.predict(new))
    assert model.probability_columns == ["p_no", "p_yes"]
    assert np.array_equal(table[model.probability_columns].to_numpy(), model.predict_proba(new))
    assert np.array_equal(table[model.probability_columns].to_numpy()[[7]], model.predict_proba(new.iloc[[7]]))


def test_card_when_rows_were_flagged_beside_the_predictions_then_folder_and_card_hold_the_threshold(
    scored: Project, tmp_path: Path
):
    commit = scored.warehouse.latest("demo/novelty")
    assert commit is not None
    found = stored("demo/reweighted", scored.warehouse, models=scored.resource.model_store()).write(tmp_path / "model")
    model = ballast.load(found)
    threshold = model.schema.thresholds["novelty"]
    assert (threshold.value, threshold.version) == (commit.summary["threshold"], 1)
    assert f"| `novelty` | 1 | `mahalanobis` | {threshold.value:.6g} | {threshold.higher} |" in model.card


def test_version_when_read_then_names_model_encoder_and_source(scored: Project):
    commit = scored.warehouse.latest("demo/scored")
    assert commit is not None
    assert {"demo/reweighted", "demo/encoder", "demo/new"} <= commit.inputs.keys()
    assert (commit.summary["model"], commit.summary["model_version"]) == ("demo/reweighted", 1)
    assert set(scored.warehouse.read("demo/scored")["model_version"]) == {1}


def test_rows_when_doubtful_then_flagged_with_the_reason(scored: Project):
    table = scored.warehouse.read("demo/scored")
    novelty = scored.warehouse.read("demo/novelty")
    assert np.array_equal(table["novelty_score"], novelty["score"])
    assert np.array_equal(table["novelty_flagged"], novelty["flagged"])
    unseen = "colour holds a value never seen in training"
    assert table["reason"].fillna("").str.contains(unseen).to_numpy().nonzero()[0].tolist() == [3]  # a blank is not one
    assert (table["reason"].notna() == table["flagged"]).all()
    assert table["flagged"].sum() == (novelty["flagged"] | (table.index == 3)).sum()


def test_rerun_when_nothing_changed_then_reused(scored: Project):
    assert scored.run().success
    assert len(scored.warehouse.commits("demo/scored")) == 1


def test_end_of_a_run_when_rows_were_predicted_then_says_by_what_and_what_speaks_against_them(scored: Project):
    snapshot = take_snapshot(scored.warehouse, outline_of(scored.plan), None)
    (found,) = [f for f in findings(snapshot) if f.topic == "Predictions"]
    n = int(scored.warehouse.read("demo/scored")["flagged"].sum())
    flagged = int(scored.warehouse.read("demo/novelty")["flagged"].sum())
    assert found.text.startswith("scored holds 80 rows of new by reweighted (version 1), ")
    assert f"{n} flagged ({percent(n, 80)}): {flagged} flagged by novelty" in found.text
    assert "1 as colour holds a value never seen in training" in found.text
    assert found.kind == "warn"


DRIFTS = {"drift": [{"expect_drift_below": {"max_effect_size": 0.3}}]}


def test_rows_when_drift_closed_then_not_predicted(tmp_path: Path):
    project = made(tmp_path, fresh(shift=2.0), gates=DRIFTS)
    assert not project.run().success
    assert project.warehouse.latest("demo/scored") is None
    finished = project.run("scored")
    assert "gate behind demo/drift" in str(finished.messages["scored"])


FLAGGING = {"predict": "reweighted", "on": "new", "with": ["novelty"], "on_closed": "flag"}


def test_rows_when_drift_closed_and_to_be_flagged_then_predicted_with_the_reason(tmp_path: Path):
    project = made(tmp_path, fresh(shift=2.0), gates=DRIFTS, steps__scored=FLAGGING)
    project.run()
    table = project.warehouse.read("demo/scored")
    assert table["flagged"].all()
    assert table["reason"].str.contains("gate closed behind drift: expect_drift_below").all()
    project.write("new", fresh())
    assert project.run().success
    assert not project.warehouse.read("demo/scored")["reason"].fillna("").str.contains("closed").any()


def test_rows_when_their_own_gate_closed_and_to_be_flagged_then_nobody_else_reads_them(tmp_path: Path):
    few = {"new": [{"expect_row_count_at_least": {"rows": 100}}]}
    other = {"use": "density_ratio_classifier", "against": "new"}
    project = made(tmp_path, gates=few, steps__scored=FLAGGING, steps__other=other)
    finished = project.run()
    table = project.warehouse.read("demo/scored")
    assert table["reason"].str.contains("gate closed behind new: expect_row_count_at_least").all()
    assert project.warehouse.latest("demo/drift") is not None
    assert project.warehouse.latest("demo/other") is None
    assert "gate behind demo/new" in str(finished.messages["other"])


def test_predictions_when_far_from_those_before_then_closed(tmp_path: Path):
    gates = {"scored": [{"expect_prediction_shift_below": {"max_effect_size": 0.3}}]}
    project = made(tmp_path, gates=gates, steps__drift=None)
    assert project.run().success
    project.write("new", fresh(seed=10))
    assert project.run().success
    project.write("new", fresh(shift=3.0))
    assert not project.run().success
    (closed,) = [v for v in project.warehouse.verdicts("demo/scored", version=3) if not v.passed]
    assert "from version 2 to this one (80 and 80 rows)" in closed.message
    assert project.run("scored").messages == {} or not project.run().success  # judged again, it says the same
    again = [v for v in project.warehouse.verdicts("demo/scored", version=3) if not v.passed]
    assert [v.message for v in again] == [closed.message]


def test_predictions_when_too_many_flagged_then_closed_with_the_most_frequent_reason(tmp_path: Path):
    new = fresh()
    new["colour"] = "blue"
    project = made(tmp_path, new, gates={"scored": [{"expect_share_flagged_below": {"share": 0.5}}], "new": LAX})
    assert not project.run().success
    (closed,) = [v for v in project.warehouse.verdicts("demo/scored", version=1) if not v.passed]
    assert "80 of 80 predictions (100 %) are flagged" in closed.message
    assert "colour holds a value never seen in training" in closed.message


LAX = [{"expect_known_categories": {"with": ["train"], "close_above": 1.0}}]


def test_rows_when_there_are_none_and_that_is_allowed_then_no_predictions(tmp_path: Path):
    gates = {"new": [{"expect_row_count_at_least": {"rows": 0}}]}
    project = made(tmp_path, fresh().iloc[:0], gates=gates, steps__drift=None, steps__novelty=None)
    project.attributes["steps"]["scored"].pop("with")
    assert project.run().success
    table = project.warehouse.read("demo/scored")
    assert len(table) == 0
    assert list(table) == ["sample_id", "prediction", "p_no", "p_yes", "flagged", "reason", "model_version"]


def test_classes_when_alike_for_sql_then_told_apart_everywhere(tmp_path: Path):
    train = rows(200, seed=1)
    train["kind"] = np.where(train["height"] > 0.5, "Yes", np.where(train["height"] < -0.5, "yes", "no"))
    project = made(tmp_path, steps__density=None, steps__reweighted=None, steps__drift=None, steps__novelty=None)
    project.attributes["steps"]["scored"] = {"predict": "baseline", "on": "new"}
    project.write("train", train)
    project.write("test", train.assign(key=[f"t{i}" for i in range(200)]))
    assert project.run().success
    table = project.warehouse.read("demo/scored")
    model = ballast.load("demo/baseline", project.warehouse, models=project.resource.model_store().folder)
    assert list(model.classes) == ["Yes", "no", "yes"]
    assert model.probability_columns == ["p_Yes", "p_no", "p_yes_2"]
    found = table[model.probability_columns].to_numpy()
    assert np.array_equal(found, model.predict_proba(pd.read_csv(project.folder / "new.csv")))
    assert project.warehouse.sql('SELECT "p_yes_2" FROM demo.scored')["p_yes_2"].tolist() == found[:, 2].tolist()


def test_role_by_another_name_when_checked_with_a_file_then_judged_as_what_it_is_like(scored: Project, tmp_path: Path):
    strange = fresh().drop(columns="width")
    strange.to_csv(tmp_path / "strange.csv", index=False)
    run = Run(scored.plan, scored.warehouse, scored.resource.model_store(), scored.folder, "checking")
    found = {c.judgement.name: c for c in check(run, [None], files={"new": tmp_path / "strange.csv"}) if c.judgement}
    same = next(c.judgement for name, c in found.items() if name.startswith("expect_same_schema"))
    assert same is not None
    assert not same.passed
    assert "'width'" in same.message or "width" in same.message


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"steps__scored": {"predict": "density", "on": "new"}}, "steps.scored.predict: 'density' is a weigher, a learner"),
    ({"steps__scored": {"predict": "reweigted", "on": "new"}}, "unknown step 'reweigted', did you mean 'reweighted'?"),
    ({"steps__scored": {"predict": "reweighted", "on": "train"}}, "was fitted on the training rows"),
    ({"steps__scored": {"predict": "reweighted", "on": "newer"}}, "no data role 'newer'"),
    ({"steps__scored": {"predict": "reweighted", "on": "target", "with": ["novelty"]}}, "scores the rows of 'new'"),
    ({"steps__scored": {"predict": "reweighted", "with": ["drift"]}}, "steps.scored.with: 'drift' is a test"),
    ({"steps__scored": {"predict": "reweighted", "params": {"C": 1}}}, "takes no `params`"),
    ({"steps__scored": {"predict": "reweighted", "use": "mahalanobis"}}, "takes no `use`"),
    ({"steps__baseline": {"use": "logistic_regression", "with": ["novelty"]}}, "`with` stands beside `predict:`"),
    ({"data__new": {**NEW, "like": None}}, "data.new: unknown data role"),
    ({"data__target": {"path": "target.csv", "id": "key", "like": "test"}}, "data.target.like: 'target' is a role"),
    ({"data__encoder": NEW}, "data.encoder: 'encoder' is taken"),
    ({"data__Target": NEW}, "data.Target: 'Target' is taken"),
    ({"steps__new": {"use": "logistic_regression"}}, "steps.new: 'new' is taken by a data role"),
    ({"steps__scored": {}}, "steps.scored.use"),
]


@pytest.mark.parametrize(("changes", "said"), WRONG, ids=[said for _, said in WRONG])
def test_pipeline_when_a_prediction_is_wrong_then_said_where_and_how(
    tmp_path: Path, changes: dict[str, Any], said: str
):
    with pytest.raises((SpecError, ValidationError)) as error:
        _ = Project(tmp_path, predicting(**changes)).plan
    assert said in str(error.value)
