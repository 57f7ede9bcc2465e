"""A Dagster project of several pipelines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.orchestration.commands.shop import DECLARED, DEFINITIONS, PYPROJECT


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project: `plain` and `made` read files, `handed` an asset made of `made`, and `free` one of nothing."""
    name = f"shop_{tmp_path.name}"
    defs = tmp_path / name / "defs"
    defs.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT.format(name=name))
    (tmp_path / name / "__init__.py").touch()
    (tmp_path / name / "definitions.py").write_text(DEFINITIONS)
    (defs / "__init__.py").touch()
    sources = {"plain": "path: a.csv", "handed": "asset: pool", "made": "path: a.csv", "free": "asset: spring"}
    for pipeline, source in sources.items():
        (defs / pipeline).mkdir()
        (defs / pipeline / "defs.yaml").write_text(DECLARED.format(name=pipeline, source=source))
    return tmp_path
