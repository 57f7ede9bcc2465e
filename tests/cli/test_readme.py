"""What README.md and docs/ show works, and what they list is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from ballast.gates.suite import OWN
from ballast.methods.frame.reports import ASSESSMENT_COLUMNS, TEST_COLUMNS
from ballast.orchestration.spec import pipeline as spec
from tests.cli.conftest import Folder

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GENERATED = {"methods.md", "contributing.md", "changelog.md"}
"""Pages that are made when the documentation is built."""


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def customers(n: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1, (n, 2))
    label = (x.sum(axis=1) + rng.normal(0, 0.5, n) > 0).astype(int)
    return pd.DataFrame({"id": 10_000 * seed + np.arange(n), "label": label, "age": x[:, 0], "orders": x[:, 1]})


def test_readme_pipeline_runs_as_it_stands(folder: Folder):
    (declared,) = blocks(README, "yaml")
    place = folder.path / "pipelines" / "churn"
    place.mkdir()
    (place / "defs.yaml").write_text(declared)
    customers(200, 1).to_parquet(place / "train.parquet")
    customers(150, 2, 0.3).drop(columns="label").to_parquet(place / "target.parquet")
    customers(150, 3, 0.3).to_parquet(place / "test.parquet")
    result = folder.ballast("run", "churn")
    assert result.exit_code == 0, result.output


def test_readme_and_docs_link_to_files_that_are_there():
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            made = link.rpartition("/")[2] in GENERATED or link.startswith("images/house")
            assert (page.parent / link).exists() or made, f"{page.name}: {link}"


def test_extending_example_is_a_method_that_weighs():
    example, *_ = blocks((ROOT / "docs" / "extending.md").read_text(encoding="utf-8"), "python")
    namespace: dict = {"__name__": "example"}
    exec(compile(example, "extending.md", "exec"), namespace)
    rng = np.random.default_rng(0)
    weigher = namespace["NormRatio"](width=2).fit(X=rng.normal(size=(50, 3)), X_target=rng.normal(size=(20, 3)))
    assert weigher.weights_.shape == (50,)
    assert weigher.weights_.mean() == pytest.approx(1)


@pytest.mark.parametrize(
    ("section", "model"),
    [
        ("`attributes`", spec.PipelineSpec),
        ("`data.<role>`", spec.DataSpec),
        ("`features`", spec.FeaturesSpec),
        ("`steps.<name>`", spec.StepSpec),
        ("`partitions`", spec.PartitionsSpec),
        ("`schedule`", spec.ScheduleSpec),
        ("`sensor`", spec.SensorSpec),
    ],
)
def test_pipelines_page_lists_every_key_with_what_the_spec_says(section: str, model: type[BaseModel]):
    page = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    part = page.partition(f"## {section}\n")[2].partition("\n## ")[0]
    rows = {
        key: (bool(needed), text)
        for key, needed, text in re.findall(r"^\| `(\w+)`( \(needed\))? \| (.+) \|$", part, re.M)
    }
    fields = {field.alias or key: field for key, field in model.model_fields.items()}
    assert set(rows) == set(fields)
    for key, field in fields.items():
        assert rows[key] == (field.is_required(), field.description or rows[key][1]), key


def test_gates_page_lists_every_own_expectation_with_its_arguments():
    page = (ROOT / "docs" / "gates.md").read_text(encoding="utf-8")
    rows = {name: (arguments, after, text) for name, arguments, after, text in re.findall(
        r"^\| `(expect_\w+)` \| (.*?) \| (.*?) \| (.*) \|$", page, re.M)}  # fmt: skip
    assert set(rows) == set(OWN)
    for name, cls in OWN.items():
        arguments, after, text = rows[name]
        assert set(re.findall(r"`(\w+)`", arguments)) == {f.alias or key for key, f in cls.model_fields.items()}, name
        assert after == (", ".join(cls.stages) or "any table"), name
        assert text == (cls.__doc__ or "").splitlines()[0].replace("``", "`"), name


def test_warehouse_page_names_the_columns_of_reports():
    page = (ROOT / "docs" / "warehouse.md").read_text(encoding="utf-8")
    assert ", ".join(f"`{c}`" for c in TEST_COLUMNS) in page
    assert ", ".join(f"`{c}`" for c in ASSESSMENT_COLUMNS) in page
