"""Names that the file system or SQL would not tell apart: told before anything is made, or kept apart."""

from __future__ import annotations

import shutil

import pytest
import yaml

from ballast import BallastResource
from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.projects.find import find
from tests.cli.conftest import Folder
from tests.orchestration.projects import spec


def other_pipeline(folder: Folder, name: str) -> None:
    shutil.copytree(folder.pipeline, folder.path / "pipelines" / "other")
    document = {"type": "ballast.Pipeline", "attributes": spec(name=name)}
    (folder.path / "pipelines" / "other" / "defs.yaml").write_text(yaml.safe_dump(document))


@pytest.mark.parametrize("name", ["demo", "Demo"])
def test_pipelines_that_sql_does_not_tell_apart_are_refused_with_both_files(folder: Folder, name: str):
    other_pipeline(folder, name)
    result = folder.ballast("check", "--spec-only")
    assert result.exit_code == 2
    assert "pipelines/demo/defs.yaml and pipelines/other/defs.yaml: pipelines 'demo' and" in result.stderr
    assert "rename one" in result.stderr


def test_pipeline_that_sql_takes_for_one_that_is_stored_is_refused_before_it_runs(folder: Folder):
    assert folder.ballast("run", "demo", "--select", "train").exit_code == 0
    folder.declare(name="Demo")
    result = folder.ballast("run", "Demo")
    assert result.exit_code == 2
    assert "the warehouse holds a pipeline 'demo'" in result.stderr
    assert not (folder.home / "reports" / "Demo.html").exists()


@pytest.mark.parametrize("step", ["Train", "Encoder", "Report", "Target_features"])
def test_step_that_differs_from_one_of_ballasts_own_by_case_alone_is_refused_when_loaded(folder: Folder, step: str):
    folder.declare(**{f"steps__{step}": {"use": "kolmogorov_smirnov"}})
    result = folder.ballast("check", "--spec-only")
    assert result.exit_code == 2
    assert f"steps.{step}: {step!r} is taken by Ballast itself" in result.stderr


KEYS = ["a/b", "a b", "a_b", "a", "A", "x" * 300, "x" * 301, "\u91cd" * 255, "..", ".", "*", "\x1b[2J"]


def test_report_of_every_partition_has_a_file_of_its_own_whatever_the_file_system(folder: Folder, tmp_path):
    folder.declare(partitions={"column": "colour", "static": KEYS, "roles": ["target"]})
    plan = find(str(folder.pipeline)).plan()
    paths = [BallastResource(folder=str(tmp_path)).report_path(plan, Partition(key)) for key in KEYS]
    assert len({path.name.lower() for path in paths}) == len(KEYS)
    for path in paths:
        assert path.parent == tmp_path / "reports" / "demo"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert paths[2].name == "a_b.html"


@pytest.mark.full
def test_partitions_of_strange_keys_are_stored_apart(folder: Folder):
    keys = ["a/b", "a b", "x" * 300]
    for role in ("target", "train", "test"):
        file = folder.pipeline / f"{role}.csv"
        lines = file.read_text().splitlines()
        sites = ["site", *(keys[i % 3] for i in range(len(lines) - 1))]
        file.write_text("".join(f"{line},{site}\n" for line, site in zip(lines, sites, strict=True)))
    folder.declare(partitions={"column": "site", "static": keys, "roles": ["target", "test"]})
    result = folder.ballast("run", "demo")
    assert result.exit_code == 0, result.output
    shown = folder.ballast("sql", "SELECT partition FROM demo.density GROUP BY ALL ORDER BY ALL", "--csv")
    assert shown.stdout.splitlines()[1:] == sorted(keys)
    assert len(list((folder.home / "reports" / "demo").iterdir())) == 3
