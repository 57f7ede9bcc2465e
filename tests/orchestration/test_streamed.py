"""A test by column of tables beyond the memory allowed: the same report, added up from the parts of their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from ballast.cli import app
from ballast.compute import rows as rows_module
from ballast.orchestration.run.streamed import MEMORY
from ballast.warehouse import Warehouse
from tests.orchestration.projects import Project, rows, spec

STEPS: dict[str, Any] = {
    "data__test": None,
    "steps": {
        "drift": {"use": "kolmogorov_smirnov"},
        "shares": {"use": "chi_squared"},
        "joint": {"use": "maximum_mean_discrepancy", "sample": 100},
        "part": {"use": "kolmogorov_smirnov", "sample": 150},
    },
}


def in_files(patch: pytest.MonkeyPatch) -> None:
    """Has small tables kept as files, too."""
    defaults = Warehouse.__init__.__kwdefaults__
    assert defaults is not None
    patch.setitem(defaults, "files_beyond", 10_000)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    with pytest.MonkeyPatch.context() as patch:
        in_files(patch)
        patch.setattr(rows_module, "PART_ROWS", 700)
        project = Project(tmp_path_factory.mktemp("streamed"), spec(**STEPS))
        project.write("train", rows(4000, seed=1))
        project.write("target", rows(3000, seed=2, shift=0.2, start=10_000))
        assert project.run().success
        patch.setenv(MEMORY, "100KB")
        assert project.run(fresh=True).success
    return project


@pytest.mark.parametrize("step", ["drift", "shares"])
def test_report_when_tables_are_larger_than_memory_then_that_of_the_whole_tables(made: Project, step: str) -> None:
    whole, streamed = (made.warehouse.read(f"demo/{step}", version=version) for version in (1, 2))
    pd.testing.assert_frame_equal(whole, streamed)
    summaries = [commit.summary for commit in reversed(made.warehouse.commits(f"demo/{step}"))]
    assert "streamed" not in summaries[0]
    assert summaries[1]["streamed"]["rows"] == 7000
    assert summaries[1]["streamed"]["parts"] >= 2
    assert {k: v for k, v in summaries[1].items() if k != "streamed"} == summaries[0]


def test_step_when_it_takes_a_sample_or_needs_all_rows_then_it_reads_the_table(made: Project) -> None:
    for step in ("joint", "part"):
        commit = made.warehouse.latest(f"demo/{step}")
        assert commit is not None
        assert "streamed" not in commit.summary
        assert commit.summary["sampled"]["train"][1] == 4000


def test_rows_when_streamed_then_the_log_says_what_memory_held_them_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_files(monkeypatch)
    monkeypatch.setenv(MEMORY, "100KB")
    project = Project(tmp_path, spec(data__test=None, steps={"drift": {"use": "kolmogorov_smirnov"}}))
    project.write("train", rows(2000, seed=1))
    project.write("target", rows(2000, seed=2, start=10_000))
    finished = project.run()
    assert finished.success
    said = [
        entry.message
        for entry in project.instance.all_logs(finished.run_id)
        if "rows are more" in (entry.message or "")
    ]
    assert said == [said[0]]
    assert "demo/drift: 4,000 rows are more than 97.7 KiB of memory hold (BALLAST_MEMORY)" in said[0]


def test_memory_when_it_is_not_an_amount_then_the_command_says_how_to_write_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(app, ["run", "demo", "--memory", "much"])
    assert found.exit_code == 2
    assert "--memory: 'much' is not an amount of memory" in " ".join(found.output.split())
