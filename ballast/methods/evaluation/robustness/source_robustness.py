"""What each source of training rows is worth under each shift, alone and mixed, at one size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from scipy.special import expit, logit
from sklearn.base import clone

from ballast.compute.blocks import content_order
from ballast.errors import DataError, ParameterError, nearest
from ballast.methods.common.folds import Units, units_of, warn_of_near_copies
from ballast.methods.common.tasks import check_classes
from ballast.methods.evaluation.bootstrap import draw_counts, interval, members, slices
from ballast.methods.evaluation.comparison.compared import matches
from ballast.methods.frame.base import Assessor, Claim
from ballast.methods.frame.parameters import Count, Level, Seed, Share
from ballast.methods.frame.reports import OVERALL, Assessment, AssessmentRows, Direction, Picture
from ballast.methods.learners.proxy import proxy_learner
from ballast.words import in_words, listed, plural

HELD_OUT = 0.2
"""Share of each source's rows on which accuracy on rows like the sources' is measured."""
LEAST_ROWS = 5
"""Rows a class of the smallest training set that the line of robustness is drawn through."""
ONE_SHIFT = "target"
"""The name of the shift where the target's rows have no groups."""

Parts = tuple[tuple[str, int], ...]
"""The sources of a training set, and how many rows of each."""
Key = str | tuple[str, int]
"""A training set: the name of a source or mix at full size, or a source and its fewer rows."""
Accuracies = dict[Key, np.ndarray]
"""(1 + B,) of each training set: in the sample, then in each replicate."""
ByShift = dict[str, Accuracies]
SUMMARIES: dict[str, Callable[..., np.ndarray]] = {"mean_accuracy": np.mean, "worst_accuracy": np.min}
"""What is reported of all shifts together."""

BETTER: dict[str, Direction] = {
    "accuracy": "higher",
    "mean_accuracy": "higher",
    "worst_accuracy": "higher",
    "in_distribution_accuracy": "higher",
    "effective_robustness": "higher",
}
PICTURES = (
    Picture("intervals", ("mean_accuracy",), by="model"),
    Picture("heat_map", ("accuracy",), title="Accuracy by training set and shift"),
)


class SourceRobustness(Assessor):
    """Accuracy under each shift of a learner trained on each source, and on pairs of sources, all of one size.

    Use it before sources are pooled: which one serves which shift, and whether a mix gains or dilutes. Not where the
    sources' sizes are the question (all get the same), and not to praise the source that is best per shift after the
    fact: look at ``share_best``, and at ``worst_accuracy`` where the shift to come is not known.

    Parameters
    ----------
    baseline : str, int or None, default None
        The source whose line of robustness the others are compared with; None takes the first, sorted.
    n_samples : int >= 1 or None, default None
        Rows of every training set; None takes four fifths of the smallest source.
    sizes : tuple of float in (0, 1], default (0.125, 0.25, 0.5)
        Shares of ``n_samples`` at which the baseline is trained, for the line of robustness through them and all of it;
        those of fewer than five rows a class are left out, and so is the line where none is left.
    mixes : tuple of float in (0, 1), default (0.25, 0.5, 0.75)
        Shares of the first source of each pair.
    learner : learner, str or None, default None
        Any scikit-learn-compatible classifier, or the name or import path of its class; None takes logistic regression.
    n_repeats : int >= 1, default 3
        Training sets drawn of each kind.
    n_bootstrap : int >= 1, default 200
        Replicates of the percentile bootstrap, over the shifts' rows and the training sets.
    confidence : float in (0, 1), default 0.95
        Level of the intervals.
    random_state : int or None, default None
        Seed of all draws.

    Attributes
    ----------
    verdicts_ : dict
        For each mix and shift "between", "beats both" or "below both" of its sources, the last two where the intervals
        of both differences say so.

    Raises
    ------
    DataError
        One source alone, or too small a one; a training set of one class; ``y`` that is not a label.
    ParameterError
        ``n_samples`` beyond a source's rows, or a baseline that is not a source.

    Notes
    -----
    ``assess(X, y, groups, X_target, y_target, groups_target=None)``: training rows (n, d) with labels and sources
    (n,), and labelled rows (m, d) of the shifts (m,): in a pipeline ``against: test``. Gives for each source and mix
    ``accuracy`` by shift, and ``mean_accuracy`` and ``worst_accuracy`` over all shifts; for sources ``share_best``, how
    often the replicates have it first, and ``in_distribution_accuracy``, on a fifth of each source's rows that no
    training set holds, all sources alike. A row with ``versus`` holds a mix minus one of its two sources: over all
    shifts the better of them; by shift each, unless one has the shift's name and so was trained on it.
    ``effective_robustness`` is what a source's accuracy is above that of the baseline at the same accuracy in
    distribution, by a line through the logits of both at the baseline's sizes, flat beyond them. The line's slope is
    mostly noise, so heed the interval.

    Cost: ``n_repeats`` (sources + pairs x mixes + sizes) fits of the learner on ``n_samples`` rows at most; 64 MiB.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, X_target = rng.normal(0, 1, (400, 2)), rng.normal(0.5, 1, (200, 2))
    >>> y, groups = X[:, 0] > 0, np.repeat(["clean", "noisy"], 200)
    >>> y[200:] ^= rng.random(200) < 0.4  # wrong labels
    >>> assessor = ballast.method("source_robustness", random_state=0)
    >>> report = assessor.assess(X, y, groups, X_target, X_target[:, 0] > 0)
    >>> best = report.table.query("metric == 'worst_accuracy' and versus == ''")
    >>> best.loc[best["value"].idxmax(), "model"]
    'clean'
    """

    name = "source_robustness"
    reference = (
        "Nguyen, Ilharco, Wortsman, Oh and Schmidt, Quality Not Quantity: On the Interaction between Dataset Design "
        "and Robustness of CLIP, NeurIPS 2022"
    )
    survey_ids = ("S149",)
    claim = Claim(
        "No source is best under all shifts, and a mix of two at the same size lies between them: below the better "
        "where neither was trained, yet above both under its worst shift.",
        "partly",
        "Three sources with a rule each that a shift breaks, 1500 rows, 10 seeds: accuracy of half and half, over the "
        "better {over_better:+.3f} +- {over_better.spread:.3f}, over the worse {over_worse:+.3f} +- "
        "{over_worse.spread:.3f}; over its sources {mean:+.3f} +- {mean.spread:.3f} over all shifts, at worst "
        "{worst:+.3f} +- {worst.spread:.3f}. Digits of six looks, 300 rows, 5 seeds: {digits over better:+.3f} +- "
        "{digits over better.spread:.3f} and {digits over worse:+.3f}, between in {digits between:.0%}, above both in "
        "{digits beats both:.0%}; but above both over all looks ({digits mean:+.3f}) and below the better at worst "
        "({digits worst:+.3f}).",
    )

    def __init__(
        self,
        baseline: str | int | None = None,
        n_samples: Count | None = None,
        sizes: tuple[Share, ...] = (0.125, 0.25, 0.5),
        mixes: tuple[Level, ...] = (0.25, 0.5, 0.75),
        learner: Any = None,
        n_repeats: Count = 3,
        n_bootstrap: Count = 200,
        confidence: Level = 0.95,
        random_state: Seed = None,
    ) -> None:
        self.baseline = baseline
        self.n_samples = n_samples
        self.sizes = sizes
        self.mixes = mixes
        self.learner = learner
        self.n_repeats = n_repeats
        self.n_bootstrap = n_bootstrap
        self.confidence = confidence
        self.random_state = random_state

    def assess(
        self,
        X: np.ndarray,
        y: np.ndarray,
        groups: np.ndarray,
        X_target: np.ndarray,
        y_target: np.ndarray,
        groups_target: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
        dependence_target: np.ndarray | None = None,
    ) -> Assessment:
        """Gives the accuracies of sources and mixes, the mixes' differences, and the residuals from the line.

        No row is trained on of which a copy, or a row of the same unit of ``dependence`` (n,), is held out. Rows of one
        unit, of ``dependence_target`` (m,) too, are resampled together.
        """
        rng = np.random.default_rng(self.random_state)
        learner = self._classifier(y)
        if dependence is None:
            warn_of_near_copies(X, self.name, "held-out rows have some among those trained on")
        order = _order(X, y, groups)
        X, y, groups = X[order], y[order], groups[order]
        shift_of = np.full(len(y_target), ONE_SHIFT) if groups_target is None else groups_target
        order_target = _order(X_target, y_target, shift_of)
        X_target, y_target, shift_of = X_target[order_target], y_target[order_target], shift_of[order_target]
        units = units_of(X, None if dependence is None else dependence[order])
        held, pools = self._split(groups, units, rng)
        sets = self._training_sets(pools, LEAST_ROWS * len(np.unique(y)))
        truth = np.concatenate([y_target, *(y[rows] for rows in held)])
        judged = np.concatenate([X_target, *(X[rows] for rows in held)])
        hits = np.empty((len(truth), self.n_repeats, len(sets)))
        for repeat in range(self.n_repeats):
            drawn = {source: rng.permutation(pool) for source, pool in pools.items()}
            for j, parts in enumerate(sets.values()):
                rows = np.concatenate([drawn[source][:k] for source, k in parts])
                named = in_words(source for source, _ in parts)
                check_classes(y[rows], f"{self.name}, trained on {len(rows)} rows of {named}")
                model: Any = clone(learner)
                model.fit(X[rows], y[rows])
                hits[:, repeat, j] = matches(truth, np.asarray(model.predict(judged)), named)
        shifts = dict(slices(shift_of))
        ends = np.cumsum([len(y_target), *map(len, held)])
        own = [np.arange(start, end) for start, end in pairwise(ends)]
        of_target = np.arange(len(y_target)) if dependence_target is None else dependence_target[order_target]
        of_held = [np.arange(len(rows)) if dependence is None else units.of[rows] for rows in held]
        of: list[Any] = [members(part) for part in (*(of_target[rows] for rows in shifts.values()), *of_held)]
        found = _accuracies(hits, [*shifts.values(), *own], of, self.n_bootstrap, rng)
        by_shift = {shift: dict(zip(sets, a.T, strict=True)) for shift, a in zip(shifts, found, strict=False)}
        inside = dict(zip(sets, np.mean(found[len(shifts) :], axis=0).T, strict=True))
        table = _Table(
            dict(zip(shifts, (part.shape for part in of), strict=False))
            | {OVERALL: (len(y_target), len(np.unique(of_target)))},
            (len(truth) - len(y_target), sum(part.shape[1] for part in of[len(shifts) :])),
            self.confidence,
        )
        self._add_sources(table, by_shift, inside, list(pools))
        self._add_mixes(table, by_shift, list(pools))
        self._add_lines(table, by_shift, inside, list(pools))
        return table.rows.finish(better=BETTER, pictures=PICTURES)

    def _classifier(self, y: np.ndarray) -> Any:
        learner, classifies = proxy_learner(self.learner, y, self.name)
        if not classifies:
            raise DataError(
                f"{self.name}: y must hold labels, got {len(np.unique(y))} different numbers in {len(y)} rows and "
                "a learner that predicts numbers; accuracy is a metric of classes, so bin the numbers first"
            )
        return learner

    def _split(
        self, groups: np.ndarray, units: Units, rng: np.random.Generator
    ) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
        """Gives the rows of each source that are held out, and those to train on, none of a unit that is held out."""
        dealt = {source: rng.permutation(rows) for source, rows in slices(groups)}
        held = [rows[: math.ceil(HELD_OUT * len(rows))] for rows in dealt.values()]
        chosen = np.zeros(units.n, dtype=bool)
        chosen[units.of[np.concatenate(held)]] = True
        touched = units.touch(chosen)
        pools = {source: rows[~touched[rows]] for source, rows in dealt.items()}
        for source, rows in dealt.items():
            if not len(pools[source]):
                raise DataError(
                    f"{self.name}: groups has {plural(len(rows), 'row')} of {source!r}; a fifth of each source is held "
                    "out, with their copies and units, and a training set of two classes is drawn from the rest: drop "
                    "that source or collect more rows of it"
                )
        if len(pools) < 2:
            raise DataError(
                f"{self.name}: groups has only one value ({next(iter(pools))!r}, {len(groups)} rows); there are no "
                "sources to compare, so check the groups' column"
            )
        smallest = min(pools, key=lambda source: len(pools[source]))
        if self.n_samples is not None and self.n_samples > len(pools[smallest]):
            raise ParameterError(
                f"{self.name}: parameter 'n_samples' must be at most {len(pools[smallest])}, the rows of {smallest!r} "
                f"that are not held out, got {self.n_samples}; lower it or drop that source"
            )
        if self.baseline is not None and str(self.baseline) not in pools:
            raise ParameterError(
                f"{self.name}: parameter 'baseline' must be a source, got {self.baseline!r}"
                f"{nearest(str(self.baseline), pools)} (the sources: {listed(pools, 20)})"
            )
        return held, pools

    def _training_sets(self, pools: dict[str, np.ndarray], least: int) -> dict[Key, Parts]:
        """Gives the parts of each training set: the sources, the mixes, and the baseline at smaller sizes, of at least
        ``least`` rows.
        """
        n = self.n_samples or min(map(len, pools.values()))
        sets: dict[Key, Parts] = {source: ((source, n),) for source in pools}
        for first, second, share in self._pairs(list(pools)):
            k = min(max(1, round(share * n)), n - 1)
            sets[_mixed(first, second, share)] = ((first, k), (second, n - k))
        baseline = self._baseline(list(pools))
        smaller = sorted({round(size * n) for size in self.sizes} - {n})
        return sets | {(baseline, k): ((baseline, k),) for k in smaller if k >= least}

    def _pairs(self, sources: list[str]) -> Iterator[tuple[str, str, float]]:
        for first, second in combinations(sources, 2):
            for share in sorted(set(self.mixes)):
                yield first, second, share

    def _baseline(self, sources: list[str]) -> str:
        return sources[0] if self.baseline is None else str(self.baseline)

    def _add_sources(self, table: _Table, by_shift: ByShift, inside: Accuracies, sources: list[str]) -> None:
        for metric in SUMMARIES:
            for source in sources:
                table.add(metric, _over_shifts(metric, by_shift, source), source)
        for source in sources:
            table.add("in_distribution_accuracy", inside[source], source, n=table.inside)
        for shift, accuracy in by_shift.items():
            first = np.argmax([accuracy[source][1:] for source in sources], axis=0)
            for j, source in enumerate(sources):
                table.add("accuracy", accuracy[source], source, shift)
                table.add("share_best", np.mean(first == j, keepdims=True), source, shift)

    def _add_mixes(self, table: _Table, by_shift: ByShift, sources: list[str]) -> None:
        self.verdicts_ = {}
        for first, second, share in self._pairs(sources):
            mix, parents = _mixed(first, second, share), (first, second)
            for metric in SUMMARIES:
                mixed, *alone = (_over_shifts(metric, by_shift, key) for key in (mix, *parents))
                better = int(alone[1][0] > alone[0][0])
                table.add(metric, mixed, mix)
                table.add(metric, mixed - alone[better], mix, versus=parents[better])
            self.verdicts_[mix] = {}
            for shift, accuracy in by_shift.items():
                table.add("accuracy", accuracy[mix], mix, shift)
                if shift not in parents:
                    ends = [table.add("accuracy", accuracy[mix] - accuracy[s], mix, shift, s) for s in parents]
                    self.verdicts_[mix][shift] = _verdict(ends)

    def _add_lines(self, table: _Table, by_shift: ByShift, inside: Accuracies, sources: list[str]) -> None:
        baseline = self._baseline(sources)
        points = [key for key in inside if key == baseline or (isinstance(key, tuple) and key[0] == baseline)]
        if len(points) < 2:
            return
        x = np.stack([_logit(inside[key], table.inside[0]) for key in points])
        for shift, accuracy in by_shift.items():
            y = np.stack([_logit(accuracy[key], table.counts[shift][0]) for key in points])
            for source in sources:
                if source == baseline or shift in (source, baseline):
                    continue
                expected = expit(_on_line(x, y, _logit(inside[source], table.inside[0])))
                table.add("effective_robustness", accuracy[source] - expected, source, shift, baseline)


class _Table:
    """Adds numbers of the sample and its replicates; ``counts`` are rows and units of shifts, ``inside`` of sources."""

    def __init__(self, counts: dict[str, tuple[int, int]], inside: tuple[int, int], confidence: float) -> None:
        self.rows, self.counts, self.inside, self.confidence = AssessmentRows(), counts, inside, confidence

    def add(
        self,
        metric: str,
        values: np.ndarray,
        model: str,
        shift: str = OVERALL,
        versus: str = "",
        n: tuple[int, int] | None = None,
    ) -> tuple[float, float]:
        """Adds ``values`` (1 + B,) and gives the interval's ends."""
        rows, units = self.counts[shift] if n is None else n
        low, high = interval(values[1:], self.confidence, units)
        self.rows.add(metric, float(values[0]), n=rows, low=low, high=high, model=model, versus=versus, slice=shift)
        return low, high


def _order(X: np.ndarray, y: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Gives the positions of the rows in an order that their contents decide, so that draws do not hang on theirs."""
    ties = (np.unique(column.astype(str), return_inverse=True)[1] for column in (y, groups))
    return content_order(X, *ties)


def _over_shifts(metric: str, by_shift: ByShift, key: Key) -> np.ndarray:
    return SUMMARIES[metric]([accuracy[key] for accuracy in by_shift.values()], axis=0)


def _mixed(first: str, second: str, share: float) -> str:
    return f"{100 * share:g}% {first} + {100 * (1 - share):g}% {second}"


def _accuracies(
    hits: np.ndarray,
    parts: list[np.ndarray],
    of: list[Any],
    n_bootstrap: int,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Gives, for each part of the rows of ``hits`` (rows, R, M), (1 + B, M) accuracies: as it is, then resampled.

    A replicate draws units of each part, ``of`` which its rows are, and with them which of the R repeats count.
    """
    found = [[hits[rows].mean(axis=(0, 1))[None]] for rows in parts]
    repeats = hits.shape[1]
    for chunk in draw_counts(n_bootstrap, rng, *(part.shape[1] for part in of)):
        share = rng.multinomial(repeats, np.full(repeats, 1 / repeats), size=len(chunk[0])) / repeats
        for units, own, rows, values in zip(chunk, of, parts, found, strict=True):
            drawn = (own @ units.T).T
            counts = drawn / drawn.sum(axis=1, keepdims=True)
            values.append(np.einsum("bn,nrm,br->bm", counts, hits[rows], share, optimize=True))
    return [np.concatenate(values) for values in found]


def _verdict(ends: list[tuple[float, float]]) -> str:
    if all(low > 0 for low, _ in ends):
        return "beats both"
    return "below both" if all(high < 0 for _, high in ends) else "between"


def _logit(accuracy: np.ndarray, n: int) -> np.ndarray:
    return logit(np.clip(accuracy, 1 / (2 * n), 1 - 1 / (2 * n)))


def _on_line(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Gives (B,) the heights at ``at`` (B,) of the least-squares lines through the points of (P, B) ``x`` and ``y``.

    Beyond the points a line is noise, so that it goes on flat there.
    """
    off = x - x.mean(axis=0)
    spread = (off**2).sum(axis=0)
    slope = np.divide((off * y).sum(axis=0), spread, out=np.zeros_like(spread), where=spread > 0)
    within = np.clip(at, x.min(axis=0), x.max(axis=0))
    return y.mean(axis=0) + slope * (within - x.mean(axis=0))
