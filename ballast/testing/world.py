"""What the conformance suite gives a method: a value for each name of the vocabulary, and the same in other forms."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.testing.cases import Case

N, M = 90, 70
"""Rows of the sample and of the target."""

Arguments = dict[str, Any]


@cache
def _world(n: int, m: int, d: int, seed: int, k: int) -> Arguments:
    """k classes, three at most, in d dimensions, and a target of other class shares, moved a little; all overlap."""
    rng = np.random.default_rng(seed)
    centres = 1.5 * np.eye(3)[:, np.arange(d) % 3]
    shares = np.array([0.5, 0.3, 0.2])[:k]
    y, y_target = rng.permutation(np.arange(n) % k), rng.choice(k, m, p=shares / shares.sum())
    X = centres[y] + rng.normal(size=(n, d))
    X_target = centres[y_target] + 0.6 + rng.normal(size=(m, d))
    fitted_on = rng.permutation(np.arange(300) % k)
    model = LogisticRegression().fit(centres[fitted_on] + rng.normal(size=(300, d)), fitted_on)
    world: Arguments = {"classes": np.arange(k), "model": model, "models": {"plain": model, "again": model}}
    world["feature_names"] = [f"feature {j}" for j in range(d)]
    for suffix, features, label in (("", X, y), ("_target", X_target, y_target)):
        rows = len(label)
        logits = np.asarray(model.decision_function(features) if k > 2 else model.predict_log_proba(features))
        slope = features @ np.arange(1, d + 1)
        world |= {
            f"X{suffix}": features,
            f"y{suffix}": label,
            f"table{suffix}": _table(rng, features),
            f"groups{suffix}": np.array(["north", "south"])[_drawn(rng, features[:, 0])],
            f"probs{suffix}": np.asarray(model.predict_proba(features)),
            f"logits{suffix}": logits,
            f"real{suffix}": slope + rng.normal(size=rows),
            f"fitted_real{suffix}": slope,
        }
    margins = world["logits"][np.arange(n), y][:, None] + rng.normal(size=(n, 5))
    world |= {
        "sample_weight": rng.gamma(2.0, size=n),
        "sample_weights": {"one": rng.gamma(2.0, size=n), "two": rng.gamma(5.0, size=n)},
        "true_weight": rng.gamma(2.0, size=n),
        "time": np.arange(n),
        "time_target": np.arange(n, n + m),
        "dependence": np.arange(n) // 2,
        "dependence_target": np.arange(m) // 2,
        "weight_gradient": rng.normal(size=(n, 2)),
        "weight_influence": rng.normal(size=(n, 2)) / (2 * np.sqrt(n)),
        "treatment": _drawn(rng, X[:, -1]),
        "outcome": rng.normal(size=n),
        "prediction": model.predict(X),
        "predictions": {"plain": model.predict(X), "noisy": np.where(rng.random(n) < 0.4, 0, model.predict(X))},
        "probabilities": {"plain": world["probs"], "noisy": 0.5 * world["probs"] + 0.5 / k},
        "margins": margins,
        "losses": np.log1p(np.exp(-margins)),
        "observed": _drawn(rng, X[:, 0] + 0.5).astype(bool),
        "design_weight": 10.0 * (1 + rng.integers(3, size=n)),
        "design_weight_target": 0.5 * (1 + rng.integers(2, size=m)),
    }
    return each(world, locked)


def _drawn(rng: np.random.Generator, column: np.ndarray) -> np.ndarray:
    """Gives (n,) 0 or 1, each a coin whose odds rise with a column."""
    return (rng.random(len(column)) < 1 / (1 + np.exp(0.5 - column))).astype(int)


def _table(rng: np.random.Generator, X: np.ndarray) -> pd.DataFrame:
    n = len(X)
    frame = pd.DataFrame({"income": X[:, 0], "children": rng.integers(4, size=n)})
    frame["town"] = np.array(["Ulm", "Linz", "Bern"])[rng.integers(3, size=n)]
    frame["owns"] = rng.random(n) < 0.4
    frame.loc[frame.index[n // 2 : n // 2 + n // 10], "income"] = np.nan
    return frame


def arguments(case: Case, *, n: int = N, m: int = M, d: int = 3, seed: int = 0) -> Arguments:
    """Gives a value for every name of the vocabulary that the method's calls take, optional ones too.

    Arrays are read-only, since the checks share them; tables are copies.
    """
    world = dict(_world(n, m, d, seed, 2 if case.cls.labels_are == "two classes" else 3))
    if case.regression:
        world["y"], world["y_target"] = world["real"], world["real_target"]
        world["prediction"] = world["fitted_real"]
        del world["probabilities"]  # optional wherever there are values
        world["predictions"] = {"plain": world["fitted_real"], "flat": locked("", np.zeros(n))}
    return each({name: world[name] for name in case.vocabulary if name in world}, copied)


def locked(name: str, value: Any) -> Any:
    """Gives an array as a copy that cannot be written to."""
    if isinstance(value, np.ndarray):
        value = value.copy()
        value.setflags(write=False)
    return value


def copied(name: str, value: Any) -> Any:
    return value.copy() if isinstance(value, pd.DataFrame) else value


def each(given: Arguments, change: Callable[[str, Any], Any]) -> Arguments:
    """Gives the arguments with every array, also those inside mappings, passed through ``change(name, array)``."""
    found: Arguments = {}
    for name, value in given.items():
        if isinstance(value, dict):
            found[name] = {key: change(name, item) for key, item in value.items()}
        else:
            found[name] = change(name, value)
    return found


def take(given: Arguments, rows: Any, target_rows: Any) -> Arguments:
    """Gives the arguments with the sample's rows and the target's rows picked."""

    def pick(name: str, value: Any) -> Any:
        over = VOCABULARY[name].rows
        index = rows if over == "sample" else target_rows if over == "target" else None
        if index is None:
            return value
        return value.iloc[index] if isinstance(value, pd.DataFrame) else value[index]

    return each(given, pick)


def as_they_are(given: Arguments) -> Arguments:
    return given


def as_text(given: Arguments) -> Arguments:
    """Gives the arguments with labels as text."""
    label = np.array(["cat", "dog", "eel"], dtype=object)
    found = dict(given)
    for name in ("y", "y_target", "classes", "prediction"):
        if name in found:
            found[name] = label[found[name]]
    if "predictions" in found:
        found["predictions"] = {key: label[value] for key, value in found["predictions"].items()}
    return found


def as_float32(given: Arguments) -> Arguments:
    def narrow(name: str, value: Any) -> Any:
        return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype == np.float64 else value

    return each(given, narrow)


def as_frames(given: Arguments) -> Arguments:
    """Gives matrices as DataFrames and columns as Series, under an index that is not 0, 1, 2, ..."""

    def framed(name: str, value: Any) -> Any:
        if not isinstance(value, np.ndarray | pd.DataFrame) or VOCABULARY[name].rows is None:
            return value
        index = np.arange(len(value))[::-1] * 3
        if isinstance(value, pd.DataFrame):
            return value.set_axis(index)
        if value.ndim == 1:
            return pd.Series(value, index=index)
        return pd.DataFrame(value, index=index, columns=[f"c{j}" for j in range(value.shape[1])])

    return each(given, framed)
