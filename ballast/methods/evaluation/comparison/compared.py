"""Several models' predictions of the same rows: metrics, their differences from the first, and how sure they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ballast.errors import DataError
from ballast.methods.common.tasks import as_numbers
from ballast.methods.evaluation import shares
from ballast.methods.evaluation.bootstrap import by_unit, mean_defined, of_ratios, ratio
from ballast.methods.evaluation.ranking import Area, auroc, log_losses
from ballast.methods.evaluation.shares import Interval

Intervals = dict[tuple[str, str, str], Interval]
"""By metric, model and the model that it is held against, "" of the metric itself."""


@dataclass(frozen=True)
class Scores:
    """A model's class probabilities (n, n_classes), and the column (n,) of each row's label."""

    codes: np.ndarray
    probs: np.ndarray

    def of(self, rows: np.ndarray) -> Scores:
        return Scores(self.codes[rows], self.probs[rows])

    @property
    def of_label(self) -> np.ndarray:
        return self.probs[np.arange(len(self.codes)), self.codes]


@dataclass(frozen=True)
class Compared(ABC):
    """Models' ``predictions`` (n,) by name of rows with the truths ``y`` (n,), ``weight`` (n,) and units or None."""

    y: np.ndarray
    predictions: dict[str, np.ndarray]
    weight: np.ndarray
    units: np.ndarray | None

    @property
    def n_units(self) -> int:
        return len(self.y if self.units is None else np.unique(self.units))

    @property
    @abstractmethod
    def losses(self) -> dict[str, np.ndarray]:
        """The metrics that are means of a loss, each (n_models, n)."""

    @property
    def values(self) -> dict[str, np.ndarray]:
        """Each metric of each model, (n_models,)."""
        return {
            metric: ratio(losses @ self.weight, np.full(len(losses), self.weight.sum()))
            for metric, losses in self.losses.items()
        }

    def intervals(self, n_bootstrap: int, confidence: float, rng: np.random.Generator) -> Intervals:
        """Gives the intervals of the metrics and of the differences from the first model; of two units or more."""
        models, found = list(self.predictions), {}
        for metric, losses in self.losses.items():
            both = np.concatenate([losses, losses[1:] - losses[0]])
            totals = by_unit(np.broadcast_to(self.weight, both.shape), self.units)
            ends = of_ratios(by_unit(self.weight * both, self.units), totals, n_bootstrap, confidence, rng)
            pairs = [*((model, "") for model in models), *((model, models[0]) for model in models[1:])]
            found |= {(metric, *pair): (float(low), float(high)) for pair, (low, high) in zip(pairs, ends, strict=True)}
        return found


class Predicted(Compared):
    """Models of values."""

    @property
    def losses(self) -> dict[str, np.ndarray]:
        truth = as_numbers(self.y, "compare_models", "y")
        errors = np.stack([as_numbers(p, "compare_models", name) - truth for name, p in self.predictions.items()])
        return {"mean_squared_error": errors**2, "mean_absolute_error": np.abs(errors)}


@dataclass(frozen=True)
class Classified(Compared):
    """Models of classes, of all or none of them with ``scores``."""

    scores: dict[str, Scores] = field(default_factory=dict)

    @cached_property
    def hits(self) -> dict[str, np.ndarray]:
        return {model: matches(self.y, predicted, model) for model, predicted in self.predictions.items()}

    @cached_property
    def areas(self) -> dict[str, Area]:
        return {m: auroc(s.codes, s.probs.astype(np.float64), self.weight, self.units) for m, s in self.scores.items()}

    @property
    def losses(self) -> dict[str, np.ndarray]:
        if not self.scores:
            return {}
        return {"log_loss": np.stack([log_losses(score.of_label) for score in self.scores.values()])}

    @property
    def values(self) -> dict[str, np.ndarray]:
        codes = np.unique(self.y, return_inverse=True)[1]
        support = np.bincount(codes, self.weight)
        both = np.stack([np.bincount(codes, self.weight * hit, len(support)) for hit in self.hits.values()])
        found = {
            "accuracy": ratio(both.sum(axis=1), np.full(len(both), support.sum())),
            "balanced_accuracy": mean_defined(ratio(both, np.broadcast_to(support, both.shape))),
        }
        if self.scores:
            found["auroc"] = np.array([area.value for area in self.areas.values()])
        return found | super().values

    def intervals(self, n_bootstrap: int, confidence: float, rng: np.random.Generator) -> Intervals:
        how, first = (self.weight, confidence, self.units), next(iter(self.predictions))
        found: Intervals = {}
        for model, hit in self.hits.items():
            found["accuracy", model, ""] = shares.of_share(hit, *how)
            found["balanced_accuracy", model, ""] = shares.of_recalls(hit, self.y, *how)
            if model != first:
                found["accuracy", model, first] = shares.of_difference(self.hits[first], hit, *how)
                pair = self.hits[first], hit, self.y
                found["balanced_accuracy", model, first] = shares.of_recalls_difference(*pair, *how)
        for model, area in self.areas.items() if np.isfinite(self.values.get("auroc", np.nan)).all() else ():
            found["auroc", model, ""] = area.interval(confidence)
            if model != first:
                found["auroc", model, first] = area.difference(self.areas[first], confidence)
        return found | super().intervals(n_bootstrap, confidence, rng)


def matches(y: np.ndarray, predicted: np.ndarray, model: str) -> np.ndarray:
    """Gives (n,) whether a model's labels are right; DataError where one is text and the other numbers."""
    if _is_text(predicted) != _is_text(y):
        raise DataError(f"{model!r} predicts {_kind(predicted)} but y holds {_kind(y)}; give both as one type")
    return predicted == y


def _is_text(labels: np.ndarray) -> bool:
    return labels.dtype.kind in "US" or isinstance(labels[0], str)


def _kind(labels: np.ndarray) -> str:
    return f"{'text' if _is_text(labels) else 'numbers'} such as {labels[0]!r}"
