"""A test of whether other class shares alone explain how the target differs from the training rows."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field
from sklearn.base import clone

from ballast.errors import DataError
from ballast.methods.common.classes import class_positions
from ballast.methods.common.cross_fit import check_classifier, deal_folds, deal_labelled, logistic
from ballast.methods.common.folds import units_of as units_in_folds
from ballast.methods.frame.base import Claim, Test
from ballast.methods.frame.parameters import Count, Level, Seed
from ballast.methods.frame.reports import OVERALL, TEST_COLUMNS, TestReport
from ballast.methods.shift._columns import Decide, Rule
from ballast.methods.shift._units import Units, looks_dependent, units_of
from ballast.words import listed, plural

_POINTS = 20
"""Quantiles of each class's probabilities at which the two samples are compared."""
_SURELY = 1e3
"""How much the shares' sum of one counts beside the differences, which are below one."""
_SUPPOSES = "class shares alone have shifted (label shift)"


class LabelShiftGoodnessOfFit(Test):
    """Tests whether the target is what the training rows would be with other class shares (pure label shift).

    Use it before label-shift weights (``label_shift_em``, ``black_box_shift``): they are right only where a class looks
    the same in both. Where it rejects, the features have shifted within classes, and density ratios, not class
    weights, are called for. It sees what moves a classifier's predictions as no class shares would, and nothing else:
    features that move towards those of another class pass for more of that class (``claim`` has a figure).

    Parameters
    ----------
    classifier : classifier, str or None, default None
        Any scikit-learn classifier with predict_proba, or the import path of its class. None takes logistic regression
        on standardised columns.
    n_folds : int >= 2, default 5
        Folds of the cross-fitting: every row of either sample is judged by a model that was not fitted on it.
    n_draws : int >= 1, default 200
        Samples drawn from the training rows with the estimated shares, for the p-value; it is at least 1 / (n_draws +
        1).
    alpha : float in (0, 1), default 0.05
        Level of the test over all classes together.
    random_state : int or None, default 0
        Seed of the folds and the draws.
    decide : dict or None, default None
        What a misfit must reach to count, in place of `alpha` alone: {p: 0.05, effect: 0.1} asks for a p-value of at
        most 0.05 and a distance of at least 0.1, so that the number of rows does not decide.

    Raises
    ------
    DataError
        One class alone, or a class of one row or unit.
    ParameterError
        A classifier without predict_proba.

    Notes
    -----
    Independent are taken to be the rows of each sample, and the two samples of each other. With ``dependence`` whole
    units are in one fold and are drawn together, with ``time`` blocks of consecutive times. Without, ``effect`` says
    where rows look dependent.

    The classifier is fitted to the training rows outside each fold, and judges the fold's rows and as large a part of
    the target's: predictions of a model fitted to all rows would differ from out-of-sample ones without any shift. The
    target's class shares are those whose mixture of the classes' distributions is nearest to the target's, in the sum
    of squares over classes and 20 quantiles of a class's probability, so that nothing need be calibrated. The
    statistic is the largest distance left. Its law under label shift is drawn: training rows anew within each class,
    target rows anew with the estimated shares, and the shares estimated anew. Classes' p-values are against the draws'
    largest distances, so that they hold for all classes together. Of two classes the first is left out.
    Cost: `n_folds` fits, then O((n + m) K) a draw.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> def drawn(share, n, spread=1.0):
    ...     y = (rng.random(n) < share).astype(int)
    ...     return 2 * y[:, None] + spread * rng.normal(size=(n, 1)), y
    >>> X, y = drawn(0.2, 500)
    >>> test = ballast.method("label_shift_goodness_of_fit")
    >>> test.test(X, y, X_target=drawn(0.7, 300)[0]).rejected  # other shares
    False
    >>> test.test(X, y, X_target=drawn(0.7, 300, spread=3.0)[0]).rejected
    True
    """

    name = "label_shift_goodness_of_fit"
    reference = (
        "Vaz, Izbicki and Stern, Quantification Under Prior Probability Shift: the Ratio Estimator and its Extensions, "
        "JMLR 20, 2019 (testing the assumption; the statistic and its law are Ballast's own)"
    )
    conformance_exceptions: ClassVar = {
        "float32_near_float64": "folds go by the rows' contents, which single precision changes, and p-values by folds"
    }
    claim = Claim(
        "Holds its level under label shift, where a test for shifted features rejects, and rejects where classes "
        "look otherwise.",
        "by definition",
        "Three Gaussian classes, samples of 300 rows, 200 draws: equal shares to 0.6, 0.3, 0.1 rejected in "
        "{level:.1%} (classifier_two_sample_test, logistic: {features:.0%}); with classes 1.5 times as wide too, in "
        "{power:.0%}; with all classes moved by half a standard deviation to where one of them lies, in "
        "{confused:.0%}.",
    )

    def __init__(
        self,
        classifier: Any = None,
        n_folds: Annotated[int, Field(ge=2)] = 5,
        n_draws: Count = 200,
        alpha: Level = 0.05,
        random_state: Seed = 0,
        decide: Decide | None = None,
    ) -> None:
        self.classifier = classifier
        self.n_folds = n_folds
        self.n_draws = n_draws
        self.alpha = alpha
        self.random_state = random_state
        self.decide: Decide | None = decide

    def test(
        self,
        X: np.ndarray,
        y: np.ndarray,
        X_target: np.ndarray,
        time: np.ndarray | None = None,
        time_target: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
        dependence_target: np.ndarray | None = None,
    ) -> TestReport:
        """Holds the target's rows (m, d) against the training rows (n, d) with the labels ``y`` (n,).

        ``dependence`` (n,) and ``dependence_target`` (m,) name the unit of each row; ``time`` (n,) and ``time_target``
        (m,) its place in time, used where no unit is named.
        """
        classes = np.sort(pd.unique(y))
        positions = class_positions(y, classes, self.name)
        counts = np.bincount(positions)
        if (counts < 2).any():
            raise DataError(
                f"{self.name}: {plural(int((counts < 2).sum()), 'class')} of {len(classes)} "
                f"({listed(classes[counts < 2])}) has one row alone, and at least 2 are needed to fit on one and judge "
                "the other; leave such classes out, or merge them with others"
            )
        n = len(X)
        units = units_of(n, len(X_target), time, time_target, dependence, dependence_target)
        note = units.said if units else looks_dependent(pd.DataFrame(X), pd.DataFrame(X_target))
        names = None if units is None else units.of
        if dependence is not None and dependence_target is not None:  # of one name is one unit in both
            names = pd.factorize(np.concatenate([d.astype(object) for d in (dependence, dependence_target)]))[0]
        rng = np.random.default_rng(self.random_state)
        made = logistic(X.shape[1]) if self.classifier is None else check_classifier(self.classifier, self.name)
        folds, folds_target = self._folds(X, positions, X_target, names, rng)
        own, target = np.empty((n, len(classes))), np.empty((len(X_target), len(classes)))
        for fold in np.unique(folds):
            model: Any = clone(made)
            model.fit(X[folds != fold], positions[folds != fold])
            for judged, rows, held in ((own, X, folds == fold), (target, X_target, folds_target == fold)):
                if held.any():
                    judged[held] = model.predict_proba(rows[held])
        kept = slice(1, None) if len(classes) == 2 else slice(None)
        misfit = _Misfit(own[:, kept], target[:, kept], positions, counts, units)
        shares, distances = misfit.of_target()
        drawn = np.array([misfit.of_draw(shares, rng).max() for _ in range(self.n_draws)])
        return self._report(classes[kept], shares[kept], counts[kept] / len(y), distances, drawn, note)

    def _folds(
        self, X: np.ndarray, positions: np.ndarray, X_target: np.ndarray, names: np.ndarray | None, rng: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gives the folds of both samples, those of the target being of the same unit, or a copy, in the source's."""
        n = len(X)
        own, theirs = (None, None) if names is None else (names[:n], names[n:])
        folds = deal_labelled(X, positions, self.n_folds, rng, self.name, own, "dependence")
        dealt = deal_folds(X_target, min(int(folds.max()) + 1, len(X_target)), rng, theirs, self.name)
        of = units_in_folds(np.concatenate([X, X_target]), names).of
        fold_of = np.full(int(of.max()) + 1, -1)
        np.maximum.at(fold_of, of[:n], folds)
        return folds, np.where(fold_of[of[n:]] < 0, dealt, fold_of[of[n:]])

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
        return TestReport(float(distances[worst]), float(p_values[worst]), rule.level, rejected, table, _SUPPOSES)


class _Misfit:
    """How far samples are from mixtures of the training rows' classes, by the distributions of K probabilities.

    ``own`` (n, K) and ``target`` (m, K) are the probabilities, ``positions`` (n,) the training rows' classes, of which
    the target's distance is ``of_target``, and of samples drawn from the training rows ``of_draw``, of ``units`` drawn
    as a whole.
    """

    def __init__(
        self, own: np.ndarray, target: np.ndarray, positions: np.ndarray, counts: np.ndarray, units: Units | None
    ) -> None:
        pooled = np.concatenate([own, target])
        edges = np.quantile(pooled, np.arange(1, _POINTS + 1) / (_POINTS + 1), axis=0)
        below = np.stack([np.searchsorted(e, p) for e, p in zip(edges.T, pooled.T, strict=True)], axis=1)
        cells = below + np.arange(below.shape[1]) * (_POINTS + 1)
        self.own, self.target = cells[: len(own)], cells[len(own) :]
        self.by_class = self.own + (positions * below.shape[1] * (_POINTS + 1))[:, None]
        self.positions, self.counts = positions, counts
        self.units = units
        self.rows = np.split(np.argsort(positions, kind="stable"), np.cumsum(counts)[:-1])

    def of_target(self) -> tuple[np.ndarray, np.ndarray]:
        """Gives the nearest mixture's class shares, and by probability (K,) the largest distance from it."""
        return self._nearest(np.ones(len(self.own)), self.target, np.ones(len(self.target)))

    def of_draw(self, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Gives the distances (K,) of rows drawn with these class shares from training rows drawn within classes."""
        if self.units is not None:
            return self._of_drawn_units(self.units, shares, rng)
        again = np.zeros(len(self.own))
        for rows in self.rows:
            again[rows] = np.bincount(rng.integers(len(rows), size=len(rows)), minlength=len(rows))
        chances = (shares / self.counts)[self.positions]
        as_target = rng.choice(len(self.own), len(self.target), p=chances)
        return self._nearest(again, self.own, np.bincount(as_target, minlength=len(self.own)))[1]

    def _of_drawn_units(self, units: Units, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        of = units.of[: len(self.own)]
        n_target = int(units.in_target.sum())
        n_units = len(units.in_target) - n_target
        again = np.bincount(rng.integers(n_units, size=n_units), minlength=n_units)[of].astype(np.float64)
        rows = np.bincount(self.positions, again, len(self.counts))
        again = np.where(rows[self.positions] > 0, again, 1.0)  # a class that no unit drawn holds stays as it is
        again *= (self.counts / np.bincount(self.positions, again, len(self.counts)))[self.positions]
        chances = (shares / self.counts)[self.positions]
        of_unit = np.bincount(of, chances, n_units)
        drawn = np.bincount(rng.choice(n_units, n_target, p=of_unit), minlength=n_units) / n_target
        weights = chances * np.divide(drawn, of_unit, out=np.zeros(n_units), where=of_unit > 0)[of]
        return self._nearest(again, self.own, len(self.target) * weights)[1]

    def _nearest(
        self, weights: np.ndarray, cells: np.ndarray, weights_of_cells: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        from scipy.optimize import nnls

        classes = self._shares_below(self.by_class, weights, len(self.counts)) / self.counts[:, None, None]
        sample = self._shares_below(cells, weights_of_cells, 1)[0] / len(self.target)
        sides = np.vstack([classes.reshape(len(classes), -1).T, np.full(len(classes), _SURELY)])
        shares = nnls(sides, np.append(sample, _SURELY))[0]
        shares /= shares.sum()
        return shares, np.abs(sample - np.tensordot(shares, classes, 1)).max(axis=1)

    def _shares_below(self, cells: np.ndarray, weights: np.ndarray, n_classes: int) -> np.ndarray:
        """Gives (n_classes, K, points) the weight of the rows whose probability lies below each point."""
        width = cells.shape[1]
        size = n_classes * width * (_POINTS + 1)
        counted = np.bincount(cells.ravel(), np.repeat(weights, width), size).reshape(n_classes, width, _POINTS + 1)
        return counted.cumsum(axis=-1)[..., :-1]
