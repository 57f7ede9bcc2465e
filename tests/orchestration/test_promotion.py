"""A step that promotes: which model is in use, why it moved or stayed, and who predicts with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import ballast
from ballast.errors import SpecError
from ballast.orchestration.commands.promote import promote, roll_back
from ballast.orchestration.commands.prune import prune
from ballast.warehouse.aliases import history, in_use
from tests.orchestration.projects import Project, rows, spec

ALIAS = "demo/production"
NEW = {"like": "target", "path": "new.csv", "id": "key"}


def promoting(**changes: Any) -> dict[str, Any]:
    """Gives a pipeline that promotes one of two models and predicts with it; `changes` are those of ``spec``."""
    return spec(
        **{
            "data__new": NEW,
            "steps__drift": None,
            "steps__density": None,
            "steps__baseline": {"use": "logistic_regression", "params": {"C": 1e-5}},
            "steps__reweighted": {"use": "logistic_regression"},
            "steps__verdict": {"use": "compare_models", "models": ["production", "baseline", "reweighted"]},
            "steps__production": {"promote": "verdict", "from": ["baseline", "reweighted"], "better_by": 0.01},
            "steps__scored": {"predict": "production", "on": "new"},
            **changes,
        }
    )


def made(folder: Path, **changes: Any) -> Project:
    project = Project(folder, promoting(**changes))
    project.write("new", rows(40, seed=9, start=5000).drop(columns="kind"))
    return project


def said(project: Project) -> str:
    commit = project.warehouse.latest(ALIAS)
    assert commit is not None
    return str(commit.summary["said"])


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run, and run again with other training rows."""
    project = made(tmp_path_factory.mktemp("twice"))
    finished = project.run()
    assert finished.success, finished.messages
    project.write("train", rows(200, seed=1).iloc[:190])
    assert project.run().success
    return project


def test_first_promotion_when_nothing_is_in_use_then_the_best_and_said(twice: Project):
    first = twice.warehouse.commits(ALIAS)[-1]
    print(first.summary, twice.warehouse.read(ALIAS, version=1).to_string())
    print(twice.warehouse.read(ALIAS, version=2).to_string())
    print(history(twice.warehouse, ALIAS))
    print(twice.warehouse.read("demo/scored"))
    assert 0
