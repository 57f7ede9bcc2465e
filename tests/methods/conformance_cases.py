"""What the conformance suite gives a method, and what it reads back: by the vocabulary and the roles alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_args, get_type_hints

import numpy as np
import pandas as pd
from sklearn.base import is_regressor
from sklearn.linear_model import LogisticRegression

from ballast.methods.frame.base import Method
from ballast.methods.frame.catalogue import methods
from ballast.methods.frame.parameters import defaults, schema
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.methods.learners import DomainMLP
from ballast.methods.training.part import Part, SamplePolicy

QUICK: dict[str, Any] = {
    "random_state": 0,
    "device": "cpu",
    "max_epochs": 6,
    "patience": None,
    "learning_rate": 0.01,
    "batch_size": 4096,  # one batch, so that weights and repetition can be compared
    "n_bootstrap": 20,
    "n_permutations": 49,
    "n_repeats": 1,
}
"""Parameters by name, where a class takes them: small enough for a suite over all methods."""

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A method of the catalogue as the suite runs it: its class and the parameters that differ from the defaults."""

    name: str
    cls: type[Method]
    parameters: Arguments = field(default_factory=dict)

    def make(self, **more: Any) -> Any:
        return self.cls(**{**self.parameters, **more})

    @property
    def takes(self) -> set[str]:
        return set(defaults(self.cls))

    @property
    def entries(self) -> list[str]:
        """The calls of the role that the class has."""
        found = [e for e in self.cls.entry_points if hasattr(self.cls, e)]
        if self.regression:
            found = [e for e in found if e not in ("predict_proba", "decision_function")]
        return found

    @property
    def regression(self) -> bool:
        return self.parameters.get("task") == "regression" or is_regressor(self.make())

    def needs(self, entry: str | None = None, *, required: bool = False) -> list[str]:
        """The vocabulary that a call takes, or that it cannot do without."""
        return [n for n, must in self.cls.needs(entry).items() if n in VOCABULARY and (must or not required)]

    @property
    def vocabulary(self) -> list[str]:
        """The vocabulary of all the calls together."""
        return list(dict.fromkeys(name for entry in self.entries for name in self.needs(entry)))


@cache
def cases() -> list[Case]:
    """Gives every method of the catalogue; one with a ``task`` parameter once for each task, a part in a learner."""
    found = []
    for name, cls in methods().items():
        if issubclass(cls, Part):
            found.append(_hosted(name, cls))
            continue
        parameters = {key: value for key, value in QUICK.items() if key in defaults(cls)}
        tasks = [t for t in ("classification", "regression") if t in _choices(cls, "task")]
        for task in tasks or [None]:
            label = name if task in (None, "classification") else f"{name}[{task}]"
            found.append(Case(label, cls, parameters | ({"task": task} if task else {})))
    return found


def _hosted(name: str, part: type[Part]) -> Case:
    """Gives the case of a part: the learner that gives it all it may ask for, trained with it."""
    parameters = {key: value for key, value in QUICK.items() if key in defaults(DomainMLP)}
    task = getattr(part, "task", None) or "classification"
    place = "sampling" if issubclass(part, SamplePolicy) else "regularizer"
    return Case(name, DomainMLP, parameters | {"task": task, place: part()})


def _choices(cls: type[Method], name: str) -> tuple[Any, ...]:
    return get_args(get_type_hints(cls.__init__).get(name))


def edges(cls: type[Method]) -> dict[str, list[Any]]:
    """Gives the choices, and the least and greatest values, of each parameter that its schema says any of."""
    return {name: _edges(part) for name, part in schema(cls)["properties"].items()}


def _edges(part: dict[str, Any]) -> list[Any]:
    if "anyOf" in part:
        return [value for option in part["anyOf"] for value in _edges(option)]
    found = list(part.get("enum", [])) + [part[key] for key in ("const", "minimum", "maximum") if key in part]
    return found + {"boolean": [False, True], "null": [None]}.get(part.get("type", ""), [])


# Arguments


@cache
def _world(n: int, m: int, d: int, seed: int, k: int) -> dict[str, Any]:
    """k classes, three at most, in d dimensions, and a target of other class shares, moved a little; all overlap."""
    rng = np.random.default_rng(seed)
    centres = 1.5 * np.eye(3)[:, np.arange(d) % 3]
    shares = np.array([0.5, 0.3, 0.2])[:k]
    y, y_target = rng.permutation(np.arange(n) % k), rng.choice(k, m, p=shares / shares.sum())
    X = centres[y] + rng.normal(size=(n, d))
    X_target = centres[y_target] + 0.6 + rng.normal(size=(m, d))
    fitted_on = rng.permutation(np.arange(300) % k)
    model = LogisticRegression().fit(centres[fitted_on] + rng.normal(size=(300, d)), fitted_on)
    world: dict[str, Any] = {"classes": np.arange(k), "model": model, "models": {"plain": model, "again": model}}
    world["feature_names"] = [f"feature {j}" for j in range(d)]
    for suffix, features, label in (("", X, y), ("_target", X_target, y_target)):
        rows = len(label)
        logits = np.asarray(model.decision_function(features) if k > 2 else model.predict_log_proba(features))
        slope = features @ np.arange(1, d + 1)
        world |= {
            f"X{suffix}": features,
            f"y{suffix}": label,
            f"table{suffix}": _table(rng, features),
            f"groups{suffix}": np.array(["north", "south"])[rng.integers(2, size=rows)],
            f"probs{suffix}": np.asarray(model.predict_proba(features)),
            f"logits{suffix}": logits,
            f"real{suffix}": slope + rng.normal(size=rows),
            f"fitted_real{suffix}": slope,
        }
    margins = world["logits"][np.arange(n), y][:, None] + rng.normal(size=(n, 5))
    return world | {
        "sample_weight": rng.gamma(2.0, size=n),
        "sample_weights": {"one": rng.gamma(2.0, size=n), "two": rng.gamma(5.0, size=n)},
        "true_weight": rng.gamma(2.0, size=n),
        "time": np.arange(n),
        "treatment": rng.integers(2, size=n),
        "outcome": rng.normal(size=n),
        "prediction": model.predict(X),
        "predictions": {"plain": model.predict(X), "noisy": np.where(rng.random(n) < 0.2, 0, model.predict(X))},
        "margins": margins,
        "losses": np.log1p(np.exp(-margins)),
        "observed": rng.random(n) < 1 / (1 + np.exp(-X[:, 0])),
    }


def _table(rng: np.random.Generator, X: np.ndarray) -> pd.DataFrame:
    n = len(X)
    frame = pd.DataFrame({"income": X[:, 0], "children": rng.integers(4, size=n)})
    frame["town"] = np.array(["Ulm", "Linz", "Bern"])[rng.integers(3, size=n)]
    frame["owns"] = rng.random(n) < 0.4
    frame.loc[frame.index[n // 2 : n // 2 + n // 10], "income"] = np.nan
    return frame


def arguments(case: Case, *, n: int = 90, m: int = 70, d: int = 3, seed: int = 0) -> Arguments:
    """Gives a value for every name of the vocabulary that the method's calls take, optional ones too."""
    world = dict(_world(n, m, d, seed, 2 if case.cls.binary else 3))
    if case.regression:
        world["y"], world["y_target"] = world["real"], world["real_target"]
        world["prediction"] = world["fitted_real"]
        world["predictions"] = {"plain": world["fitted_real"], "flat": np.zeros(n)}
    return {name: world[name] for name in case.vocabulary}


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


# What comes back


@dataclass(frozen=True)
class Outcome:
    """Everything a method gave for one set of arguments.

    Attributes
    ----------
    method : the fitted object.
    rows : arrays over the rows of the sample, by the call or attribute they come from.
    numbers : point values, whatever the role.
    given : the report of a test or assessor, the (X, y) of a sampler.
    """

    method: Any
    rows: dict[str, np.ndarray] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    given: Any = None


def outcome(case: Case, given: Arguments, method: Any = None) -> Outcome:
    """Fits the method on the arguments and makes all its further calls on the same rows."""
    method = method or case.make()
    role, entry = case.cls.role, case.cls.entry_points[0]
    result = getattr(method, entry)(**{name: given[name] for name in case.needs(entry) if name in given})
    if role == "test":
        table = result.table.set_index("feature")
        return Outcome(method, numbers=_flat(table.select_dtypes("number")) | result.summary, given=result)
    if role == "assessor":
        keyed = result.table.set_index(["metric", "model", "versus", "slice"])
        return Outcome(method, numbers=_flat(keyed[["value"]]), given=result)
    if role == "sampler":
        return Outcome(method, given=result)
    if result is not method:
        raise AssertionError(f"{case.name}.fit gave {type(result).__name__}, not itself")
    return Outcome(method, rows=later(case, method, given))


def later(case: Case, method: Any, given: Arguments) -> dict[str, np.ndarray]:
    """Gives what the calls after ``fit`` give for the same rows."""
    rows = {"weights_": method.weights_} if case.cls.role == "weigher" else {}
    for entry in case.entries[1:]:
        rows[entry] = np.asarray(getattr(method, entry)(**{k: given[k] for k in case.needs(entry) if k in given}))
    if case.cls.role == "scorer":
        rows["flag"] = method.flag(rows["score_samples"])
    return rows


def _flat(frame: pd.DataFrame) -> dict[str, float]:
    return {f"{index} {column}": float(v) for column in frame for index, v in frame[column].items()}
