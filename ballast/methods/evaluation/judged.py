"""Class probabilities held against labels: the metrics, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ballast.methods.evaluation.bootstrap import by_unit, mean_defined, of_ratios, ratio
from ballast.methods.evaluation.calibration import CalibrationError
from ballast.methods.evaluation.ranking import LARGEST_LOSS, Area, auroc, log_losses
from ballast.methods.evaluation.shares import Interval, of_macro_f1, of_recalls, of_share


@dataclass(frozen=True)
class Judged:
    """Rows with their class ``probs`` (n, k), the column (n,) of each one's label, ``codes``, and ``weight`` (n,).

    ``units`` (n,) is what rows are of, that are then not independent; None where they are.
    """

    codes: np.ndarray
    probs: np.ndarray
    weight: np.ndarray
    units: np.ndarray | None = None

    @property
    def n_units(self) -> int:
        return len(self.codes if self.units is None else np.unique(self.units))

    @cached_property
    def predicted(self) -> np.ndarray:
        return self.probs.argmax(axis=1)

    @property
    def right(self) -> np.ndarray:
        return self.predicted == self.codes

    @property
    def of_label(self) -> np.ndarray:
        return self.probs[np.arange(len(self.codes)), self.codes]

    @cached_property
    def area(self) -> Area:
        return auroc(self.codes, self.probs, self.weight, self.units)

    def calibration(self, n_bins: int) -> CalibrationError:
        return CalibrationError(self.probs.max(axis=1), self.right, self.weight, n_bins, self.units)

    def mean(self, values: np.ndarray) -> float:
        """Gives the weighted mean of values (n,), NaN where no row has weight."""
        return float(ratio(self.weight @ values, self.weight.sum()))

    @property
    def values(self) -> dict[str, float]:
        """The metrics but the calibration error, NaN where they are not defined."""
        k = self.probs.shape[1]
        named, support, both = (
            np.bincount(classes, weights, k)
            for classes, weights in (
                (self.predicted, self.weight),
                (self.codes, self.weight),
                (self.codes, self.weight * self.right),
            )
        )
        return {
            "accuracy": self.mean(self.right),
            "balanced_accuracy": float(mean_defined(ratio(both, support))),
            "log_loss": self.mean(self._losses(self.codes)[0]),
            "brier": self.mean(self._losses(self.codes)[1]),
            "macro_f1": float(mean_defined(ratio(2 * both, support + named))),
            "auroc": self.area.value,
        }

    def intervals(self, n_bootstrap: int, confidence: float, rng: np.random.Generator) -> dict[str, Interval]:
        """Gives the metrics' intervals, NaN where the rows do not tell them; of two rows, or units, or more."""
        how = self.weight, confidence, self.units
        found = {
            "accuracy": of_share(self.right, *how),
            "balanced_accuracy": of_recalls(self.right, self.codes, *how),
            "macro_f1": of_macro_f1(self.predicted, self.codes, *how),
        }
        if np.isfinite(self.area.value):
            found["auroc"] = self.area.interval(confidence)
        losses = self._losses(self.codes)
        totals = by_unit(np.broadcast_to(self.weight, losses.shape), self.units)
        ends = of_ratios(by_unit(self.weight * losses, self.units), totals, n_bootstrap, confidence, rng)
        unseen = 1 - found["accuracy"][0] if not (self.weight @ ~self.right) else 0.0
        worst = self._losses(self.probs.argmin(axis=1))
        for metric, own, other, (low, high), most in zip(
            ("log_loss", "brier"),
            losses,
            worst,
            ends,
            (LARGEST_LOSS, 1.0 if self.probs.shape[1] == 2 else 2.0),
            strict=True,
        ):
            # Where no row is wrong, the losses do not tell what one costs that is: as many may be as Wilson's allows.
            missed = self.mean(own) + unseen * (self.mean(other) - self.mean(own))
            if unseen > 0:
                low, high = np.fmin(low, self.mean(own)), np.fmax(high, missed)
            found[metric] = float(low), min(float(high), most)
        return found

    def _losses(self, labels: np.ndarray) -> np.ndarray:
        """Gives (2, n) the log loss and the Brier score of each row, were its label that."""
        of_label = self.probs[np.arange(len(labels)), labels]
        brier = (self.probs**2).sum(axis=1) - 2 * of_label + 1
        return np.stack([log_losses(of_label), brier / (2 if self.probs.shape[1] == 2 else 1)])
