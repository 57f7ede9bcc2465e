"""Novelty from a classifier's own outputs: the maximum softmax probability and the energy."""

from __future__ import annotations

import logging
from typing import ClassVar

import numpy as np
from scipy.special import expit, logsumexp

from ballast.errors import DataError
from ballast.methods.common.logits import is_softmax
from ballast.methods.frame.base import Claim, Scorer
from ballast.methods.frame.parameters import Level, Positive
from ballast.methods.out_of_distribution._threshold import conformal_threshold
from ballast.words import percent

log = logging.getLogger(__name__)


class MaximumSoftmaxProbability(Scorer):
    """Scores a row by how unsure its classifier is: one less the largest class probability.

    Use it as the baseline for both misclassified and foreign rows: it costs nothing beyond the model. Not where the
    model is overconfident away from its training rows, as networks are on noise; take ``mahalanobis`` there.

    Parameters
    ----------
    kept : float in (0, 1), default 0.95
        The share of rows like the fitting ones whose score stays at or below ``threshold_``; 0.95 as in the usual "FPR
        at 95 % TPR".

    Attributes
    ----------
    threshold_ : float
        Scores above it are flagged: the ceil((n + 1) ``kept``)-th smallest of n fitting rows' scores; infinite below 19
        rows for 0.95, with a warning, and a warning too where many rows tie with it. ``probs`` must be out of sample
        (as the pipeline's are), otherwise the fitting rows look surer than new ones and more than 5 % of new rows are
        flagged.

    Notes
    -----
    Scores are computed from ``logits`` in float64 where they are given and ``probs`` are their softmax: the
    probability of a sure network is exactly 1 from a gap of 17 between logits on in float32, of 37 in float64, and
    rows beyond are tied. From ``probs`` alone a warning tells how many are.

    Cost: O(n K).

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> p = np.random.default_rng(0).uniform(0.8, 1.0, 200)  # out of sample
    >>> scorer = ballast.method("maximum_softmax_probability")
    >>> scorer = scorer.fit(np.c_[p, 1 - p])
    >>> scores = scorer.score_samples([[0.95, 0.05], [0.5, 0.5]])
    >>> scores.round(2), scorer.flag(scores)
    (array([0.05, 0.5 ]), array([False,  True]))
    """

    name = "maximum_softmax_probability"
    reference = (
        "Hendrycks & Gimpel, A baseline for detecting misclassified and out-of-distribution examples in neural "
        "networks, ICLR 2017"
    )
    survey_ids = ("S225",)
    claim = Claim(
        "Correctly classified rows have a higher maximum softmax probability than misclassified and foreign ones "
        "(against chance, AUROC .5).",
        "reproduced",
        "AUROC on digits, 12 draws: wrong against right {wrong_network:.2f} +- {wrong_network.spread:.2f} for a "
        "network, {wrong_logistic:.2f} +- {wrong_logistic.spread:.2f} for logistic regression; foreign against known "
        "digits {auroc:.3f} +- {auroc.spread:.3f}, but {noisy_auroc:.2f} +- {noisy_auroc.spread:.2f} with 30 % labels "
        "random.",
    )
    conformance_exceptions: ClassVar[dict[str, str]] = {
        "float32_kept": "scores from logits are float64: those of sure rows lie below what float32 holds"
    }

    def __init__(self, kept: Level = 0.95):
        self.kept = kept

    def fit(self, probs: np.ndarray, logits: np.ndarray | None = None) -> MaximumSoftmaxProbability:
        """Learns the threshold from (n, K) out-of-sample probabilities, and the logits behind them."""
        self.threshold_ = conformal_threshold(self.name, self.score_samples(probs, logits), self.kept)
        return self

    def score_samples(self, probs: np.ndarray, logits: np.ndarray | None = None) -> np.ndarray:
        """Gives (n,) scores from 0 (sure) to 1 - 1/K; in float64 where they come from logits."""
        if logits is not None and is_softmax(probs, logits):
            return _one_less_largest(logits.astype(np.float64))
        scores = np.clip(1 - probs.max(axis=1), 0, None)
        if (sure := int((scores == 0).sum())) > max(1, (1 - self.kept) * len(scores)):
            log.warning(
                "%s: %d of %d rows (%s) have a probability of exactly 1, so that their scores are tied and say nothing "
                "of which is more novel; give the model's logits, which keep the rows apart",
                self.name, sure, len(scores), percent(sure, len(scores)),
            )  # fmt: skip
        return scores


def _one_less_largest(logits: np.ndarray) -> np.ndarray:
    """Gives (n,) 1 - max softmax by the odds against the largest, which stay apart where the softmax is 1."""
    rows, largest = np.arange(len(logits)), logits.argmax(axis=1)
    others = logits.copy()
    others[rows, largest] = -np.inf
    return expit(logsumexp(others, axis=1) - logits[rows, largest])


class EnergyScore(Scorer):
    """Scores a row by its energy, ``-T logsumexp(logits / T)``: high where no class speaks for the row.

    Use it for large networks trained with cross-entropy, where the logits' size carries what the softmax divides
    away; on small ones the claim's test found no gain. Not with noisy labels, and not with log-probabilities in place
    of logits: their energy is zero for every row, which is refused.

    Parameters
    ----------
    temperature : float > 0, default 1.0
        T of the formula, 1 as in the paper.
    kept : float in (0, 1), default 0.95
        The share of rows like the fitting ones whose score stays at or below ``threshold_``.

    Attributes
    ----------
    threshold_ : float
        Scores above it are flagged: the ceil((n + 1) ``kept``)-th smallest of the n rows' given to ``fit``, which must
        be out of sample; infinite below 19 rows for 0.95, with a warning.

    Raises
    ------
    DataError
        ``logits`` whose rows are all log-probabilities.

    Notes
    -----
    Scores are float64, whatever the logits: what the other classes add to a large logit lies below what float32 holds.

    Cost: O(n K).

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> logits = rng.normal([6, 0], 1, size=(200, 2))  # out of sample
    >>> scorer = ballast.method("energy_score").fit(logits)
    >>> scores = scorer.score_samples([[6.0, 0.0], [0.3, 0.2]])
    >>> scorer.flag(scores)  # no class speaks for the second
    array([False,  True])
    """

    name = "energy_score"
    reference = "Liu, Wang, Owens & Li, Energy-based out-of-distribution detection, NeurIPS 2020"
    claim = Claim(
        "The energy tells foreign rows better than the maximum softmax probability (fewer false positives at 95 % "
        "true positives).",
        "not reproduced",
        "Digits, six classes known, four foreign, 12 draws: AUROC {auroc:.3f}, {gain_over_softmax:+.3f} +- "
        "{gain_over_softmax.spread:.3f} over softmax; false positives fewer by {fewer_false_positives:.3f} +- "
        "{fewer_false_positives.spread:.3f}; with 30 % labels random AUROC lower by {noisy_loss:.3f} +- "
        "{noisy_loss.spread:.3f}.",
    )
    conformance_exceptions: ClassVar[dict[str, str]] = {
        "float32_kept": "scores are float64: what small logits add to a large one lies below what float32 holds"
    }

    def __init__(self, temperature: Positive = 1.0, kept: Level = 0.95):
        self.temperature = temperature
        self.kept = kept

    def fit(self, logits: np.ndarray) -> EnergyScore:
        """Learns the threshold from (n, K) out-of-sample logits."""
        if np.abs(logsumexp(logits.astype(np.float64), axis=1)).max() < 1e-5:
            raise DataError(
                f"{self.name}: all {len(logits)} rows of logits are log-probabilities, whose energy is zero; pass the "
                "scores before the softmax, from a model with a decision_function of shape (n, n_classes)"
            )
        self.threshold_ = conformal_threshold(self.name, self.score_samples(logits), self.kept)
        return self

    def score_samples(self, logits: np.ndarray) -> np.ndarray:
        """Gives (n,) energies in the units of the logits, in float64."""
        return -self.temperature * logsumexp(logits.astype(np.float64) / self.temperature, axis=1)
