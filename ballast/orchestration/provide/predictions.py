"""What models predict: out of sample for the training rows, as fitted for all others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ballast.errors import DataError
from ballast.methods.common.blocks import in_blocks
from ballast.methods.common.logits import logits_of
from ballast.methods.frame.base import Learner
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.orchestration.plan.plan import Binding
from ballast.orchestration.provide.columns import left_out, row_ids
from ballast.orchestration.provide.models import OfModels, classes_of, is_of_kind, names
from ballast.orchestration.provide.rows import features, matrix, positions, stored_ids, values_of
from ballast.orchestration.provide.source import Asked, Fault, Tables
from ballast.orchestration.spec.pipeline import StepSpec, models_of
from ballast.words import listed

SEVERAL = {"predictions": "prediction", "probabilities": "probs"}
"""Names of the vocabulary that hold something of every model that a step names, and of what kind."""
_FITTED = {"model", "predictions", "dynamics"}
"""Sources whose values come from a model that was fitted on the training rows."""


class Predictions(OfModels):
    name = "predictions"

    def missing(self, asked: Asked) -> Fault | None:
        return (
            super().missing(asked)
            or _no_probabilities(asked)
            or (_not_cross_fitted(asked) if asked.role == "train" else None)
        )

    def upstream(self, step: StepSpec, binding: Binding) -> Iterable[str]:
        for model in models_of(step):
            yield from (f"{model}/out_of_sample",) if binding.role == "train" else (model, f"{binding.role}/features")

    def ids(self, tables: Tables, binding: Binding) -> np.ndarray:
        train = binding.role == "train"
        return stored_ids(tables, f"{names(tables)[0]}/out_of_sample" if train else f"{binding.role}/features")

    def read(self, tables: Tables, binding: Binding, ids: np.ndarray) -> Any:
        several = binding.term in SEVERAL
        kind = SEVERAL[binding.term] if several else binding.term.removesuffix("_target")
        models = names(tables) if several else names(tables)[:1]
        if binding.role == "train":
            found = {name: _out_of_sample(tables, name, kind, ids) for name in models}
        else:
            found = {name: _of_rows(tables, name, binding.role, ids, kind) for name in models}
        if kind == "probs" and several:
            found = {name: _in_order(found[name], tables, name, models[0]) for name in models}
        return found if several else found[models[0]]


def _of_rows(tables: Tables, name: str, role: str, ids: np.ndarray, kind: str) -> np.ndarray:
    """Gives what a model predicts of rows: encoded, and embedded where it was fitted on an embedding.

    The one in use reads them by the encoder that it was fitted with.
    """
    used = tables.in_use(name) if tables.spec.aliases([name]) else None
    if used is None:
        X, embed = features(tables, role, ids), tables.spec.steps[name].embed
        return predict(tables.model(name), X if embed is None else in_blocks(tables.model(embed).embed, X), kind)
    where, model = f"data.{role}", used.loaded["estimator"]
    rows = tables.frame(role).drop(columns=left_out(tables.spec, "train", role), errors="ignore")
    rows = rows.iloc[positions(row_ids(tables, role), ids, where)]
    return used.predicted([lambda X: _predict(model, X, kind)], rows, where)[0]


def _in_order(probs: np.ndarray, tables: Tables, name: str, first: str) -> np.ndarray:
    """Gives a model's probabilities with the classes of the first model in its order; a class it lacks has 0."""
    own, wanted = list(tables.model(name).classes_), classes_of(tables)
    if own == wanted:
        return probs
    if unknown := set(own) - set(wanted):
        raise DataError(
            f"{name!r} predicts classes that {first!r} does not know: {listed(sorted(unknown))}; train both on the "
            "same labels"
        )
    found = np.zeros((len(probs), len(wanted)))
    found[:, [wanted.index(label) for label in own]] = probs
    return found


def _no_probabilities(asked: Asked) -> Fault | None:
    """Says which model gives no probabilities, where those of all are asked for."""
    if asked.term != "probabilities":
        return None
    for model in models_of(asked.step):
        if not is_of_kind(asked.learners[model], "classifier"):
            return f"{asked.here}.models", f"{model!r} does not give class probabilities; name only classifiers"
    return None


def predict(model: Any, X: np.ndarray, kind: str) -> np.ndarray:
    """Gives a model's prediction, class probabilities ("probs") or class scores ("logits") for rows, each by itself."""
    return in_blocks(lambda rows: _predict(model, rows, kind), X)


def _predict(model: Any, X: np.ndarray, kind: str) -> np.ndarray:
    if kind == "prediction":
        return np.asarray(model.predict(X))
    if not hasattr(model, "predict_proba"):
        raise DataError(f"{type(model).__name__} gives no class probabilities; use a classifier that has predict_proba")
    probs = np.asarray(model.predict_proba(X))
    return probs if kind == "probs" else logits_of(model, X, np.asarray(model.classes_), probs)


def _out_of_sample(tables: Tables, name: str, kind: str, ids: np.ndarray) -> np.ndarray:
    table = f"{name}/out_of_sample"
    if kind in ("probs", "logits"):
        return matrix(tables, table, kind, ids, table)
    return values_of(tables.arrow(table).column("prediction").to_numpy(), stored_ids(tables, table), ids, table)


def _not_cross_fitted(asked: Asked) -> Fault | None:
    for model in models_of(asked.step):
        if (found := _why_not(asked.spec.steps[model], asked.learners[model])) is not None:
            why, instead = found
            return f"{asked.here}.model", (
                f"{model!r} {why}, so it has no out-of-sample predictions of 'train'; {instead}"
            )
    return None


def _why_not(step: StepSpec, learner: Any) -> tuple[str, str] | None:
    """Says why a learner's predictions of its training rows cannot come from models that have not seen them."""
    if step.rows:
        return "trains on resampled rows", "use a learner without `rows:`"
    if step.embed:
        return "is fitted on the embedding of a network that has seen every row", "use a learner without `embed:`"
    if not isinstance(learner, Learner):
        return None
    needs = learner.needs()
    given = {VOCABULARY[term].source for term in needs if term in VOCABULARY} & _FITTED if models_of(step) else set()
    if given and not (given == {"model"} and learner.refits_model):
        return "is fitted with a model that has seen every row", "use a learner without `model:`"
    if "X" not in needs:
        return "is not fitted on the training rows", "use a learner that takes `X`"
    return None
