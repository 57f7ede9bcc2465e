"""Ballast in a Dagster project of somebody else's: scaffold, check, run, launch, all with the real commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.orchestration.projects import rows

BIN = Path(sys.executable).parent

PYPROJECT = """
[project]
name = "shop"
version = "0.1.0"
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "shop"
"""
DEFINITIONS = """
from pathlib import Path
from dagster import definitions, load_from_defs_folder

@definitions
def defs():
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    """A project as ``create-dagster`` lays it out, with a scaffolded pipeline and data for it."""
    root = tmp_path_factory.mktemp("shop")
    package = root / "src" / "shop"
    (package / "defs").mkdir(parents=True)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (package / "definitions.py").write_text(DEFINITIONS)
    (package / "__init__.py").touch()
    (package / "defs" / "__init__.py").touch()
    assert command(root, "dg", "scaffold", "defs", "ballast.Pipeline", "churn").returncode == 0
    names = {"key": "id", "kind": "label"}
    rows(200, seed=1).rename(columns=names).to_parquet(package / "defs/churn/train.parquet")
    rows(120, seed=2, shift=0.5, start=900).rename(columns=names).drop(columns="label").to_parquet(
        package / "defs/churn/target.parquet"
    )
    rows(150, seed=3, shift=0.5, start=2000).rename(columns=names).to_parquet(package / "defs/churn/test.parquet")
    return root


def command(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(root / "src"),
        "DAGSTER_HOME": str(root / "dagster"),
    }
    (root / "dagster").mkdir(exist_ok=True)
    return subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_scaffolded_pipeline_brings_its_resource_and_is_sound(shop: Path):
    assert (shop / "src/shop/defs/ballast_resources.py").exists()
    checked = command(shop, "dg", "check", "defs")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    text = (shop / "src/shop/defs/churn/defs.yaml").read_text()
    assert "name: churn" in text
    assert {"train", "target", "test"} == set(yaml.safe_load(text)["attributes"]["data"])
    assert text.count("  #") >= 10


@pytest.mark.parametrize(
    "words",
    [
        ("dg", "check", "yaml"),
        pytest.param(("dg", "check", "defs"), marks=pytest.mark.full),
        pytest.param(("ballast", "check", "churn", "--spec-only"), marks=pytest.mark.full),
    ],
    ids=" ".join,
)
def test_key_on_needs_no_quotes_though_yaml_reads_it_as_a_truth(shop: Path, words: tuple[str, ...]):
    file = shop / "src/shop/defs/churn/defs.yaml"
    sound = file.read_text()
    try:
        file.write_text(sound.replace("  steps:\n", "  steps:\n    novelty: {use: mahalanobis, on: target}\n"))
        checked = command(shop, *words)
    finally:
        file.write_text(sound)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.full
def test_scaffolded_pipeline_runs_and_its_step_launches_from_dagster(shop: Path):
    ran = command(shop, "ballast", "run", "churn")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (shop / ".ballast/reports/churn.html").exists()
    launched = command(shop, "dg", "launch", "--assets", 'key:"churn/density"')
    assert launched.returncode == 0, launched.stdout + launched.stderr
    answer = command(shop, "ballast", "sql", "SELECT count(*) AS n FROM churn.density", "--csv")
    assert answer.stdout.split() == ["n", "200"]


@pytest.mark.full
def test_pipeline_with_a_mistake_fails_the_check_with_file_key_and_nearest_name(shop: Path):
    file = shop / "src/shop/defs/churn/defs.yaml"
    sound = file.read_text()
    try:
        file.write_text(sound.replace("density_ratio_classifier", "density_ratio_clasifier"))
        checked = command(shop, "dg", "check", "defs")
    finally:
        file.write_text(sound)
    said = checked.stdout + checked.stderr
    assert checked.returncode != 0
    assert re.search(r"src/shop/defs/churn/defs.yaml:\d+: steps.density.use", said)
    assert "did you mean 'density_ratio_classifier'" in said
