"""A treatment's effect from a table to the report: propensities, balanced arms, and what both say."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ballast.cli import app
from ballast.warehouse import Warehouse

PIPELINE = """
type: ballast.Pipeline
attributes:
  name: trial
  data:
    train: {path: trial.parquet, id: person, treatment: arm, treated: a new one, outcome: cost}
  steps:
    propensity: {use: inverse_propensity, params: {estimand: att}}
    kernels: {use: arm_balancing, params: {weigher: {use: integral_probability_balancing}, estimand: att}}
    effect: {use: treatment_effect, weights: propensity, on: train}
    effect_by_kernels: {use: treatment_effect, weights: kernels, on: train}
"""


def test_effect_when_a_pipeline_weighs_a_treatment_then_near_the_truth_and_at_the_top_of_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 3))
    treated = rng.random(2000) < 1 / (1 + np.exp(-X @ [0.8, -0.5, 0.0]))
    cost = X @ [2.0, 1.0, 1.0] + treated * (1 + X[:, 0]) + rng.normal(size=2000)
    truth = float((1 + X[treated, 0]).mean())
    table = pd.DataFrame(X, columns=["a", "b", "c"]).assign(arm=np.where(treated, "a new one", "control"), cost=cost)
    table.assign(person=[f"p{i}" for i in range(2000)]).to_parquet(tmp_path / "trial.parquet")
    (tmp_path / "trial.yaml").write_text(PIPELINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BALLAST_HOME", str(tmp_path))
    told = CliRunner().invoke(app, ["run", "trial.yaml"])
    assert told.exit_code == 0, told.output
    plain_text = " ".join(told.output.split())
    said = r"propensity \(used by effect\): ([\d.e-]+) → ([\d.e-]+), [\d,]+ of 2,000 rows"
    balance = re.search(said, plain_text)
    assert balance, plain_text
    before, after = map(float, balance.groups())
    interval = r"\+[\d.]+ \[\S+ \S+\]"
    effect = rf"The effect of a new one against control is {interval} by effect; {interval} by effect_by_kernels\."
    assert re.search(effect, plain_text), plain_text
    assert after < 0.1 < before
    warehouse = Warehouse(f"duckdb:///{tmp_path}/warehouse.duckdb")
    assert warehouse.latest("trial/propensity").summary["max_standardized_difference"] == pytest.approx(after, rel=0.01)
    assert "cost" not in warehouse.read("trial/train/features").columns, "the outcome is no feature"
    plain = cost[treated].mean() - cost[~treated].mean()
    for step in ("effect", "effect_by_kernels"):
        found = warehouse.read(f"trial/{step}").set_index("metric").loc["effect"]
        assert found["low"] < truth < found["high"]
        assert abs(found["value"] - truth) < 0.2 * abs(plain - truth)
    fitted, known = (set(warehouse.read(f"trial/{step}")["metric"]) for step in ("effect", "effect_by_kernels"))
    assert "standard_error" in fitted
    assert "standard_error_if_weights_are_known" in known
    assert len(warehouse.read("trial/propensity/influence")) == 2000
    assert list(warehouse.read("trial/propensity").columns) == ["sample_id", "weight"]
    report = (tmp_path / "reports" / "trial.html").read_text()
    assert report.count("effect of a new one") == 3, "a sentence, and a tile a step"
    assert "against control: [" in report
    assert "before → after" not in report
