"""The page on training elsewhere: its pipeline runs, each library trains on what left, and figures are as it says."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import Folder

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "elsewhere.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(python|text)\n(.*?)```", re.DOTALL)
NEEDS = {"PyTorch": "torch", "LightGBM": "lightgbm", "XGBoost": "xgboost", "Hugging Face datasets": "datasets"}
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[Folder, dict[str, Any]]:
    """The page's project, its pipeline run and its rows exported, and what the blocks of all libraries share."""
    folder = Folder(tmp_path_factory.mktemp("page"))
    space: dict[str, Any] = {"__name__": "page"}
    said(folder, space, "The rows")
    (place := folder.path / "pipelines" / "outside").mkdir()
    (document,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert yaml.safe_load(document)["attributes"]["name"] == place.name
    (place / "defs.yaml").write_text(document)
    for line in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)[0].splitlines():
        result = folder.ballast(*line.split()[1:])
        assert result.exit_code == 0, result.output
    for section in ("Once, not twice", "scikit-learn"):
        space[section] = said(folder, space, section)
    return folder, space


def said(folder: Folder, space: dict[str, Any], section: str) -> list[tuple[str, str]]:
    """Runs a section's code, and gives what it prints beside what the page shows."""
    before, found, printed = Path.cwd(), [], ""
    os.chdir(folder.path)
    try:
        for kind, block in BLOCK.findall(SECTIONS[section]):
            if kind == "text":
                found.append((printed, block))
                continue
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(block, section, "exec"), space)
            printed = out.getvalue()
    finally:
        os.chdir(before)
    return found


def check(compared: list[tuple[str, str]]) -> None:
    """Holds the words to be the same, and the figures within what another version of a library may move."""
    assert compared
    for printed, shown in compared:
        number = r"-?\d+\.\d+"
        assert re.sub(number, "#", printed) == re.sub(number, "#", shown)
        figures = [[float(n) for n in re.findall(number, text)] for text in (printed, shown)]
        assert figures[0] == pytest.approx(figures[1], abs=0.02)


@pytest.mark.parametrize("section", ["Once, not twice", "scikit-learn", *NEEDS])
def test_section_when_its_code_runs_then_it_prints_what_the_page_shows(page, section):
    folder, space = page
    if section in space:
        check(space[section])
        return
    if importlib.util.find_spec(NEEDS[section]) is None:
        pytest.skip(f"{NEEDS[section]} is not installed")
    if section == "Hugging Face datasets" and "warehouse" not in space:  # which the section before opens
        said(folder, space, "PyTorch")
    check(said(folder, dict(space), section) if section != "PyTorch" else said(folder, space, section))
