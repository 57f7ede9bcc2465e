"""A test for shifted class shares, on a model's predictions."""

from __future__ import annotations

import numpy as np

from ballast.errors import DataError
from ballast.methods.frame.base import Claim, Test
from ballast.methods.frame.parameters import Level
from ballast.methods.frame.reports import TestReport
from ballast.methods.shift._columns import Decide, Multiplicity
from ballast.methods.shift.kolmogorov_smirnov import KolmogorovSmirnov
from ballast.words import plural


class PriorShift(Test):
    """Tests whether a model's predicted probabilities are distributed otherwise in the target, class by class.

    Use it before label-shift weights (``label_shift_em``), and to watch a deployed classifier without labels: where
    class shares have shifted its predictions have too, if it tells the classes apart at all. Not as proof that the
    shares alone have shifted: a shift of the features moves predictions as well.

    Parameters
    ----------
    alpha : float in (0, 1), default 0.05
        Level of the test over all classes together.
    multiplicity : {"holm", "benjamini_hochberg"}, default "holm"
        "holm" keeps the chance of any false alarm below `alpha`; "benjamini_hochberg" the expected share of false
        alarms among the classes named.
    decide : dict or None, default None
        What a change must reach to count, in place of `alpha` alone: {p: 0.05, effect: 0.1} asks for a p-value
        (adjusted) of at most 0.05 and an effect size of at least 0.1, {effect: 0.1} for the effect size alone, so that
        the number of rows does not decide.

    Raises
    ------
    DataError
        One class alone, or ``classes`` of another number than the columns.

    Notes
    -----
    Independent are taken to be the rows of each sample, and the two samples of each other, with the model fitted on
    neither; where the roles declare ``dependence`` or ``time``, units or blocks are, as in ``kolmogorov_smirnov``.

    A Kolmogorov-Smirnov test of each class's probability; the report's features are the classes. Of two classes the
    first is left out, as it says the same. ``probs`` must be out of sample for the training rows, or they differ from
    the target's without any shift. Cost: one sort a class.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> def model(share, n):  # probabilities of two classes
    ...     y = rng.random(n) < share
    ...     p = 1 / (1 + np.exp(-rng.normal(np.where(y, 1, -1))))
    ...     return np.c_[1 - p, p]
    >>> test = ballast.method("prior_shift")
    >>> test.test(model(0.3, 400), model(0.3, 400)).rejected
    False
    >>> test.test(model(0.3, 400), model(0.6, 400)).rejected
    True
    """

    name = "prior_shift"
    reference = (
        "Rabanser, Guennemann and Lipton, Failing Loudly: An Empirical Study of Methods for Detecting Dataset Shift, "
        "NeurIPS 2019; Lipton, Wang and Smola, Detecting and Correcting for Label Shift, ICML 2018"
    )
    claim = Claim(
        "Holds its level where nothing has shifted, and finds shifted class shares through any classifier that tells "
        "the classes apart.",
        "by definition",
        "Three Gaussian classes, 300 rows, 200 draws: false alarms at 0.05 in {level:.1%}; equal shares to 0.6, 0.3, "
        "0.1 found in {power:.0%}, to 0.5, 0.3, 0.2 in {power_of_small:.0%}.",
    )

    def __init__(self, alpha: Level = 0.05, multiplicity: Multiplicity = "holm", decide: Decide | None = None) -> None:
        self.alpha = alpha
        self.multiplicity: Multiplicity = multiplicity
        self.decide: Decide | None = decide

    def test(
        self,
        probs: np.ndarray,
        probs_target: np.ndarray,
        classes: np.ndarray | None = None,
        time: np.ndarray | None = None,
        time_target: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
        dependence_target: np.ndarray | None = None,
        design_weight: np.ndarray | None = None,
        design_weight_target: np.ndarray | None = None,
    ) -> TestReport:
        """Compares predictions (n, K) with the target's (m, K); ``classes`` (K,) names the columns.

        ``time``, ``dependence`` and the target's say which rows are not independent, ``design_weight`` and the target's
        how many of the population each stands for, as in ``kolmogorov_smirnov``.
        """
        import pandas as pd

        width = probs.shape[1]
        names = [f"class {k}" for k in range(width)] if classes is None else [str(c) for c in np.asarray(classes)]
        if width < 2 or len(names) != width:
            raise DataError(
                f"{self.name}: probs has {plural(width, 'column')} for {len(probs)} rows, and there are {len(names)} "
                "classes; at least two are needed, one a column"
            )
        kept = slice(1, None) if width == 2 else slice(None)
        table, table_target = (pd.DataFrame(p[:, kept], columns=pd.Index(names[kept])) for p in (probs, probs_target))
        by_class = KolmogorovSmirnov(self.alpha, self.multiplicity, self.decide)
        of_rows = time, time_target, dependence, dependence_target, design_weight, design_weight_target
        return by_class.test(table, table_target, *of_rows)
