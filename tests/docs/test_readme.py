"""What the README shows works as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from ballast.orchestration.projects.find import Declared, find
from ballast.orchestration.spec.data import DataSpec
from ballast.orchestration.spec.execution import ExecutorSpec, RetriesSpec
from ballast.orchestration.spec.labels import LabelsSpec
from ballast.orchestration.spec.pipeline import FeaturesSpec, PartitionsSpec, PipelineSpec, StepSpec
from ballast.orchestration.spec.targets import TargetSpec

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None, language
    return found[1]


def test_pipeline_of_the_readme_is_sound(tmp_path):
    file = tmp_path / "defs.yaml"
    file.write_text(block("yaml"))
    declared: Declared = find(str(file))
    plan = declared.plan()
    assert set(yaml.safe_load(block("yaml"))["attributes"]["steps"]) <= set(plan.nodes)


def test_library_example_of_the_readme_runs():
    done = subprocess.run(
        [sys.executable, "-c", block("python")], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert abs(float(done.stdout.splitlines()[0]) - 1) < 1e-6


def test_pictures_of_the_readme_are_there():
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).stat().st_size < 500_000, path


def test_page_of_pipelines_tells_every_key():
    page = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    for model in (
        PipelineSpec,
        DataSpec,
        LabelsSpec,
        FeaturesSpec,
        StepSpec,
        PartitionsSpec,
        ExecutorSpec,
        RetriesSpec,
        TargetSpec,
    ):
        for key in (field.alias or name for name, field in model.model_fields.items()):
            assert f"`{key}`" in page, f"{model.__name__}.{key}"
