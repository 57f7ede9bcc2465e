"""A new method is one file: a dummy of every role, dropped into a room, is seen everywhere and runs in a pipeline."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

import ballast
from ballast.methods.frame.base import ROLES
from ballast.methods.frame.catalogue import methods, resolve
from ballast.methods.frame.parameters import schema
from tests.orchestration.projects import Project, spec

HEAD = """
    import numpy as np
    from ballast.methods.frame.base import Claim
    from {home} import {base}
    from ballast.methods.frame.parameters import Positive
    from ballast.methods.frame.reports import TEST_COLUMNS, AssessmentRows, TestReport

    class Dummy({base}):
        '''Stands for the {lower}s that are to come.'''

        name = "dummy_{name}"
        reference = "Nobody (2026). Nothing."
        claim = Claim("Claims nothing.", "by definition", "")

        def __init__(self, strength: Positive = 2.0) -> None:
            self.strength = strength
"""

BODIES = {
    "test": """
        def test(self, X, X_target):
            import pandas as pd

            row = dict.fromkeys(TEST_COLUMNS, 0.5) | {"feature": "(all)", "rejected": False, "effect": "none"}
            return TestReport(0.5, 0.5, 0.05, False, pd.DataFrame([row])[list(TEST_COLUMNS)])
    """,
    "scorer": """
        def fit(self, X):
            self.threshold_ = self.strength
            return self

        def score_samples(self, X):
            return np.abs(X).sum(axis=1)
    """,
    "weigher": """
        def fit(self, X, groups):
            self.weights_ = 1.0 + (groups == "red")
            return self
    """,
    "sampler": """
        def fit_resample(self, X, y):
            self.sample_indices_ = np.arange(0, len(X), 2)
            return X[::2], y[::2]
    """,
    "learner": """
        def fit(self, X_target, model):
            self.n_target_, self.model_, self.classes_ = len(X_target), model, model.classes_
            return self

        def predict(self, X):
            return self.model_.predict(X)
    """,
    "assessor": """
        def assess(self, y, prediction, sample_weight=None):
            rows = AssessmentRows()
            rows.add("dummy_share", float((y == prediction).mean()), n=len(y))
            return rows.finish()
    """,
    "transformer": """
        def fit(self, X):
            self.n_features_out_ = 1
            return self

        def transform(self, X):
            return X[:, :1] * self.strength
    """,
    "part": """
        def penalty(self, outputs, targets, weights):
            return 0 * outputs.sum()
    """,
}

STEPS = {
    "drift": {"use": "dummy_test"},
    "foreign": {"use": "dummy_scorer"},
    "weighed": {"use": "dummy_weigher", "params": {"strength": 3.0}},
    "drawn": {"use": "dummy_sampler"},
    "baseline": {"use": "logistic_regression", "weights": "weighed", "rows": "drawn"},
    "adapted": {"use": "dummy_learner", "model": "baseline"},
    "judged": {"use": "dummy_assessor", "model": "adapted"},
    "network": {"use": "torch_mlp", "params": {"max_epochs": 1, "regularizer": {"use": "dummy_part"}}},
    "again": {"use": "dummy_assessor", "model": "network"},
}


@pytest.fixture
def _dummies(room: Callable[[str, str], None]) -> None:
    for role, body in BODIES.items():
        home, base = "ballast.methods.frame.base", role.capitalize()
        if role == "part":  # of the kinds of part that a learner takes, the simplest
            home, base = "ballast.methods.training.part", "Regularizer"
        head = HEAD.format(home=home, base=base, lower=role, name=role)
        room(f"dummy_{role}", head + body)


def docs_pages() -> dict[str, str]:
    """Gives the pages of methods by their paths."""
    path = Path(__file__).parents[2] / "docs" / "make_methods.py"
    found = importlib.util.spec_from_file_location("make_methods", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module.methods_pages(list(methods().values()))


def test_bodies_when_compared_with_the_roles_then_none_is_left_out():
    assert BODIES.keys() == ROLES.keys()


@pytest.mark.usefixtures("_dummies")
def test_new_methods_when_dropped_into_a_room_then_in_catalogue_schema_and_docs():
    cards, pages = ballast.catalog().set_index("name"), docs_pages()
    for role in BODIES:
        card = cards.loc[f"dummy_{role}"]
        assert (card["role"], card["room"]) == (role, "extra")
        assert schema(resolve(f"dummy_{role}"))["properties"]["strength"]["default"] == 2.0
        page = pages[f"methods/dummy_{role}.md"]
        assert f"# `dummy_{role}`" in page
        assert "- `strength` = `2.0` *a number > 0*" in page


@pytest.mark.usefixtures("_dummies")
def test_new_methods_when_named_in_a_pipeline_then_run_gated_and_reported(project: Project):
    project.attributes = spec(data__train__groups="colour", features={"use": "dummy_transformer"}, steps=STEPS)
    plan = project.plan
    assert plan.nodes["weighed"].upstream == ("train/features", "train")
    assert plan.nodes["adapted"].upstream == ("target/features", "baseline")
    assert all(plan.nodes[step].suite for step in STEPS)
    finished = project.run()
    assert finished.success, finished.messages
    warehouse = project.warehouse
    for step, declared in STEPS.items():
        commit = warehouse.latest(f"demo/{step}")
        assert commit is not None
        assert (commit.kind, commit.method) == (plan.nodes[step].stage, declared["use"])
        verdicts = warehouse.verdicts(f"demo/{step}", version=commit.version)
        assert {v.gate for v in verdicts} == {e.name for e in plan.nodes[step].suite}
    assert len(warehouse.read("demo/drawn")) == 100
    assert warehouse.read("demo/judged")["value"].item() > 0.5
    assert finished.report is not None
    report = finished.report.read_text(encoding="utf-8")
    assert [step for step, declared in STEPS.items() if declared["use"] not in report] == []
