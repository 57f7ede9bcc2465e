"""Whether weights bring training features nearer to the target's, from moments that are added up batch by batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ballast.compute.states.moments import Moments
from ballast.errors import DataError
from ballast.gates.context import Features
from ballast.gates.own import weights
from ballast.gates.own.form import Outcome, column, numbers
from ballast.gates.rows.table import RowsContext, RowTable, frames, without_rows
from ballast.gates.rows.tables import Weights


def balance(
    expectation: weights.ExpectBalance | weights.ExpectImprovedBalance, table: RowTable, context: RowsContext
) -> Outcome:
    """Judges both: what is said of the differences is the expectation's own."""
    found = Weights(table)
    found.check_carrying()
    train, target = context.feature_batches("train"), context.feature_batches("target")
    if train is None or target is None:
        raise DataError("the features of train and target are not both stored; run the features step first")
    own, theirs = _Sides("train"), _Sides("target")
    for batch, values in _beside(train, table):
        own.add(batch, values / found.most)
    for batch in target:
        theirs.add(batch, None)
    return expectation.said(*_differences(own, theirs), own.names)


class _Sides:
    """The moments of a role's features: as they are, and weighted."""

    def __init__(self, role: str) -> None:
        self.role, self.rows, self.names = role, 0, list[str]()
        self._bad = np.zeros(0, dtype=np.int64)

    def add(self, batch: Features, values: np.ndarray | None) -> None:
        if not self.rows:
            self.names, d = batch.names, batch.matrix.shape[1]
            self._as_is, self._weighted, self._bad = Moments(d), Moments(d), np.zeros(d, dtype=np.int64)
        self.rows += len(batch.ids)
        self._bad += (~np.isfinite(batch.matrix)).sum(axis=0)
        self._as_is.add(batch.matrix, batch.design_weight)
        if values is not None:
            self._weighted.add(batch.matrix, values)

    @property
    def moments(self) -> tuple[Moments, Moments]:
        """Gives those as they are, and the weighted ones; DataError where there are none."""
        weights.check_features(self.role, self.rows, self._bad, self.names)
        return self._as_is, self._weighted


def _differences(train: _Sides, target: _Sides) -> tuple[np.ndarray, np.ndarray]:
    """Gives what ``standardized_mean_differences`` does: before and after weighting."""
    (as_is, weighted), (there, _) = train.moments, target.moments
    differences = np.stack([as_is.mean, weighted.mean]) - there.mean
    pooled, noise = (as_is.variance + there.variance) / 2, np.square(1e-12 * np.abs(there.mean))
    n, m = train.rows, target.rows
    scale = np.sqrt(np.where(pooled > noise, pooled, differences[0] ** 2 * n * m / (n + m) ** 2))
    apart = np.divide(np.abs(differences), scale, out=np.zeros_like(differences), where=scale > np.sqrt(noise))
    return apart[0], apart[1]


def _beside(features: Iterator[Features], table: RowTable) -> Iterator[tuple[Features, np.ndarray]]:
    """Gives the features of batches of rows, with their weights; DataError where they are of other rows."""
    column(without_rows(table), "sample_id")
    rest, place = next(features, None), 0
    for frame in frames(table, ["sample_id", "weight"]):
        ids, values = frame["sample_id"].to_numpy(), numbers(frame, "weight")
        while len(ids):
            if rest is None or not len(rest.ids):
                rest = next(features, None)
                if rest is None:
                    raise DataError(f"{len(table)} rows have weights, but {place} have features; run both steps again")
                continue
            n = min(len(ids), len(rest.ids))
            if not np.array_equal(ids[:n], rest.ids[:n]):
                at = int(np.argmin(ids[:n] == rest.ids[:n]))
                raise DataError(
                    f"row {place + at} of the weights is {ids[at]!r}, and that of the features {rest.ids[at]!r}: over "
                    "rows that are not loaded at once both have to be in one order; run the features step and this one"
                )
            yield _rows(rest, 0, n), values[:n]
            rest, ids, values, place = _rows(rest, n, None), ids[n:], values[n:], place + n


def _rows(features: Features, start: int, stop: int | None) -> Features:
    design = features.design_weight
    return features._replace(
        ids=features.ids[start:stop],
        matrix=features.matrix[start:stop],
        design_weight=None if design is None else design[start:stop],
    )
