"""A test of whether other class shares alone explain how a model's predictions have changed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ballast.methods.common.classes import class_counts
from ballast.methods.common.label_shift import fit_calibration, likeliest_shares, mean_shares
from ballast.methods.frame.base import Claim, Test
from ballast.methods.frame.parameters import Count, Level, Seed
from ballast.methods.frame.reports import OVERALL, TEST_COLUMNS, TestReport
from ballast.methods.shift._columns import Decide, Rule
from ballast.methods.shift._units import looks_dependent
from ballast.words import plural

_TOLERANCE = 1e-6
"""Largest change of a class share at which EM stops: far below the shares' standard errors."""


class LabelShiftGoodnessOfFit(Test):
    """Tests whether the target is what the training rows would be with other class shares (pure label shift).

    Use it before label-shift weights (``label_shift_em``, ``black_box_shift``): they are right only where a class looks
    the same in both. Where it rejects, the features have shifted within classes, and density ratios, not class
    weights, are called for. It sees what moves the model's predictions as no class shares would, and nothing else:
    features that move towards those of another class pass for more of that class (``claim`` has a figure).

    Parameters
    ----------
    n_draws : samples drawn from the training rows with the estimated shares, for the p-value; it is at least
        1 / (n_draws + 1).
    alpha : level of the test over all classes together.
    decide : what a misfit must reach to count, in place of `alpha` alone: {p: 0.05, effect: 0.1} asks for a p-value of
        at most 0.05 and a distance of at least 0.1, so that the number of rows does not decide.
    random_state : the seed of the draws.

    Notes
    -----
    Independent are taken to be the rows of each sample, and the two samples of each other, with the model fitted on
    neither: ``probs`` must be out of sample for the training rows. ``effect`` says where rows look dependent.

    The target's class shares are estimated by EM on calibrated probabilities, as ``label_shift_em`` does. The statistic
    is the largest Kolmogorov-Smirnov distance, over classes, between the target's probabilities of a class and the
    training rows', weighted to these shares. Its law under label shift is drawn: training rows anew within each class,
    target rows anew with the estimated shares, and the shares estimated anew. Classes' p-values are against the draws'
    largest distances, so that they hold for all classes together. Of two classes the first is left out.
    Cost: n_draws times EM (O(m K) a step, some tens of steps) and a sort a class.

    Raises
    ------
    DataError : one class alone, a class without rows, or another number of classes than columns.

    Examples
    --------
    >>> import numpy as np
    >>> from ballast.methods.shift import LabelShiftGoodnessOfFit
    >>> rng = np.random.default_rng(0)
    >>> def predicted(share, n, spread):
    ...     y = (rng.random(n) < share).astype(int)
    ...     p = 1 / (1 + np.exp(-3 * (2 * y - 1) - spread * rng.normal(size=n)))
    ...     return np.column_stack([1 - p, p]), y
    >>> probs, y = predicted(0.2, 500, 2)
    >>> other_shares, other_looks = predicted(0.7, 300, 2)[0], predicted(0.7, 300, 6)[0]
    >>> LabelShiftGoodnessOfFit().test(probs, y, other_shares).rejected
    False
    >>> LabelShiftGoodnessOfFit().test(probs, y, other_looks).rejected
    True
    """

    name = "label_shift_goodness_of_fit"
    reference = (
        "Vaz, Izbicki and Stern, Quantification Under Prior Probability Shift: the Ratio Estimator and its Extensions, "
        "JMLR 20, 2019 (testing the assumption; the statistic and its law are Ballast's own)"
    )
    claim = Claim(
        "Holds its level under label shift, where a test for shifted predictions rejects, and rejects where classes "
        "look otherwise.",
        "by definition",
        "Three Gaussian classes, samples of 300 rows, 200 draws: equal shares to 0.6, 0.3, 0.1 rejected in "
        "{level:.1%} (prior_shift: {prior_shift:.0%}); with classes 1.5 times as wide too, in {power:.0%}; with all "
        "classes moved by half a standard deviation to where one of them lies, in {confused:.0%}.",
    )

    def __init__(
        self, n_draws: Count = 200, alpha: Level = 0.05, random_state: Seed = 0, decide: Decide | None = None
    ) -> None:
        self.n_draws = n_draws
        self.alpha = alpha
        self.random_state = random_state
        self.decide: Decide | None = decide

    def test(
        self, probs: np.ndarray, y: np.ndarray, probs_target: np.ndarray, classes: np.ndarray | None = None
    ) -> TestReport:
        """Holds the target's predictions (m, K) against those (n, K) of training rows with the labels ``y`` (n,).

        ``classes`` (K,) names the columns, by default the sorted labels of ``y``.
        """
        classes, positions, counts = class_counts(probs, y, classes, self.name)
        note = looks_dependent(pd.DataFrame(probs), pd.DataFrame(probs_target))
        fitted = fit_calibration(probs, positions)
        own, target = fitted.of(probs), fitted.of(probs_target)
        kept = slice(1, None) if len(classes) == 2 else slice(None)
        shares, distances = _misfit(own, positions, target)
        rng = np.random.default_rng(self.random_state)
        by_class = np.split(np.argsort(positions, kind="stable"), np.cumsum(counts)[:-1])
        chances = (shares / counts)[positions]
        drawn = np.empty(self.n_draws)
        for i in range(self.n_draws):
            again = np.concatenate([rng.choice(rows, len(rows)) for rows in by_class])
            as_target = rng.choice(len(own), len(target), p=chances)
            drawn[i] = _misfit(own[again], positions[again], own[as_target])[1][kept].max()
        return self._report(classes[kept], shares[kept], counts[kept] / len(y), distances[kept], drawn, note)

    def _report(
        self,
        classes: np.ndarray,
        shares: np.ndarray,
        before: np.ndarray,
        distances: np.ndarray,
        drawn: np.ndarray,
        note: str,
    ) -> TestReport:
        rule = Rule.of(self.alpha, self.decide)
        p_values = (1 + (drawn >= distances[:, None] - 1e-12).sum(axis=1)) / (len(drawn) + 1)
        said = [
            f"distance of the target's probabilities from the training rows' at its share ({b:.1%} -> {s:.1%})"
            for b, s in zip(before, shares, strict=True)
        ]
        worst = int(distances.argmax())
        names = [*map(str, classes), OVERALL]
        found = zip(
            names,
            [*distances, distances[worst]],
            [*p_values, p_values[worst]],
            [*said, f"largest of {plural(len(classes), 'class')}: {said[worst]}{rule.said}{note}"],
            strict=True,
        )
        rows = [(name, d, p, p, rule.level, rule.rejects(p, d), d, text) for name, d, p, text in found]
        table = pd.DataFrame(rows, columns=pd.Index(TEST_COLUMNS))
        rejected = bool(table["rejected"].any())
        table.loc[len(table) - 1, "rejected"] = rejected
        return TestReport(float(distances[worst]), float(p_values[worst]), rule.level, rejected, table)


def _misfit(own: np.ndarray, positions: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives the class shares (K,) that the target is estimated to have, and by class its distance from such rows."""
    n_classes = own.shape[1]
    shares, _ = likeliest_shares(target, mean_shares(own), tolerance=_TOLERANCE)
    weights = (shares / np.bincount(positions, minlength=n_classes))[positions]
    steps = np.append(weights, np.full(len(target), -1 / len(target)))
    pooled = np.concatenate([own, target])
    order = np.argsort(pooled, axis=0)
    values = np.take_along_axis(pooled, order, axis=0)
    gaps = np.abs(np.cumsum(steps[order], axis=0))
    gaps[:-1][values[1:] == values[:-1]] = 0.0  # between equal values neither sample's function ends
    return shares, gaps.max(axis=0)
