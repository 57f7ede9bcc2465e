"""What streams add up: sums by label, though each batch has its own labels; moments; rows that are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ballast.compute.blocks import row_keys
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

    stored_name = "label_sums"

    owner: str
    labels: tuple[np.ndarray, ...]
    values: np.ndarray

    def __add__(self, other: LabelSums) -> LabelSums:
        if all(np.array_equal(a, b) for a, b in zip(self.labels, other.labels, strict=True)):
            return LabelSums(self.owner, self.labels, self.values + other.values)
        labels = tuple(self._union(a, b) for a, b in zip(self.labels, other.labels, strict=True))
        shape = (*map(len, labels), *self.values.shape[len(labels) :])
        values = np.zeros(shape, dtype=np.result_type(self.values, other.values))
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


@dataclass(frozen=True)
class Moments:
    """Means of columns, and the squares of their deviations, which keep their digits far from 0 as sums would not.

    Attributes
    ----------
    n : rows, or the sum of their weights. mean : (k,). squares : (k,) sums of the squared deviations from the mean.
    """

    stored_name = "moments"

    n: float
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, weight: np.ndarray | None = None) -> Moments:
        """Counts rows (n, k), each as many times as its ``weight`` (n,) says; once by default."""
        if weight is None:
            mean = rows.mean(axis=0)
            return cls(len(rows), mean, ((rows - mean) ** 2).sum(axis=0))
        total = float(weight.sum())
        mean = weight @ rows / total
        return cls(total, mean, weight @ (rows - mean) ** 2)

    def __add__(self, other: Moments) -> Moments:
        n, apart = self.n + other.n, other.mean - self.mean
        return Moments(
            n,
            self.mean + apart * (other.n / n),
            self.squares + other.squares + apart**2 * (self.n * other.n / n),
        )

    @property
    def variance(self) -> np.ndarray:
        """Gives the (k,) variances."""
        return self.squares / self.n


@dataclass(frozen=True)
class KeptRows:
    """The batches' rows themselves, for what needs all of them at once."""

    stored_name = "kept_rows"

    parts: tuple[np.ndarray, ...]

    def __add__(self, other: KeptRows) -> KeptRows:
        return KeptRows(self.parts + other.parts)

    def together(self) -> np.ndarray:
        """Gives the rows (n, d) of all batches."""
        return np.concatenate(self.parts)


@dataclass(frozen=True)
class SampledRows:
    """Some of the distinct rows, each with its number: the same ones whatever the batches and their order.

    Those of the least hashes of their contents; a row that is among them at the end was so in every batch, so that its
    number is exact. All of them, where there are no more than ``size``.

    Attributes
    ----------
    size : rows at most. keys : (k,) the hashes, rising. counts : (k,) how often each row occurred. rows : (k, d), an
    array or sparse.
    """

    stored_name = "sampled_rows"

    size: int
    keys: np.ndarray
    counts: np.ndarray
    rows: Any

    @classmethod
    def of(cls, rows: Any, size: int, keys: np.ndarray | None = None) -> SampledRows:
        """Samples rows (n, d), by the hashes of their contents, for sparse ones those given."""
        keys = row_keys(rows) if keys is None else keys
        return cls._least(_mixed(keys), np.ones(len(keys), dtype=np.int64), rows, size)

    def __add__(self, other: SampledRows) -> SampledRows:
        parts = (self, other)
        keys, counts = (np.concatenate([getattr(part, name) for part in parts]) for name in ("keys", "counts"))
        return self._least(keys, counts, _stacked([part.rows for part in parts]), self.size)

    @classmethod
    def _least(cls, keys: np.ndarray, counts: np.ndarray, rows: Any, size: int) -> SampledRows:
        distinct, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        total = np.bincount(inverse, counts).astype(np.int64)
        return cls(size, distinct[:size], total[:size], rows[first[:size]])


def _stacked(parts: list[Any]) -> Any:
    from scipy import sparse

    return sparse.vstack(parts, format="csr") if sparse.issparse(parts[0]) else np.concatenate(parts)


def _mixed(keys: np.ndarray) -> np.ndarray:
    """Spreads hashes evenly over all numbers, so that the least are not those of particular rows (SplitMix64's last "
    "step)."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))
