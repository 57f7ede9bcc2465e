"""Density ratios of texts and tables from counts in buckets: words and pairs of words hashed, columns binned."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from ballast.columns import canonical, kind_of, numbers_of
from ballast.errors import DataError
from ballast.methods.common.sums import SampledRows
from ballast.methods.frame.base import Claim
from ballast.methods.frame.parameters import Count, Positive
from ballast.methods.frame.streams import Counted, StreamingWeigher
from ballast.methods.weights._cells import check_alike, numbers_in, texts_of
from ballast.words import plural

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

LEAST_LOG_RATIO = -700.0
"""Logarithm of a ratio to the pool's greatest below which a row weighs no less: float64 could not hold it."""
TOKENS = r"(?u)\w+|[^\w\s]+"
"""Words of one character and up, and runs of signs, as the authors' tokens are."""

SCALE_ROWS = 2000
"""Distinct rows of the pool that a stream keeps the counts of, for the weights' mean."""


class BucketedRatio(StreamingWeigher):
    """Weighs rows by the ratio of bucket frequencies in the target and in the pool: the weight model of DSIR.

    Use it to pick texts, or rows of a table, like those of a target from a great pool: one pass, no model, and counts
    that merge. Not for unbiased estimates: words and columns that go together count as though they did not, so that
    the weights are far too sure (``temper_weights``, ``normalize``), and a classifier on the same features picks
    better.

    Parameters
    ----------
    text : list of str or None, default None
        Columns whose words and pairs of words are hashed, signs and words of one character among them. Each value of
        another column is a bucket, numbers are cut at the target's quantiles first.
    n_buckets : int >= 1, default 10000
        Buckets that the words of all text columns share, and likewise the values of all others.
    n_bins : int >= 2, default 10
        Bins that a number column is cut into.
    smoothing : float > 0, default 1.0
        What is added to every bucket's count, against infinite ratios.
    normalize : bool, default False
        True divides a row's log ratio by its number of words and values, so that long texts are not the surest.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    log_ratio_ : ndarray of shape (n,)
        Log ratio of each training row.
    counts_ : ndarray of shape (2, b)
        Counts of the buckets in pool and target.

    Raises
    ------
    DataError
        A column that is not there; on ``merge``, other columns or bins; on ``weigh``, a row so much likelier than the
        fitted ones that no number holds its weight.

    Notes
    -----
    Log ratios of long texts lie hundreds apart, so that a few rows carry all the weight; their order is kept. Rows that
    are less than e^-700 times as likely as the likeliest are warned of: they have the same weight, and ``log_ratio_``
    alone tells them apart.
    Learns in batches too (``partial_fit``, ``merge``, ``finalize``). The first batch's target gives the numbers' bins,
    or a ``fit`` to some rows, which keeps no sums. Weights are exact relative to each other; their mean over the pool
    is made 1 by 2000 of its distinct rows: beyond these it is an estimate.
    Cost: one pass over the words; memory the buckets, and one batch's sparse counts.

    Examples
    --------
    >>> import pandas as pd
    >>> import ballast
    >>> texts = ["tax law", "tax code", "law court", "cat food", "dog food"]
    >>> pool = pd.DataFrame({"text": texts})
    >>> weigher = ballast.method("bucketed_ratio", text=["text"])
    >>> weights = weigher.fit(pool, pool.head(3)).weights_
    >>> pool["text"][weights > 1].tolist()
    ['tax law', 'tax code', 'law court']
    """

    name = "bucketed_ratio"
    of_rows = ("log_ratio_",)
    reference = (
        "Xie, Santurkar, Ma and Liang, Data Selection for Language Models via Importance Resampling, NeurIPS 2023"
    )
    survey_ids = ("S314",)
    claim = Claim(
        "Texts picked from a pool by these weights train a better model for the target than texts picked at random.",
        "reproduced",
        "Generated texts of ten domains, 4% of the pool of 5000 from the target's, 200 picked, 8 seeds: accuracy on "
        "the target {picked:.2f}, picked at random {random:.2f}, all 5000 {all:.2f}; {share:.0%} of those picked are "
        "of the target's domain.",
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
        self._forget()
        common = self._begin(table, table_target)
        pool, target = self._bucketed(table, "table", common), self._bucketed(table_target, "table_target", common)
        self._adopt(common, _sums(pool), _sums(target))
        self.log_ratio_ = self._log_ratio(pool)
        self._top = float(self.log_ratio_.max())
        self.weights_ = self._ratio(self.log_ratio_)
        if below := int((self.log_ratio_ - self._top < LEAST_LOG_RATIO).sum()):
            log.warning(
                "%s: %s of %d are less than e^-700 times as likely as the likeliest, and have the same weight: rank by "
                "log_ratio_, or set normalize",
                self.name,
                plural(below, "row"),
                len(table),
            )
        self._counted.common = common
        return self

    def partial_fit(self, table: pd.DataFrame | None = None, table_target: pd.DataFrame | None = None) -> BucketedRatio:
        """Counts a batch of the pool, of the target or of both; the first batch's target gives the numbers' bins."""
        common = self._counted.common or self._begin(table, table_target)
        sums: dict[str, Any] = {}
        if table is not None:
            pool = self._bucketed(table, "table", common)
            sums |= {"n": len(table), "pool": _sums(pool), "rows": SampledRows.of(pool, SCALE_ROWS, _keys(pool))}
        if table_target is not None:
            sums |= {"m": len(table_target), "target": _sums(self._bucketed(table_target, "table_target", common))}
        self._counted.add(**sums)
        self._counted.common = common
        return self

    def weigh(self, table: pd.DataFrame) -> np.ndarray:
        """Gives (k,) weights of unseen rows."""
        common = {"columns": self._columns, "edges": self.edges_}
        return self._ratio(self._log_ratio(self._bucketed(table, "table", common)))

    def compared(self, table: pd.DataFrame, table_target: pd.DataFrame) -> tuple[Any, Any]:
        """Gives (n, k) and (m, k) sparse counts of each row's buckets."""
        common = {"columns": self._columns, "edges": self.edges_}
        own, target = self._bucketed(table, "table", common), self._bucketed(table_target, "table_target", common)
        return own, target

    def _learn_from(self, counted: Counted) -> tuple[float, float]:
        self._adopt(counted.common, counted["pool"], counted["target"])
        rows = counted["rows"]
        log_ratio = self._log_ratio(rows.rows)
        self._top = float(log_ratio.max())
        ratio = self._ratio(log_ratio)
        return float(np.average(ratio, weights=rows.counts)), float(np.average(ratio**2, weights=rows.counts))

    def _adopt(self, common: dict[str, Any], pool: np.ndarray, target: np.ndarray) -> None:
        self._columns, self.edges_ = common["columns"], common["edges"]
        self.counts_ = np.stack([pool, target])

    def _begin(self, table: pd.DataFrame | None, table_target: pd.DataFrame | None) -> dict[str, Any]:
        """Gives the columns, and the edges of the numbers' bins, which batches have in common."""
        if table_target is None:
            raise DataError(
                f"{self.name}: the first batch was given no table_target; number columns are cut at its quantiles (an "
                "empty_copy() has the bins, and takes table alone)"
            )
        first = table_target if table is None else table
        absent = [c for c in self.text or [] if c not in first.columns or c not in table_target.columns]
        if absent:
            raise DataError(
                f"{self.name}: no text column {', '.join(absent)} in both tables; the columns are "
                f"{', '.join(map(str, first.columns))}"
            )
        self._check_there(list(first.columns), table_target, "table_target")
        check_alike(first, table_target, first.columns, self.name)
        quantiles = np.arange(1, self.n_bins) / self.n_bins
        edges: dict[str, np.ndarray] = {}
        for name in first.columns:
            column = table_target[name]
            if name in (self.text or []) or kind_of(column) != "number" or kind_of(first[name]) == "category":
                continue
            numbers = numbers_of(column)
            numbers = numbers[~np.isnan(numbers)]
            if len(np.unique(numbers)) > self.n_bins:
                edges[str(name)] = np.unique(np.quantile(numbers, quantiles))
        return {"columns": list(first.columns), "edges": edges}

    def _check_there(self, columns: list[Any], table: pd.DataFrame, which: str) -> None:
        if absent := [str(c) for c in columns if c not in table.columns]:
            raise DataError(
                f"{self.name}: {which} has no column {', '.join(absent)}; its columns are "
                f"{', '.join(map(str, table.columns))}"
            )

    def _bucketed(self, table: pd.DataFrame, which: str, common: dict[str, Any]) -> Any:
        """Gives (n, 2 n_buckets) sparse counts: of the words, then of the other columns' values."""
        from scipy import sparse
        from sklearn.feature_extraction import FeatureHasher
        from sklearn.feature_extraction.text import HashingVectorizer

        self._check_there(common["columns"], table, which)
        texts = self.text or []
        words: Any = sparse.csr_matrix((len(table), self.n_buckets))
        unscaled: Any = None
        if texts:
            parts = [["" if text is None else text for text in canonical(table[name])] for name in texts]
            joined = [" \n ".join(row) for row in zip(*parts, strict=True)]
            hashing = HashingVectorizer(
                n_features=self.n_buckets, ngram_range=(1, 2), alternate_sign=False, norm=unscaled, dtype=np.float64,
                token_pattern=TOKENS,
            )  # fmt: skip
            words = hashing.transform(joined)
        values = [self._values(table[c], common["edges"].get(str(c))) for c in common["columns"] if c not in texts]
        hasher = FeatureHasher(self.n_buckets, input_type="string", alternate_sign=False)
        others = hasher.transform(zip(*values, strict=True)) if values else sparse.csr_matrix(words.shape)
        return sparse.hstack([words, others], format="csr")

    def _values(self, column: pd.Series, edges: np.ndarray | None) -> list[str]:
        """Gives each row's value of a column, or its bin, as text that names the column too."""
        if edges is None:
            codes, texts = texts_of(column, self.name)
            named = [f"{column.name}={text}" for text in texts]
            return [named[code] for code in codes]
        numbers = numbers_in(column, self.name)
        codes = np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers, side="right"))
        return [f"{column.name}={code}" for code in codes]

    def _log_ratio(self, counted: Any) -> np.ndarray:
        """Gives (k,) sums over a row's buckets of the log of their frequencies' ratio; words and values apart."""
        share = np.empty_like(self.counts_)
        for part in (slice(0, self.n_buckets), slice(self.n_buckets, None)):
            smooth = self.counts_[:, part] + self.smoothing
            share[:, part] = smooth / smooth.sum(axis=1, keepdims=True)
        total = counted @ np.log(share[1] / share[0])
        return total / np.maximum(np.asarray(counted.sum(axis=1)).ravel(), 1) if self.normalize else total

    def _ratio(self, log_ratio: np.ndarray) -> np.ndarray:
        """Gives the ratios to that of the likeliest row of the pool."""
        with np.errstate(over="ignore"):
            ratio = np.exp(np.maximum(log_ratio - self._top, LEAST_LOG_RATIO))
        if infinite := int(np.isinf(ratio).sum()):
            raise DataError(
                f"{self.name}: {plural(infinite, 'row')} of {len(ratio)} up to e^{log_ratio.max() - self._top:.0f} "
                "times as likely as the likeliest that was fitted on: no number holds such a weight. Fit with them, or "
                "set normalize"
            )
        return ratio


def _sums(counted: Any) -> np.ndarray:
    return np.asarray(counted.sum(axis=0)).ravel()


def _keys(counted: Any) -> np.ndarray:
    """Gives (n,) hashes of the rows' counts."""
    from scipy import sparse

    multipliers = np.random.default_rng(0x5EED).integers(0, 2**64, counted.shape[1], dtype=np.uint64)
    whole = sparse.csr_matrix((counted.data.astype(np.uint64), counted.indices, counted.indptr), counted.shape)
    return whole @ multipliers
