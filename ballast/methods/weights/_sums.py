"""Sums by label, which add up though each batch has its own labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ballast.errors import DataError


def coded(labels: np.ndarray, owner: str) -> tuple[np.ndarray, np.ndarray]:
    """Gives (K,) the labels that occur, sorted, and (n,) the position of each row's among them."""
    codes, found = pd.factorize(labels)  # by hashing, quicker than a sort of all rows
    classes = np.asarray(found).astype(labels.dtype, copy=False)
    try:
        order = np.argsort(classes)
    except TypeError as error:
        raise DataError(
            f"{owner} mixes labels that have no order ({error}); give all rows labels of one kind"
        ) from error
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return classes[order], ranks[codes]


@dataclass(frozen=True)
class LabelSums:
    """Sums over the rows of each label, or of each combination of two labels.

    Attributes
    ----------
    owner : the method and argument that messages name.
    labels : for each of the first axes of the values the labels along it, sorted.
    values : (K, ...) the sums.
    """

    owner: str
    labels: tuple[np.ndarray, ...]
    values: np.ndarray

    def __add__(self, other: LabelSums) -> LabelSums:
        if all(np.array_equal(a, b) for a, b in zip(self.labels, other.labels, strict=True)):
            return LabelSums(self.owner, self.labels, self.values + other.values)
        labels = tuple(self._union(a, b) for a, b in zip(self.labels, other.labels, strict=True))
        values = np.zeros((*map(len, labels), *self.values.shape[len(labels) :]), dtype=self.values.dtype)
        for part in (self, other):
            places = [np.searchsorted(all_of, own) for all_of, own in zip(labels, part.labels, strict=True)]
            values[np.ix_(*places)] += part.values
        return LabelSums(self.owner, labels, values)

    def _union(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        kinds = [pd.api.types.infer_dtype(part) for part in (first, second)]
        if ("string" in kinds) != (kinds == ["string", "string"]):
            raise DataError(
                f"{self.owner} holds labels of another kind than before ({kinds[1]} such as {second[0]}, and "
                f"{kinds[0]} such as {first[0]}); give all batches the same labels"
            )
        return np.union1d(first, second)
