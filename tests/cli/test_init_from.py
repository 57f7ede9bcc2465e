"""``ballast init --from``: a pipeline for somebody's own table, with gates that its rows suggest, and its first run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from ballast import Pipeline
from ballast.cli import app
from ballast.orchestration.commands.begin import pipeline_name, pipeline_of
from ballast.warehouse import Warehouse
from tests.orchestration.projects import rows


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("BALLAST_HOME", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    table = rows(200, seed=1)
    table.loc[:9, "width"] = np.nan
    table.to_csv("churn 2024.csv", index=False)
    new = rows(120, seed=2, shift=0.5, start=1000)
    new.drop(columns="kind").to_csv("new.csv", index=False)
    new.to_csv("labelled.csv", index=False)
    return tmp_path


def init(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["init", *arguments])


def made(folder: Path, *, label: str = "kind", target: str | None = None) -> dict:
    """Gives the attributes of the pipeline for the table, whose plan is sound."""
    pipelines = folder / "project" / "pipelines"
    given = None if target is None else Path(target)
    name, text = pipeline_of(Path("churn 2024.csv"), pipelines, label=label, id="key", target=given)
    attributes = yaml.safe_load(text)["attributes"]
    assert Pipeline(**attributes).plan("defs.yaml").spec.name == name
    return attributes


def test_init_from_a_table_writes_a_project_runs_it_and_says_what_was_found(folder: Path):
    result = init("--from", "churn 2024.csv", "--label", "kind", "--id", "key", "--target", "new.csv")
    assert result.exit_code == 0, result.output
    assert "Made a project in churn_2024, and in it pipelines/churn_2024/defs.yaml." in result.stdout
    assert "Shift: The data have shifted" in result.stdout
    assert "Models: By importance weighted error on 200 rows of train, out of sample: baseline 0." in result.stdout
    assert "May it ship: Yes: " in result.stdout
    assert (folder / "churn_2024" / ".ballast" / "reports" / "churn_2024.html").exists()
    text = (folder / "churn_2024" / "pipelines" / "churn_2024" / "defs.yaml").read_text()
    assert (
        "{expect_column_values_to_not_be_null: {column: width, mostly: 0.9}} # 10 of 200 rows are missing (5 %)" in text
    )
    assert "train: {path: ../../../churn 2024.csv, id: key, label: kind}" in text
    gates = yaml.safe_load(text)["attributes"]["gates"]["train"]
    warehouse = Warehouse(f"duckdb:///{folder / 'churn_2024' / '.ballast' / 'warehouse.duckdb'}")
    judged = warehouse.verdicts("churn_2024/train", version=1)
    assert len(judged) > len(gates) > 8
    assert all(verdict.passed for verdict in judged)
    assert not list((folder / "churn_2024").rglob("*wine*"))


def test_pipeline_of_a_table_with_an_unlabelled_target_weighs_and_foresees(folder: Path):
    steps = made(folder, target="new.csv")["steps"]
    assert {"drift", "drift_by_column", "drift_by_category", "density", "balance", "reweighted"} < set(steps)
    assert steps["estimate"] == {"use": "average_thresholded_confidence", "model": "baseline"}
    assert "verdict" not in steps


def test_pipeline_of_a_table_with_a_labelled_target_judges_on_it_and_keeps_its_labels_from_learners(folder: Path):
    attributes = made(folder, target="labelled.csv")
    assert attributes["data"]["target"]["drop"] == ["kind"]
    assert attributes["data"]["test"]["label"] == "kind"
    assert attributes["steps"]["verdict"]["models"] == ["baseline", "reweighted"]


def test_pipeline_of_a_table_alone_judges_the_model_out_of_sample(folder: Path):
    attributes = made(folder)
    assert list(attributes["data"]) == ["train"]
    assert list(attributes["steps"]) == ["baseline", "metrics"]
    assert Pipeline(**attributes).plan("defs.yaml").spec.steps["metrics"].on == "train"


def test_pipeline_of_a_table_whose_label_is_a_number_regresses(folder: Path):
    steps = made(folder, label="height")["steps"]
    assert steps["baseline"] == {"use": "ridge_regression"}
    assert steps["metrics"]["use"] == "regression_metrics"
    assert "estimate" not in made(folder, label="height", target="new.csv")["steps"]


def test_pipeline_of_a_wide_table_suggests_gates_of_the_first_columns_and_says_so(folder: Path):
    wide = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 70)), columns=[f"x{j}: '#\n" for j in range(70)])
    wide.assign(key=range(30), kind=["a", "b"] * 15).to_parquet("wide.parquet")
    _, text = pipeline_of(Path("wide.parquet"), folder, label="kind", id="key", target=None)
    assert "# and none of the last 22 columns" in text
    columns = {next(iter(gate.values()))["column"] for gate in yaml.safe_load(text)["attributes"]["gates"]["train"]}
    assert columns == {f"x{j}: '#\n" for j in range(50)}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--from", "churn 2024.csv"], "which of its columns are --label and --id?"),
        (["--from", "churn 2024.csv", "--label", "kinde", "--id", "key"], "did you mean 'kind'?"),
        (["--from", "churn 2024.csv", "--label", "kind", "--id", "kye"], "did you mean 'key'?"),
        (["--from", "nowhere.csv", "--label", "kind", "--id", "key"], "there is no file"),
        (["--from", "churn 2024.csv", "--label", "kind", "--id", "key", "--target", "no.csv"], "there is no file"),
        (["--label", "kind"], "--label tell of a table"),
        ([], "name the folder of the project, or a table"),
    ],
)
def test_init_from_what_is_wrong_exits_with_2_says_what_and_makes_nothing(folder: Path, arguments, told):
    before = sorted(folder.iterdir())
    result = init(*arguments)
    assert result.exit_code == 2, result.output
    assert told in result.stderr
    assert "Traceback" not in result.output
    assert sorted(folder.iterdir()) == before


def test_init_from_a_table_into_a_folder_that_is_taken_says_so_before_it_reads(folder: Path):
    (folder / "taken").mkdir()
    (folder / "taken" / "mine").touch()
    result = init("taken", "--from", "nowhere.csv", "--label", "kind", "--id", "key")
    assert "taken is not empty" in result.stderr


@pytest.mark.parametrize(
    ("stem", "name"),
    [("churn 2024", "churn_2024"), ("2024", "data_2024"), ("日本", "data"), ("temp", "temp_data"), ("a-b.c", "a_b_c")],
)
def test_pipeline_name_of_any_file_is_one_that_a_pipeline_can_have(stem: str, name: str):
    assert pipeline_name(stem) == name
