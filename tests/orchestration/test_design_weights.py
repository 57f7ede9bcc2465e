"""Data roles that declare the design weights of their rows: who reads them, who is said not to, and what is reused."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from ballast.errors import DataError, SpecError
from ballast.orchestration.plan.design_weights import said_of
from ballast.orchestration.read.sources import read_source
from ballast.orchestration.spec.data import DataSpec
from tests.orchestration.projects import Project

PIPELINE = """
type: ballast.Pipeline
attributes:
  name: panel
  data:
    train: {path: train.csv, id: key, label: works, weight: stands_for}
    target: {path: target.csv, id: key, weight: stands_for}
    test: {path: test.csv, id: key, label: works, weight: stands_for}
  steps:
    plain: {use: logistic_regression}
    judged: {use: classification_metrics, model: plain, params: {n_bootstrap: 20}}
    balanced: {use: entropy_balancing}
    raked: {use: raking}
    reweighted: {use: logistic_regression, weights: balanced}
  gates:
    balanced: [{expect_balance: {max_standardized_difference: 0.001}}]
"""


def people(n: int, *, seed: int, ratio: float = 4.0) -> pd.DataFrame:
    """Gives people of whom one half is reached `ratio` times as often as the other, and stands for as many fewer."""
    rng = np.random.default_rng(seed)
    age = rng.normal(size=n)
    young = age < 0
    kept = rng.random(n) < np.where(young, 1.0, 1 / ratio)
    table = pd.DataFrame({"key": np.arange(n) + 100_000 * seed, "age": age, "town": rng.choice(["Ulm", "Bern"], n)})
    table["works"] = np.where(rng.random(n) < np.where(young, 0.6, 0.9), "yes", "no")
    table["stands_for"] = np.where(young, 10.0, 10.0 * ratio)
    return table[kept].reset_index(drop=True)


def project(folder: Path, **changes: Any) -> Project:
    attributes = copy.deepcopy(yaml.safe_load(PIPELINE)["attributes"])
    attributes["steps"] |= changes.pop("steps", {})
    for role, keys in changes.items():
        attributes["data"][role] |= keys
    made = Project(folder, attributes)
    for seed, role in enumerate(("train", "target", "test"), start=1):
        made.write(role, people(600, seed=seed))
    return made


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = project(tmp_path_factory.mktemp("panel"))
    finished = made.run()
    assert finished.success, finished.messages
    return made


def accuracy(made: Project) -> float:
    return made.warehouse.read("panel/judged").set_index("metric").loc["accuracy", "value"]


def test_balance_when_roles_declare_weights_then_figures_and_gates_are_of_the_populations(ran):
    train, target = people(600, seed=1), people(600, seed=2)
    weights = ran.warehouse.read("panel/balanced").set_index("sample_id")["weight"].loc[train["key"]].to_numpy()
    wanted = np.average(target["age"], weights=target["stands_for"])
    assert np.average(train["age"], weights=weights) == pytest.approx(wanted, abs=1e-5)
    assert abs(target["age"].mean() - wanted) > 0.2
    assert ran.warehouse.latest("panel/balanced").summary["max_standardized_difference"] < 1e-4
    found = ran.warehouse.latest("panel/raked").summary  # of the categories' shares
    assert found["max_standardized_difference"] < 1e-4 < 0.1 < found["max_standardized_difference_before"]
    (judged,) = (v for v in ran.warehouse.verdicts("panel/balanced", version=1) if v.gate == "expect_balance")
    assert judged.passed, judged.message


def test_features_when_a_column_weighs_the_rows_then_it_is_none_of_them(ran):
    assert ran.warehouse.latest("panel/train/features").summary["names"] == ["age", "town_Ulm"]


def test_steps_when_they_do_not_use_declared_weights_then_the_run_names_them(ran):
    assert said_of(ran.plan, "train") == "the design weights (stands_for) are not used by plain"
    assert said_of(ran.plan, "test") == ""
    assert ran.plan.nodes["train"].description.endswith("The design weights (stands_for) are not used by plain.")


def test_weights_when_both_hold_the_design_weights_then_their_product_is_said_to_hold_them_twice(tmp_path):
    steps = {
        "raked": {"use": "raking"},
        "cut": {"use": "clip_weights", "weights": "raked"},
        "ratio": {"use": "kliep"},
        "both": {"use": "multiply_weights", "weights": ["balanced", "cut", "ratio"]},
        "compared": {"use": "weight_diagnostics", "weights": ["balanced", "cut"]},
    }
    assert said_of(project(tmp_path, steps=steps).plan, "train") == (
        "the design weights (stands_for) are not used by plain and ratio; they enter both more than once, by balanced "
        "and cut: name one of them"
    )


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ({"balanced": {"use": "kliep", "params": {"nope": 1}}}, "kliep has no parameter 'nope'"),
        ({"reweighted": {"use": "logistic_regression", "weights": "absent"}}, "unknown step 'absent'"),
        (
            {n: {"use": "clip_weights", "weights": o} for n, o in ("ab", "ba")},
            "these steps wait for each other: a -> b",
        ),
    ],
)
def test_mistakes_when_a_role_declares_weights_then_told_as_without(tmp_path, steps, said):
    with pytest.raises(SpecError, match=said):
        project(tmp_path, steps=steps).plan  # noqa: B018


def test_step_when_other_weights_are_declared_then_what_reads_them_alone_is_made_anew(ran, tmp_path):
    made = ran.copied(tmp_path)
    test = made.attributes["data"]["test"]
    test |= {"drop": [test.pop("weight")]}
    finished = made.run()
    assert finished.success
    assert finished.reused >= {"plain", "test/features"}
    assert "judged" not in finished.reused
    assert abs(accuracy(ran) - 0.75) < abs(accuracy(made) - 0.75), "half of the people work with .6, half with .9"


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1.0, -2.0, np.inf, np.nan], "holds 1 missing, 1 infinite and 1 negative of 4 weights (the first in the row "
         "with the id 'b': -2); a design weight is a finite number, 0 or more: correct them in the source"),
        ([0, 0, 0, 0], "is 0 in all 4 rows; at least one needs a weight above 0"),
        (["x", "y", "z", "w"], "holds text in 4 rows, and a design weight is a number; name another column, or make "
         "it one in the source or with `types: {w: double}`"),
        ([True, False, True, True], "holds bool in 4 rows, and a design weight is a number"),
    ],
)  # fmt: skip
def test_weights_when_they_cannot_weigh_then_the_error_names_column_rows_and_remedy(tmp_path, weights, said):
    pd.DataFrame({"key": list("abcd"), "w": weights}).to_parquet(tmp_path / "t.parquet", index=False)
    with pytest.raises(DataError) as error:
        read_source(DataSpec(id="key", path="t.parquet", weight="w"), where="data.train", folder=tmp_path)
    assert str(error.value).startswith("data.train.weight: column 'w' ")
    assert said in str(error.value)


def test_weights_when_their_column_is_not_there_then_the_error_names_the_nearest(tmp_path):
    pd.DataFrame({"key": list("abcd"), "weigth": 1.0}).to_parquet(tmp_path / "t.parquet", index=False)
    with pytest.raises(DataError, match=r"data\.train\.weight: column 'weight' is not among .* 'weigth'"):
        read_source(DataSpec(id="key", path="t.parquet", weight="weight"), where="data.train", folder=tmp_path)


def test_weights_when_decimals_or_whole_numbers_then_taken(tmp_path):
    table = pd.DataFrame({"key": list("ab"), "w": [0, 3]})
    table.to_parquet(tmp_path / "t.parquet", index=False)
    spec = {"id": "key", "path": "t.parquet", "weight": "w"}
    for types in ({}, {"w": "decimal(10, 2)"}):
        assert len(read_source(DataSpec(**spec, types=types), folder=tmp_path)) == 2
