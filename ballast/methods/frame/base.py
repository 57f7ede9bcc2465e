"""The eight roles a method can have, and what the frame does for each.

A method is one class: parameters in ``__init__`` (annotated with what they may be), data asked for by the names of
the vocabulary, learned attributes ending in ``_``. The frame wraps its calls (``ballast.methods.frame.calls``): before
them it validates parameters and arguments, after them it holds the role's contract (finite, of the right length, mean-1
weights).
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.exceptions import NotFittedError

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import DataError, OverlapError
from ballast.methods.frame.calls import owner_of
from ballast.methods.frame.card import Claim as Claim
from ballast.methods.frame.method import Method as Method
from ballast.methods.frame.outputs import flagged, labelled, n_rows, one_a_row, resampled, weights_a_row
from ballast.methods.frame.summary import WeightSummary, differences_of, summary_of
from ballast.methods.frame.weightless import without_weightless
from ballast.shown import view
from ballast.words import plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

ROUNDING = 1e-6
"""Relative slack by which a weight counts as its bound, in float32."""


class Test(Method):
    """Says whether two samples come from one distribution. ``test(...)`` gives a ``TestReport``."""

    __test__ = False  # not a pytest class
    role = "test"
    entry_points = ("test",)

    def _admit(self, entry: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if (given := arguments.get("dependence")) is not None and given.ndim > 1:
            raise DataError(
                f"{owner_of(self)}: dependence names {given.shape[1]} units a row, and a test deals rows out by one; "
                "give (n,), and rows as they were observed"
            )
        return arguments

    def _finish(self, entry: str, result: Any, arguments: dict[str, Any]) -> Any:
        if not (np.isfinite(result.statistic) and 0 <= result.p_value <= 1):
            raise DataError(
                f"{owner_of(self)} gave the statistic {result.statistic} and p-value {result.p_value}, which say "
                "nothing; look for constant columns and for values far beyond the others"
            )
        return result


class Scorer(Method):
    """Gives one number a row: novelty, label quality, value, difficulty.

    ``fit(...)`` learns (and keeps ``threshold_`` where the method has a rule for flagging), ``score_samples(...)``
    gives (n,) scores, ``flag(scores)`` the rows that the method's own rule points at. Scores of a pandas DataFrame are
    a Series under its index.

    Attributes
    ----------
    threshold_ : float
        Where the method has a rule: the score beyond which, on the side of ``flags``, a row is flagged.
    """

    role = "scorer"
    entry_points = ("fit", "score_samples")
    higher: ClassVar[str] = "more novel"
    """What a higher score means."""
    flags: ClassVar[Literal["above", "below"]] = "above"
    """The side of ``threshold_`` on which a row is flagged."""

    def flag(self, scores: np.ndarray) -> np.ndarray:
        """Says which rows lie beyond ``threshold_``.

        Parameters
        ----------
        scores : ndarray or Series of shape (n,)
            What ``score_samples`` gave.

        Returns
        -------
        ndarray or Series of bool, of shape (n,)
            As the scores were given; nowhere True where the method has no rule.
        """
        threshold = getattr(self, "threshold_", None)
        if threshold is None:
            return flagged(np.zeros(len(scores), dtype=bool), scores)
        values = np.asarray(scores)
        return flagged(values > threshold if self.flags == "above" else values < threshold, scores)

    def plot(self, scores: np.ndarray) -> Figure:
        """Draws how many rows have which score, those flagged in orange, and the threshold.

        Parameters
        ----------
        scores : ndarray or Series of shape (n,)
            What ``score_samples`` gave.

        Returns
        -------
        Figure
            Made without pyplot: a notebook shows it, a script saves it by ``savefig``.
        """
        return view(self, "figure", scores)

    def _finish(self, entry: str, result: Any, arguments: dict[str, Any]) -> Any:
        if entry == "score_samples":
            return one_a_row(owner_of(self), "scores", result, n_rows(arguments))
        return result

    def _returned(self, entry: str, result: Any, given: dict[str, Any]) -> Any:
        return labelled(result, "score", given) if entry == "score_samples" else result


class Weigher(Method):
    """Gives one weight >= 0 a training row, mean 1.

    ``fit(...)`` must set ``ratio_`` (a density ratio, not normalised: its mean over the training rows is near 1
    where the target overlaps them) or ``weights_`` on any scale; the frame sets ``weights_`` to mean 1 and keeps
    the divisor in ``scale_``, so that ``weigh(...)``, which gives unseen rows' weights on the same raw scale, comes
    out on the scale of ``weights_``. Where raw weights have a bound, a parameter ``max_weight`` or an attribute
    ``cap_``, the frame keeps the share of the rows at it in ``share_at_bound_`` and warns where there are any. A method
    with ``ratio_`` is refused with OverlapError where the target does not overlap the training rows. Learned attributes
    are arrays; what ``fit_weights`` and ``weigh`` give of a pandas DataFrame is a Series under its index.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        The training rows' weights, mean 1.
    scale_ : float
        What the raw weights were divided by.
    ratio_ : ndarray of shape (n,)
        The density ratio, where the method estimates one.
    share_at_bound_ : float
        Where raw weights have a bound: the share of the rows at it.
    standardized_differences_ : ndarray of shape (2, d), or None
        How far each column's mean lies from the target's, or between two arms of a treatment, before and after
        weighing, in standard deviations; None where ``fit`` is given no ``X`` with either, or numbers too large.
    """

    role = "weigher"
    entry_points = ("fit", "weigh")
    minimum_mean_ratio: ClassVar[float] = 0.05
    """The mean of ``ratio_`` over the training rows below which the target counts as disjoint (1 is ideal)."""

    ratio_: np.ndarray
    weights_: np.ndarray
    scale_: float
    share_at_bound_: float
    standardized_differences_: np.ndarray | None

    def _finish(self, entry: str, result: Any, arguments: dict[str, Any]) -> Any:
        if entry == "weigh":
            return weights_a_row(owner_of(self), result, n_rows(arguments)) / self.scale_
        if entry != "fit":
            return result
        raw = self.ratio_ if hasattr(self, "ratio_") else self.weights_
        raw = weights_a_row(owner_of(self), raw, n_rows(arguments))
        self.scale_ = float(raw.mean(dtype=np.float64))
        self._check_overlap(self.scale_, len(raw), lambda: effective_sample_size(raw), ratio=hasattr(self, "ratio_"))
        self.weights_ = raw / self.scale_
        bound = getattr(self, "cap_", None) or getattr(self, "max_weight", None)
        if bound is not None:
            self._count_bound(raw, float(bound))
        self.standardized_differences_ = differences_of(self.weights_, arguments)
        return result

    def _returned(self, entry: str, result: Any, given: dict[str, Any]) -> Any:
        return labelled(result, "weight", given) if entry == "weigh" else result

    def fit_weights(self, *args: Any, **arguments: Any) -> np.ndarray:
        """Fits on what ``fit`` takes, and gives the weights.

        Returns
        -------
        ndarray or Series of shape (n,)
            ``weights_``; a Series under the training rows' index where these were given in a pandas object.
        """
        self.fit(*args, **arguments)  # type: ignore[attr-defined]
        return labelled(self.weights_, "weight", inspect.signature(self.fit).bind(*args, **arguments).arguments)  # type: ignore[attr-defined]

    def summary(self) -> WeightSummary:
        """Sums up what the weights are worth, what a bound cut, and the balance of the columns.

        Returns
        -------
        WeightSummary
            Numbers, a frame ``balance``, and a picture of it; a terminal and a notebook show them.

        Raises
        ------
        NotFittedError
            Where there are no weights of training rows: before ``fit``, and after learning in batches.
        """
        return summary_of(self)

    def plot(self) -> Figure:
        """Draws how many rows have which weight, with the effective sample size.

        Returns
        -------
        Figure
            Made without pyplot: a notebook shows it, a script saves it by ``savefig``.
        """
        return view(self, "figure")

    def _count_bound(self, raw: np.ndarray, bound: float) -> None:
        cut = int((raw >= bound * (1 - ROUNDING)).sum())
        self.share_at_bound_ = cut / len(raw)
        if cut:
            log.warning(
                "%s: %d of %d rows have the largest weight allowed, %g, and would weigh more without the bound: the "
                "weights correct less of the shift than they could",
                owner_of(self),
                cut,
                len(raw),
                bound,
            )

    def _check_overlap(self, mean: float, n: int, size: Callable[[], float], *, ratio: bool) -> None:
        """Raises OverlapError where the n training rows' raw weights, of a mean and an effective size, say nothing."""
        if (ratio and mean < self.minimum_mean_ratio) or not mean > 0:
            raise OverlapError(
                f"{owner_of(self)}: the target does not overlap the {n} training rows: the estimated density ratio "
                f"averages {mean:.3g} over them (1 where they overlap), effective sample size {size():.1f}. Collect "
                "training rows like the target's, or drop the features that tell the two apart completely"
            )


class Sampler(Method):
    """Gives a dataset: rows of the source with multiplicity, or synthetic rows with their parents.

    ``fit_resample(X, y, ...)`` gives ``(X_resampled, y_resampled)`` and sets ``sample_indices_`` (k,), the source
    row of each row (the first parent of a synthetic one). Methods that make rows also set ``parents_`` (k, 2) and
    ``is_synthetic_`` (k,). Rows of a pandas DataFrame come back as one, and labels as a Series, under the labels of
    the rows that they are of.

    Attributes
    ----------
    sample_indices_ : ndarray of int, of shape (k,)
        The position of the source row of each row.
    is_synthetic_ : ndarray of bool, of shape (k,)
        Whether a row was made up.
    parents_ : ndarray of int, of shape (k, 2)
        Of methods that make rows: the positions of both parents.
    """

    role = "sampler"
    entry_points = ("fit_resample",)

    sample_indices_: np.ndarray
    is_synthetic_: np.ndarray

    def _finish(self, entry: str, result: Any, arguments: dict[str, Any]) -> Any:
        indices = np.asarray(self.sample_indices_)
        n, k = n_rows(arguments) or 0, len(result[0])
        if len(indices) != k or (k and not (0 <= indices.min() <= indices.max() < n)):
            raise DataError(f"{owner_of(self)} gave sample_indices_ that do not name source rows (0 to {n - 1})")
        if result[1] is not None and len(result[1]) != k:
            raise DataError(f"{owner_of(self)} gave {k} rows but {len(result[1])} labels")
        if not hasattr(self, "parents_"):  # it makes no rows
            self.is_synthetic_ = np.zeros(k, dtype=bool)
        return result

    def _returned(self, entry: str, result: Any, given: dict[str, Any]) -> Any:
        return resampled(result, np.asarray(self.sample_indices_), given) if entry == "fit_resample" else result


class Learner(Method):
    """A model: ``fit(X, y, sample_weight=None)``, ``predict(X)``, and ``predict_proba(X)`` for classification.

    In place of ``y``, or beside it, ``fit`` may ask for other names of the vocabulary (``treatment, outcome``), and
    in place of all training rows for the target's and a fitted ``model``. Rows of weight 0 do not reach ``fit``, unless
    ``keeps_weightless`` says that it deals with them itself.
    """

    role = "learner"
    refits_model: ClassVar[bool] = False
    """Whether ``fit`` takes no more of a given ``model`` than its class and parameters, and fits a clone of it anew.

    Only then has the learner out-of-sample predictions: each fold's ``fit`` is given the model unfitted.
    """
    entry_points = ("fit", "predict", "predict_proba", "decision_function", "embed")

    @property
    def keeps_weightless(self) -> bool:
        """Whether ``fit`` is to see rows of weight 0, which must not change the model."""
        return False

    def _admit(self, entry: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if entry != "fit" or self.keeps_weightless:
            return arguments
        return without_weightless(arguments, owner_of(self))


class Assessor(Method):
    """Judges models, weights or data. ``assess(...)`` gives an ``Assessment``."""

    role = "assessor"
    entry_points = ("assess",)


class Transformer(TransformerMixin, Method):
    """Makes features of features: ``fit(X, ...)`` sets ``n_features_out_``, ``transform(X)`` gives (n, that many).

    It is not a step: a pipeline's ``features: use:`` names it, and every step then sees what it makes. As those of
    scikit-learn it gives arrays, and after ``set_output(transform="pandas")`` frames.

    Attributes
    ----------
    n_features_out_ : int
        How many features it makes.
    """

    role = "transformer"
    entry_points = ("fit", "transform")

    n_features_out_: int

    def _admit(self, entry: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return without_weightless(arguments, owner_of(self)) if entry == "fit" else arguments

    def fit_transform(self, X: Any, y: Any = None, **arguments: Any) -> np.ndarray:
        """Fits on rows and gives what it makes of them; ``y`` reaches ``fit`` where that takes it."""
        given = {"y": y} if "y" in self.needs() else {}
        return self.fit(X, **given, **arguments).transform(X)  # type: ignore[attr-defined]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Gives the (k,) names of the features it makes."""
        if not hasattr(self, "n_features_out_"):
            raise NotFittedError(f"{owner_of(self)} is not fitted yet; call fit before get_feature_names_out")
        return np.array([f"{owner_of(self)}_{j}" for j in range(self.n_features_out_)], dtype=object)

    def _finish(self, entry: str, result: Any, arguments: dict[str, Any]) -> Any:
        if entry == "transform":
            made, shape = np.asarray(result), (len(arguments["X"]), self.n_features_out_)
            if made.shape != shape or not np.isfinite(made).all():
                raise DataError(
                    f"{owner_of(self)} gave features of shape {made.shape} with "
                    f"{plural(int((~np.isfinite(made)).sum()), 'NaN or infinite value')}; {shape} finite ones were "
                    "expected. Look for values far beyond the fitted ones"
                )
        return result


class Part(Method):
    """A part of a learner's training. It has a card like any method, and is a parameter of a learner, not a step.

    It learns nothing and draws from the generator that it is given, so parts with equal parameters are equal.
    """

    role = "part"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.get_params(deep=False) == other.get_params(deep=False)  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(type(self))


ROLES: dict[str, type[Method]] = {
    r.role: r for r in (Test, Scorer, Weigher, Sampler, Learner, Assessor, Transformer, Part)
}
"""Every role by its name. A pipeline's stages are called as the roles of their methods: a transformer works in the
encoder's, and a part in its learner's."""
