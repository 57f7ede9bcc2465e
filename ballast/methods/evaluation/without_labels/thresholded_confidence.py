"""Accuracy on rows without labels."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Literal

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, logsumexp

from ballast.methods.common.codes import label_codes
from ballast.methods.common.logits import is_softmax
from ballast.methods.evaluation.bootstrap import draw_counts, interval
from ballast.methods.evaluation.shares import of_share
from ballast.methods.frame.base import Assessor, Claim
from ballast.methods.frame.parameters import Count, Level, Seed
from ballast.methods.frame.reports import Assessment, AssessmentRows, Direction, Picture
from ballast.words import percent

log = logging.getLogger(__name__)

BETTER: dict[str, Direction] = {
    "estimated_accuracy": "higher",
    "difference_of_confidences": "higher",
    "source_accuracy": "higher",
}
TIED = 0.05
"""Share of source rows that tie at the threshold above which that is warned of."""
HOTTEST = 20.0
"""The bound of temperatures, from above and, inverted, from below."""
PICTURES = (
    Picture(
        "intervals",
        ("estimated_accuracy", "average_confidence", "difference_of_confidences", "source_accuracy"),
        title="Accuracy without labels",
        known="accuracy",
    ),
    Picture("estimate", ("estimated_accuracy",), title="accuracy without labels", known="accuracy"),
)


class AverageThresholdedConfidence(Assessor):
    """Estimates accuracy on unlabelled target rows as the share more confident than a threshold from source rows.

    The threshold is where the share of source rows below it equals the source error. Use it to watch a deployed model
    when labels arrive late or never. The rows of ``probs`` must be labelled, from the source, and ones the model was
    not fitted on: on training rows the threshold is degenerate. Do not lean on it where the model is well calibrated
    and only the covariates shift: ``difference_of_confidences``, reported beside it, is then nearer; no unlabelled row
    can tell which of the two is. Source accuracy 1 makes the estimate 1.

    Parameters
    ----------
    score : {"maximum_confidence", "negative_entropy"}, default "maximum_confidence"
        "maximum_confidence", the highest probability, or "negative_entropy", sum p log p, the paper's preference; the
        same for two classes.
    temperature_scaling : bool, default True
        Divide the log-probabilities by the temperature that minimises the source log loss first (True, as in the
        paper's comparison). It leaves the estimate for two classes as it is.
    n_bootstrap : int >= 1, default 200
        Replicates, each of the source (threshold and temperature refitted) and the target together.
    confidence : float in (0, 1), default 0.95
        Level of the intervals.
    random_state : int or None, default None
        Seed of the resampling.

    Attributes
    ----------
    threshold_ : float
        The score above which a target row counts as right.
    temperature_ : float
        The fitted temperature, 1 without scaling.

    Raises
    ------
    DataError
        Labels that no column of ``probs`` stands for.

    Notes
    -----
    ``assess(probs, y, probs_target, classes=None, logits=None, logits_target=None, dependence=None,
    dependence_target=None)``: source probabilities (n, n_classes) and labels (n,), target probabilities (m, n_classes),
    ``classes`` the label of each column (default: the sorted labels of ``y``), ``logits`` what the probabilities are
    the softmax of, ``dependence`` the unit that each row is of, which is then resampled whole. Gives
    ``estimated_accuracy``, ``average_confidence`` (mean highest probability of the target),
    ``difference_of_confidences`` (source accuracy plus target minus source mean confidence) and ``source_accuracy``.
    The interval of ``source_accuracy`` is Wilson's; the others are resampled.
    Rows that tie at the threshold, as trees' do, count by the share of tied source rows above the error: what tiny
    random jitter gives on average, up to one in the number of tied rows. Rows of a sure network tie where all
    other probabilities are 0 in their type; from logits, in float64, they do not, and without a warning tells how many
    do at the threshold.

    Cost: O((n + m) (n_classes n_bootstrap + log(n + m))) time, 64 MiB for the counts.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> def model(sure, n):  # right where its confidence is above 0.6
    ...     p = (1 + rng.beta(sure, 1, n)) / 2
    ...     return np.c_[1 - p, p], (p > 0.6).astype(int)
    >>> (probs, y), (probs_target, y_target) = model(3, 2000), model(1, 2000)
    >>> assessor = ballast.method("average_thresholded_confidence")
    >>> found = assessor.assess(probs, y, probs_target=probs_target).summary
    >>> print(f"from {y.mean():.2f} to {found['estimated_accuracy']:.2f}")
    from 0.99 to 0.79
    >>> print(f"{y_target.mean():.2f}, once there are labels")
    0.79, once there are labels
    """

    name = "average_thresholded_confidence"
    reference = "Garg et al., Leveraging Unlabeled Data to Predict Out-of-Distribution Performance, ICLR 2022"
    survey_ids = ("S188",)
    claim = Claim(
        "Nearer to the target accuracy than temperature-scaled average confidence and difference of confidences.",
        "partly",
        "mean absolute error, novel subclusters of 4 classes, 12 seeds: {maximum_confidence, estimated_accuracy:.3f} "
        "(negative entropy {negative_entropy, estimated_accuracy:.3f}) against {maximum_confidence, "
        "average_confidence:.3f} for average confidence and {maximum_confidence, difference_of_confidences:.3f} for "
        "difference of confidences (gain {maximum_confidence, gain over difference_of_confidences:.3f} +- "
        "{maximum_confidence, gain over difference_of_confidences.spread:.3f}). Not on corrupted digits ({digits, "
        "estimated_accuracy:.3f}, {digits, average_confidence:.3f}, {digits, difference_of_confidences:.3f}; source "
        "accuracy {digits, source_accuracy:.3f}), nor for a calibrated model under covariate shift ({calibrated, "
        "estimated_accuracy:.3f}, {calibrated, average_confidence:.3f}, {calibrated, difference_of_confidences:.3f})",
    )

    def __init__(
        self,
        score: Literal["maximum_confidence", "negative_entropy"] = "maximum_confidence",
        temperature_scaling: bool = True,
        n_bootstrap: Count = 200,
        confidence: Level = 0.95,
        random_state: Seed = None,
    ) -> None:
        self.score = score
        self.temperature_scaling = temperature_scaling
        self.n_bootstrap = n_bootstrap
        self.confidence = confidence
        self.random_state = random_state

    def assess(
        self,
        probs: np.ndarray,
        y: np.ndarray,
        probs_target: np.ndarray,
        classes: np.ndarray | None = None,
        logits: np.ndarray | None = None,
        logits_target: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
        dependence_target: np.ndarray | None = None,
    ) -> Assessment:
        """Gives the estimate, its two rivals and the source accuracy, each with its interval."""
        codes = label_codes(y, classes, probs.shape[1], self.name)
        log_p, log_p_target = _logarithms(probs, probs_target, logits, logits_target)
        self.temperature_ = _temperature(log_p, codes) if self.temperature_scaling else 1.0
        scores, order = self._sorted(log_p)
        scores_target, order_target = self._sorted(log_p_target)
        log_p, log_p_target = log_p[order], log_p_target[order_target]
        correct = (probs.argmax(axis=1) == codes)[order].astype(np.float64)
        above = _ShareAbove(scores, scores_target)
        refitted = _Refitted(log_p, codes[order], self.temperature_) if self.temperature_scaling else _untempered

        def estimates(counts: np.ndarray, counts_target: np.ndarray) -> dict[str, np.ndarray]:
            n, sharpness = counts.sum(axis=1), refitted(counts)
            accuracy, confidence = counts @ correct / n, _mean_confidence(log_p_target, counts_target, sharpness)
            gap = confidence - _mean_confidence(log_p, counts, sharpness)
            return {
                "estimated_accuracy": above(counts, n - counts @ correct, counts_target),
                "average_confidence": confidence,
                "difference_of_confidences": np.clip(accuracy + gap, 0.0, 1.0),
                "source_accuracy": accuracy,
            }

        n, m = len(scores), len(scores_target)
        self._find_threshold(scores, int(n - correct.sum()))
        units = None if dependence is None else dependence[order]
        members = _members(n, dependence, order), _members(m, dependence_target, order_target)
        drawn = [estimates(*counts) for counts in self._drawn(*members)]
        values = estimates(np.ones((1, n)), np.ones((1, m)))
        fewest = min(int(own.max()) + 1 for own in members)
        rows = AssessmentRows()
        for metric, value in values.items():
            low, high = interval(np.concatenate([one[metric] for one in drawn]), self.confidence, fewest)
            if metric == "source_accuracy" and n > 1:
                low, high = of_share(correct, np.ones(n), self.confidence, units)
            rows.add(metric, value[0], n=n if metric == "source_accuracy" else m, low=low, high=high)
        return rows.finish(better=BETTER, pictures=PICTURES)

    def _drawn(self, members: np.ndarray, members_target: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Gives, chunk by chunk, how often each row of both samples was drawn, (b, n) and (b, m): as its unit was."""
        rng = np.random.default_rng(self.random_state)
        sizes = int(members.max()) + 1, int(members_target.max()) + 1
        for counts, counts_target in draw_counts(self.n_bootstrap, rng, *sizes):
            yield counts[:, members], counts_target[:, members_target]

    def _find_threshold(self, scores: np.ndarray, n_wrong: int) -> None:
        """Sets the threshold where so many of the sorted source scores are below it, and tells of ties of sure rows."""
        n = len(scores)
        at = scores[n_wrong] if n_wrong < n else np.inf
        self.threshold_ = float(expit(at) if self.score == "maximum_confidence" else at)
        tied = int((scores == at).sum())
        if at == scores[-1] and tied > max(1, TIED * n):
            log.warning(
                "%s: %d of %d source rows (%s) are so sure that they tie at the threshold, and do not tell which "
                "target rows are right; give the model's logits, which keep sure rows apart",
                self.name, tied, n, percent(tied, n),
            )  # fmt: skip

    def _sorted(self, log_probs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gives the tempered rows' scores in ascending order, and that order.

        The highest probability is taken by its log odds, which stay apart where it is 1.
        """
        log_p = _log_softmax(log_probs / self.temperature_)
        if self.score == "maximum_confidence":
            scores = _log_odds(log_p)
        else:
            scores = (np.exp(log_p) * log_p).sum(axis=1)
        order = np.argsort(scores, kind="stable")
        return scores[order], order


class _Refitted:
    """The inverse temperatures that fit many resamplings of the source: a Newton step each from that of all its rows.

    The log loss is convex in the inverse temperature, and one step is as near to the minimum as replicates need it.
    """

    def __init__(self, log_probs: np.ndarray, codes: np.ndarray, temperature: float) -> None:
        self.fitted = 1 / temperature
        p = np.exp(_log_softmax(log_probs * self.fitted))
        mean = (p * log_probs).sum(axis=1)
        self.slope = mean - log_probs[np.arange(len(codes)), codes]
        self.bend = (p * (log_probs - mean[:, None]) ** 2).sum(axis=1)

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        """Gives (b,) from (b, n) counts of the rows, within the bounds of the temperature."""
        slope, bend = counts @ self.slope, counts @ self.bend
        step = np.divide(slope, bend, out=np.zeros_like(slope), where=bend > 0)
        moved = np.any(counts != 1, axis=1)  # all rows as they are have the temperature that was searched for
        return np.clip(self.fitted - step * moved, 1 / HOTTEST, HOTTEST)


def _untempered(counts: np.ndarray) -> np.ndarray:
    return np.ones(len(counts))


def _mean_confidence(log_probs: np.ndarray, counts: np.ndarray, sharpness: np.ndarray) -> np.ndarray:
    """Gives (b,) mean highest probabilities of rows drawn (b, n) times, at (b,) inverse temperatures."""
    below = log_probs - log_probs.max(axis=1, keepdims=True)
    found = np.empty(len(counts))
    for at in np.unique(sharpness):
        own = sharpness == at
        found[own] = counts[own] @ (1 / np.exp(below * at).sum(axis=1))
    return found / counts.sum(axis=1)


class _ShareAbove:
    """The share of target rows above the threshold, for many resamplings of source and target at once.

    Both sets of scores are sorted. With k wrong source rows, the threshold t is the source score with k rows below
    it; where rows tie at t, the share of them that would have to lie above it counts, in source and target alike.
    """

    def __init__(self, scores: np.ndarray, scores_target: np.ndarray) -> None:
        values, self.starts = np.unique(scores, return_index=True)
        self.left = np.searchsorted(scores_target, values, side="left")
        self.right = np.searchsorted(scores_target, values, side="right")

    def __call__(self, counts: np.ndarray, n_wrong: np.ndarray, counts_target: np.ndarray) -> np.ndarray:
        b, m = len(counts_target), counts_target.sum(axis=1)
        tied = np.add.reduceat(counts, self.starts, axis=1)
        up_to = np.cumsum(tied, axis=1)
        beyond = up_to > n_wrong[:, None]
        row, at = np.arange(b), beyond.argmax(axis=1)
        tied, up_to = tied[row, at], up_to[row, at]
        upper = np.divide(up_to - n_wrong, tied, out=np.zeros(b), where=tied > 0)
        below = np.concatenate([np.zeros((b, 1)), np.cumsum(counts_target, axis=1)], axis=1)
        left, right = below[row, self.left[at]], below[row, self.right[at]]
        share = (m - right + upper * (right - left)) / m
        return np.where(beyond.any(axis=1), share, 0.0)  # every source row wrong: no score is high enough


def _logarithms(
    probs: np.ndarray, probs_target: np.ndarray, logits: np.ndarray | None, logits_target: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Gives the logarithms of both samples' probabilities, of their logits where these are given and theirs."""
    given = ((probs, logits), (probs_target, logits_target))
    if all(scores is not None and is_softmax(p, scores) for p, scores in given):
        own, target = (_log_softmax(np.asarray(scores, dtype=np.float64)) for _, scores in given)
    else:
        least = np.finfo(np.float32).tiny
        own, target = (np.log(np.clip(p, least, None, dtype=np.float64)) for p, _ in given)
    return own, target


def _members(n: int, units: np.ndarray | None, order: np.ndarray) -> np.ndarray:
    """Gives (n,) the number of the unit of each row, in that order; its own without units."""
    return np.arange(n) if units is None else np.unique(units[order], return_inverse=True)[1]


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    """Gives log probabilities that keep their digits where one is nearly 1."""
    rows, top = np.arange(len(logits)), logits.argmax(axis=1)
    shifted = logits - logits[rows, top][:, None]
    others = np.exp(shifted)
    others[rows, top] = 0.0
    return shifted - np.log1p(others.sum(axis=1))[:, None]


def _log_odds(log_probs: np.ndarray) -> np.ndarray:
    """Gives (n,) the log odds of the highest probability."""
    rows, top = np.arange(len(log_probs)), log_probs.argmax(axis=1)
    others = log_probs.copy()
    others[rows, top] = -np.inf
    return log_probs[rows, top] - logsumexp(others, axis=1)


def _temperature(logits: np.ndarray, codes: np.ndarray) -> float:
    """Gives the temperature in [1/20, 20] that minimises the log loss."""
    rows = np.arange(len(codes))

    def loss(log_temperature: float) -> float:
        return -float(_log_softmax(logits / np.exp(log_temperature))[rows, codes].mean())

    bound = np.log(HOTTEST)
    found = minimize_scalar(loss, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))
