"""A training function of a user's own is a learner: fitted with what it names, cross-fitted, stored, and loaded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

import ballast
from ballast.bundles.stored import stored
from ballast.errors import DataError, ParameterError, UntrustedModelError
from ballast.methods.common.out_of_sample import out_of_sample
from ballast.methods.frame.catalogue import role_of
from ballast.orchestration.plan.outside import check_trusted, resolve, trained, with_names
from ballast.orchestration.plan.plan import build_method
from tests.orchestration.projects import Project, spec

MODULE = '''
"""Training of a project's own."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

class Mine(LogisticRegression):
    pass

calls = []

def fit_booster(X, y, sample_weight=None, *, rounds=5, random_state=None) -> GradientBoostingClassifier:
    """Boosts trees, a few rounds."""
    calls.append((X, y, sample_weight, rounds, random_state))
    made = GradientBoostingClassifier(n_estimators=rounds, random_state=random_state)
    return made.fit(X, y, sample_weight=sample_weight)

def fit_table(table, y):
    calls.append(list(table))
    return LogisticRegression().fit(table.to_numpy(), y)

def fit_mine(X, y) -> Mine:
    calls.append("mine")
    return Mine().fit(X, y)

def fit_line(X, y):
    return LinearRegression().fit(X, y == y[0])

def fit_nothing(X, y):
    LogisticRegression().fit(X, y)

def fit_with(X, y, *, depth):
    return depth

def load(path):
    return path

def fit_any(X, y, **others):
    return others
'''


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of a user's module of training functions, which Python finds."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_training.py").write_text(MODULE)
    sys.path.insert(0, str(folder))
    yield folder / "own_training.py"
    sys.path.remove(str(folder))
    sys.modules.pop("own_training", None)


@pytest.fixture
def calls(own: Path) -> list:
    resolve("own_training.fit_booster")
    found = sys.modules["own_training"].calls
    found.clear()
    return found


rng = np.random.default_rng(0)
X = rng.normal(size=(120, 3))
y = np.where(X[:, 0] > 0, "yes", "no")
WEIGHTS = rng.random(120) + 0.5


def test_function_when_named_then_a_learner_fitted_with_what_it_names(calls):
    assert role_of(resolve("own_training.fit_booster")) == "learner"
    made = build_method("own_training.fit_booster", {"rounds": 3}, seed=7)
    fitted = clone(made).fit(X, y, sample_weight=WEIGHTS)
    ((given, labels, weights, rounds, seed),) = calls
    assert given is X
    assert labels is y
    assert weights is WEIGHTS
    assert (rounds, seed) == (3, 7)
    alone = trained(fitted)
    assert type(alone).__module__.startswith("sklearn.")
    assert np.array_equal(fitted.predict_proba(X), alone.predict_proba(X))
    assert fitted.classes_.tolist() == ["no", "yes"]


def test_function_when_cross_fitted_then_no_row_is_predicted_by_a_model_that_saw_it(calls):
    made = build_method("own_training.fit_booster", {}, seed=0)
    found = out_of_sample(made, X, y, sample_weight=WEIGHTS)
    assert found["probs"].shape == (120, 2)
    assert len(calls) == 5
    assert all(len(given) == len(weights) == 96 for given, _, weights, *_ in calls)
    with pytest.raises(ParameterError, match="gave LinearRegression, which has no predict_proba"):
        out_of_sample(build_method("own_training.fit_line", {}, seed=0), X, y)


def test_function_when_it_takes_a_table_then_features_under_their_names(calls):
    made = with_names(build_method("own_training.fit_table", {}, seed=0), ["age", "height", "town_Bern"])
    clone(made).fit(X, y)
    assert calls == [["age", "height", "town_Bern"]]
    assert with_names(plain := LogisticRegression(), ["age"]) is plain


@pytest.mark.parametrize(
    ("use", "params", "said"),
    [
        ("own_training.load", {}, r"takes path, so that no step can train by it: .* \(X or table, y, sample_weight\)"),
        ("own_training.fit_any", {}, "takes others without a name"),
        ("own_training.fit_with", {}, "needs the parameter 'depth': give it under `params:`"),
        ("own_training.fit_booster", {"round": 3}, "has no parameter 'round', did you mean 'rounds'"),
        ("own_training.fit_boster", {}, "did you mean 'fit_booster'"),
        ("os.path.join", {}, "standard library"),
    ],
)
def test_function_when_no_step_can_use_it_then_said_why(own, use, params, said):
    with pytest.raises(ParameterError, match=said):
        build_method(use, params, seed=0)


def test_function_when_it_gives_back_no_estimator_then_said(own):
    with pytest.raises(DataError, match="fit_nothing gave back NoneType, which has no predict"):
        build_method("own_training.fit_nothing", {}, seed=0).fit(X, y)


def test_function_when_it_says_that_it_gives_an_untrusted_type_then_refused_before_it_is_called(calls, monkeypatch):
    made = build_method("own_training.fit_mine", {}, seed=0)
    with pytest.raises(
        UntrustedModelError, match=r"fit_mine was not called: .*BALLAST_TRUSTED_TYPES=own_training\.Mine"
    ):
        check_trusted(made)
    assert calls == []
    monkeypatch.setenv("BALLAST_TRUSTED_TYPES", "own_training.Mine")
    check_trusted(made)
    check_trusted(build_method("own_training.fit_table", {}, seed=0))


def test_step_when_it_trains_by_a_function_then_weighed_judged_exported_and_bound_to_its_code(
    own: Path, calls: list, tmp_path: Path
):
    steps = {
        "density": {"use": "density_ratio_classifier"},
        "booster": {"use": "own_training.fit_booster", "weights": "density", "params": {"rounds": 8}},
        "named": {"use": "own_training.fit_table"},
        "verdict": {"use": "compare_models", "models": ["booster", "named"]},
    }
    project = Project(tmp_path, spec(steps=steps))
    finished = project.run()
    assert finished.success, finished.messages
    weights = project.warehouse.dataset("demo/density").weights
    assert weights is not None
    (named,) = (call for call in calls if isinstance(call, list))
    ((_, _, given, rounds, seed),) = (call for call in calls if not isinstance(call, list))
    assert given.tolist() == weights.tolist()
    assert (rounds, seed, named) == (8, 0, ["height", "width", "colour_red"])
    assert set(project.warehouse.read("demo/verdict")["model"]) == {"booster", "named"}

    folder = stored("demo/booster", project.warehouse, models=project.resource.model_store()).write(tmp_path / "model")
    code = "import sys, ballast, pandas; print(*ballast.load(sys.argv[1]).predict(pandas.read_csv(sys.argv[2])))"
    done = subprocess.run(
        [sys.executable, "-c", code, folder, tmp_path / "test.csv"], capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    own_model = ballast.load("demo/booster", project.warehouse, models=project.resource.model_store().folder)
    assert done.stdout.split() == own_model.predict(pd.read_csv(tmp_path / "test.csv")).tolist()

    before = own.read_text()
    own.write_text(before.replace("n_estimators=rounds", "n_estimators=rounds + 1"))
    try:
        finished = project.run("booster")
        assert not finished.success
        assert "own_training.py was edited" in str(finished.messages)
    finally:
        own.write_text(before)
