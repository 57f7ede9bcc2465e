"""Density ratios of texts and tables from counts in buckets: words and pairs of words hashed, columns binned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from ballast.errors import DataError
from ballast.methods.base import Claim, Weigher
from ballast.methods.parameters import Count, Positive

if TYPE_CHECKING:
    import pandas as pd

MOST_LOG_RATIO = 30.0
"""Logarithm of a ratio to the pool's median from which it grows no further: float32 could not hold its square."""


class BucketedRatio(Weigher):
    """Weighs rows by the ratio of bucket frequencies in the target and in the pool: the weight model of DSIR.

    Use it to pick texts, or rows of a table, like those of a target from a great pool: one pass, no model, and counts
    that merge. Not for unbiased estimates: words and columns that go together count as though they did not, so that
    the weights are far too sure (``temper_weights``), and a classifier on the same features picks better.

    Parameters
    ----------
    text : columns whose words and pairs of words are hashed. Each value of another column is a bucket, numbers are cut
        at the target's quantiles first.
    n_buckets : that the words of all text columns share, and likewise the values of all others.
    n_bins : that a number column is cut into.
    smoothing : added to every bucket's count, against infinite ratios.
    normalize : True divides a row's log ratio by its number of words and values, so that long texts are not the surest.

    Attributes
    ----------
    weights_ : (n,), mean 1. log_ratio_ : (n,) of the training rows. counts_ : (2, b) of the buckets in pool and target.

    Notes
    -----
    ``partial_fit(table, table_target)`` counts a part of the rows, ``merge(other)`` adds what was counted elsewhere
    with the same parameters and the same ``edges_``, and ``weigh(table)`` weighs by what was counted so far.
    Cost: one pass over the words; memory the buckets, and one part's sparse counts.

    Raises
    ------
    DataError : a text column that is not there; on ``merge``, other buckets.
    """

    name = "bucketed_ratio"
    reference = (
        "Xie, Santurkar, Ma and Liang, Data Selection for Language Models via Importance Resampling, NeurIPS 2023"
    )
    seeds = ("S314",)
    claim = Claim(
        "Texts picked from a pool by these weights train a better model for the target than texts picked at random.",
        "reproduced",
        "Generated texts of ten domains, 4% of the pool of 5000 from the target's, 200 picked, 8 seeds: accuracy on "
        "the target 0.81, picked at random 0.56, all 5000 0.67; 89% of those picked are of the target's domain.",
    )

    def __init__(
        self,
        text: list[str] | None = None,
        n_buckets: Count = 10_000,
        n_bins: Annotated[int, Field(ge=2)] = 10,
        smoothing: Positive = 1.0,
        normalize: bool = False,
    ) -> None:
        self.text = text
        self.n_buckets = n_buckets
        self.n_bins = n_bins
        self.smoothing = smoothing
        self.normalize = normalize

    def fit(self, table: pd.DataFrame, table_target: pd.DataFrame) -> BucketedRatio:
        """Learns the buckets' frequencies in the pool (n) and the target (m), and the pool's weights."""
        self._begin(table, table_target)
        pool = self._counted(table)
        self.counts_ += np.stack([_sums(pool), _sums(self._counted(table_target))])
        self.log_ratio_ = self._log_ratio(pool)
        self._middle = float(np.median(self.log_ratio_))
        self.weights_ = self._ratio(self.log_ratio_)
        return self

    def partial_fit(self, table: pd.DataFrame, table_target: pd.DataFrame) -> BucketedRatio:
        """Counts a part of the pool and of the target; the first part's target gives the numbers' bins."""
        if not hasattr(self, "counts_"):
            self._begin(table, table_target)
            self._middle, self.scale_ = 0.0, 1.0
        self.counts_ += np.stack([_sums(self._counted(part)) for part in (table, table_target)])
        return self

    def merge(self, other: BucketedRatio) -> BucketedRatio:
        """Adds what another counted, with the same parameters and bins."""
        same = self.get_params() == other.get_params() and self.edges_.keys() == other.edges_.keys()
        if not same or any(not np.array_equal(edges, other.edges_[name]) for name, edges in self.edges_.items()):
            raise DataError(
                f"{self.name}: the two were counted with other parameters, columns or bins; start both from one "
                "partial_fit, copied"
            )
        self.counts_ = self.counts_ + other.counts_
        return self

    def weigh(self, table: pd.DataFrame) -> np.ndarray:
        """Gives (k,) weights of unseen rows."""
        return self._ratio(self._log_ratio(self._counted(table)))

    def _begin(self, table: pd.DataFrame, table_target: pd.DataFrame) -> None:
        absent = [c for c in self.text or [] if c not in table.columns or c not in table_target.columns]
        if absent:
            raise DataError(
                f"{self.name}: no text column {', '.join(absent)} in both tables; the columns are "
                f"{', '.join(map(str, table.columns))}"
            )
        quantiles = np.arange(1, self.n_bins) / self.n_bins
        self.edges_: dict[str, np.ndarray] = {}
        for name in table.columns:
            column = table_target[name]
            if name not in (self.text or []) and column.dtype.kind in "iuf" and column.nunique() > self.n_bins:
                self.edges_[str(name)] = np.unique(np.quantile(column.dropna(), quantiles))
        self.counts_ = np.zeros((2, 2 * self.n_buckets))

    def _counted(self, table: pd.DataFrame) -> Any:
        """Gives (n, 2 n_buckets) sparse counts: of the words, then of the other columns' values."""
        from scipy import sparse
        from sklearn.feature_extraction import FeatureHasher
        from sklearn.feature_extraction.text import HashingVectorizer

        texts = self.text or []
        words: Any = sparse.csr_matrix((len(table), self.n_buckets))
        unscaled: Any = None
        if texts:
            joined = table[texts[0]].fillna("").astype(str)
            for name in texts[1:]:
                joined = joined + " \n " + table[name].fillna("").astype(str)
            hashing = HashingVectorizer(
                n_features=self.n_buckets, ngram_range=(1, 2), alternate_sign=False, norm=unscaled, dtype=np.float64
            )
            words = hashing.transform(joined)
        values = [self._values(table, name) for name in table.columns if name not in texts]
        hasher = FeatureHasher(self.n_buckets, input_type="string", alternate_sign=False)
        others = hasher.transform(zip(*values, strict=True)) if values else sparse.csr_matrix(words.shape)
        return sparse.hstack([words, others], format="csr")

    def _values(self, table: pd.DataFrame, name: Any) -> list[str]:
        """Gives each row's value of a column, or its bin, as text that names the column too."""
        column = table[name]
        if str(name) in self.edges_:
            numbers = column.to_numpy(dtype=float, na_value=np.nan)
            codes = np.where(np.isnan(numbers), -1, np.searchsorted(self.edges_[str(name)], numbers, side="right"))
            return [f"{name}={code}" for code in codes]
        return [f"{name}={value}" for value in column.astype(object).where(column.notna(), "(missing)")]

    def _log_ratio(self, counted: Any) -> np.ndarray:
        """Gives (k,) sums over a row's buckets of the log of their frequencies' ratio; words and values apart."""
        share = np.empty_like(self.counts_)
        for part in (slice(0, self.n_buckets), slice(self.n_buckets, None)):
            smooth = self.counts_[:, part] + self.smoothing
            share[:, part] = smooth / smooth.sum(axis=1, keepdims=True)
        total = counted @ np.log(share[1] / share[0])
        return total / np.maximum(np.asarray(counted.sum(axis=1)).ravel(), 1) if self.normalize else total

    def _ratio(self, log_ratio: np.ndarray) -> np.ndarray:
        return np.exp((log_ratio - self._middle).clip(-MOST_LOG_RATIO, MOST_LOG_RATIO))


def _sums(counted: Any) -> np.ndarray:
    return np.asarray(counted.sum(axis=0)).ravel()
