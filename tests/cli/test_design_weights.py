"""A survey weighed to another, from tables to the report: both populations, and which steps know nothing of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from ballast.cli import app
from ballast.warehouse import Warehouse
from tests.orchestration.test_design_weights import people

PIPELINE = """
type: ballast.Pipeline
attributes:
  name: survey
  data:
    train: {path: train.parquet, id: key, label: works, weight: stands_for}
    target: {path: target.parquet, id: key, weight: stands_for, drop: [works]}
  steps:
    drift: {use: kolmogorov_smirnov}
    towns: {use: chi_squared}
    unlike: {use: classifier_two_sample_test}
    raked: {use: raking, params: {columns: [town]}}
    model: {use: logistic_regression, weights: raked}
"""


def test_run_when_roles_declare_design_weights_then_said_who_does_not_use_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    people(600, seed=1).to_parquet(tmp_path / "train.parquet")
    target = people(900, seed=2, ratio=1.0).assign(stands_for=7.0)  # the same people, not sampled by their age
    target.to_parquet(tmp_path / "target.parquet")
    (tmp_path / "survey.yaml").write_text(PIPELINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BALLAST_HOME", str(tmp_path))
    told = CliRunner().invoke(app, ["run", "survey.yaml"])
    assert told.exit_code == 0, told.output
    plain_text = " ".join(told.output.split())
    for role in ("train", "target"):
        assert f"{role}: the design weights (stands_for) are not used by unlike" in plain_text
    assert "The design weights (stands_for) are not used by unlike." in (tmp_path / "reports/survey.html").read_text()
    warehouse = Warehouse(f"duckdb:///{tmp_path}/warehouse.duckdb")
    drift = warehouse.read("survey/drift").set_index("feature")
    assert list(drift.index) == ["age", "town", "(all)"]
    assert not drift.loc["age", "rejected"], "as the sample is, one half of the people are there four times as often"
    assert "rows by their design weights, worth" in drift.loc["(all)", "effect"]
    weights = warehouse.read("survey/raked").set_index("sample_id")["weight"]
    train = pd.read_parquet(tmp_path / "train.parquet").set_index("key")
    shares = weights.groupby(train["town"]).sum() / weights.sum()
    assert shares["Ulm"] == pytest.approx((target["town"] == "Ulm").mean(), abs=1e-5)
    ratio = weights[train["town"] == "Ulm"] / train["stands_for"][train["town"] == "Ulm"]
    assert ratio.max() == pytest.approx(ratio.min()), "a design weight times the town's factor"
