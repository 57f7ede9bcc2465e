"""Label quality from a row's margin over training."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from sklearn.base import clone

from ballast.errors import DataError
from ballast.methods.common.tasks import check_classes
from ballast.methods.frame.base import Claim, Scorer
from ballast.methods.frame.parameters import Share

log = logging.getLogger(__name__)


class AreaUnderMargin(Scorer):
    """Scores a label by the mean, over training, of its logit less the largest other logit.

    Use it to rank labels for review, or to drop a known share of them, from one training of a network at a constant
    and rather high rate (``torch_mlp`` with ``record_dynamics``, "sgd", rate 0.05, about 15 epochs). Not after long
    training that has learned the wrong labels by heart, and not to find how many are wrong in data of two or three
    classes. The mean loss over the epochs ranks about as well; the loss of the last epoch ranks worse.

    Parameters
    ----------
    noise_rate : float in (0, 1] or None, default None
        The share of rows to flag, the lowest scores; None flags none and only ranks. Rows whose scores are equal, as
        those of copies are, are flagged together, so that more may be flagged, which a warning tells. Where the rate is
        not known and there are four classes or more, ``flag_by_threshold_samples`` finds it with two more trainings.

    Attributes
    ----------
    threshold_ : float
        Scores below it are flagged; absent without ``noise_rate``. It is the lowest score that is not flagged, and
        infinite where all are.

    Notes
    -----
    Cost: O(n E) for E epochs.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> margins = rng.normal(2.0, 1.0, size=(100, 15))  # a column an epoch
    >>> margins[:5] -= 4.0  # the network never believed five of the labels
    >>> scorer = ballast.method("area_under_margin", noise_rate=0.05).fit(margins)
    >>> np.flatnonzero(scorer.flag(scorer.score_samples(margins)))
    array([0, 1, 2, 3, 4])
    """

    name = "area_under_margin"
    reference = (
        "Pleiss, Zhang, Elenberg & Weinberger, Identifying mislabeled data using the area under the margin ranking, "
        "NeurIPS 2020"
    )
    survey_ids = ("S182",)
    claim = Claim(
        "It finds wrong labels, retraining without them gains accuracy, and flips that follow a rule are ranked "
        "better than by the final loss.",
        "reproduced",
        "Digits, 20 % wrong, 8 draws: threshold samples flag with precision {precision:.2f}, recall {recall:.2f}; "
        "dropping the lowest fifth gains {retrained_any:.3f} +- {retrained_any.spread:.3f} accuracy over an "
        "early-stopped network, {retrained_next:.3f} +- {retrained_next.spread:.3f} where each digit is taken for the "
        "next; AUC there {auc_next:.3f} against {final_loss_auc_next:.3f} for the final loss, "
        "{gain_over_final_loss:+.3f} +- {gain_over_final_loss.spread:.3f}. At random the mean loss ranks as well "
        "({mean_loss_auc_any:.3f} against {auc_any:.3f}).",
    )
    higher = "label more likely right"
    flags = "below"

    def __init__(self, noise_rate: Share | None = None):
        self.noise_rate = noise_rate

    def fit(self, margins: np.ndarray) -> AreaUnderMargin:
        """Learns the threshold from (n, E) margins of the training rows."""
        if hasattr(self, "threshold_"):
            del self.threshold_
        if self.noise_rate is not None:
            scores = np.sort(self.score_samples(margins))
            n_flagged = round(self.noise_rate * len(scores))
            beyond = scores[scores > scores[n_flagged - 1]] if n_flagged else scores
            self.threshold_ = float(beyond[0]) if len(beyond) else float("inf")
            if (more := len(scores) - len(beyond) - n_flagged) > 0:
                log.warning(
                    "%s: flags %d of %d rows where noise_rate=%g asks for %d: %d more have the last one's score",
                    self.name, n_flagged + more, len(scores), self.noise_rate, n_flagged, more,
                )  # fmt: skip
        return self

    def score_samples(self, margins: np.ndarray) -> np.ndarray:
        """Gives (n,) mean margins in the units of the logits."""
        return margins.mean(axis=1)


def flag_by_threshold_samples(
    learner: Any,
    X: np.ndarray,
    y: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    percentile: float = 99.0,
    random_state: int | None = 0,
) -> np.ndarray:
    """Gives (n,) bool: the labels that fare no better in training than labels known to be wrong.

    The paper's own rule, for when the share of wrong labels is unknown. A share 1/(K + 1) of the rows is given a
    label of its own, which no row deserves; the ``percentile`` of those rows' areas under the margin is the cut for
    the others. A second training with other such rows judges the first ones; a row is flagged when every training
    in which it kept its label flags it.

    Parameters
    ----------
    learner : learner
        One that records training dynamics, such as ``TorchMLP(record_dynamics=True, optimizer="sgd",
        learning_rate=0.05, max_epochs=15)``; clones of it are fitted.
    X : array of shape (n, d)
        The rows.
    y : array of shape (n,)
        Their labels, of four classes or more.
    sample_weight : array of shape (n,) or None, default None
        Weights for the trainings.
    percentile : float, default 99.0
        Percentile of the threshold rows' areas at which the cut is, the paper's.
    random_state : int or None, default 0
        Seed that draws the threshold rows.

    Returns
    -------
    ndarray of bool, shape (n,)
        True for a label to look at.

    Raises
    ------
    DataError
        Fewer than four classes, where so many threshold rows swamp the fit.

    Notes
    -----
    Cost: two trainings.
    """
    X, y = np.asarray(X), np.asarray(y)
    classes, codes = check_classes(y, "flag_by_threshold_samples")
    K, n = len(classes), len(y)
    if K < 4:
        raise DataError(
            f"y has {K} classes; threshold samples need at least 4, because they would be a share 1/{K + 1} of the "
            "rows and swamp the fit; use AreaUnderMargin(noise_rate=...) with an estimate of the share of wrong labels"
        )
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    order = np.random.default_rng(random_state).permutation(n)
    size = n // (K + 1)
    acquitted = np.zeros(n, dtype=bool)
    for threshold_rows in (order[:size], order[size : 2 * size]):
        labels = codes.copy()
        labels[threshold_rows] = K
        fitted: Any = clone(learner)
        fitted.fit(X, labels, **weights)
        area = fitted.dynamics_["margins"].mean(axis=1)
        cut = np.percentile(area[threshold_rows], percentile)
        kept = np.ones(n, dtype=bool)
        kept[threshold_rows] = False
        acquitted |= kept & (area > cut)
    return ~acquitted
