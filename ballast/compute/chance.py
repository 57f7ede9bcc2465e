"""Random choices by the sample's id: the same in every process, batch and order of the rows.

A choice is a function of (seed, purpose, id) and, where there are several of a kind, the replicate; never of a row's
position or of what was drawn before. What kind of choice it is counts as part of the purpose: a sample, folds and
bootstrap counts are independent of one another even where they are given one seed and one purpose. One purpose for the
same choice in every step, such as a sample's, and another for each that is to be independent of it.

Cost O(n); about 20 ns an id of 64 bits, and 200 ns a text. Who draws many replicates of texts takes ``id_keys``
once and gives those as ids: the draws are the same.
"""

from __future__ import annotations

import decimal
import hashlib
import json
import math
import operator
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.columns import canonical, is_missing
from ballast.compute.arrow import as_series
from ballast.compute.blocks import KEY_BYTES, row_blocks
from ballast.errors import DataError, ParameterError
from ballast.words import shown

BITS = 53
"""Bits of a draw that a double holds."""
LOOKUP_BITS = 12
"""Bits of a draw that tell the Poisson count of all but a few in a thousand."""


def uniforms(ids: Any, *, seed: int, purpose: str, replicate: int = 0) -> np.ndarray:
    """Gives (n,) float64 in [0, 1), multiples of 2^-53: the draw of each id."""
    return _draws(ids, "uniform", seed, purpose, replicate) * 2.0**-BITS


def sampled(ids: Any, share: float, *, seed: int, purpose: str) -> np.ndarray:
    """Gives (n,) True for the rows of a sample that each id is in with probability `share`.

    For about k of N rows the share is k / N; how many there are varies by sqrt(k (1 - k / N)). The sample of a smaller
    share lies within that of a greater one. ParameterError for a share outside 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ParameterError(f"share={shown(share)} is not a share of the rows; give a number from 0 to 1")
    return sample_draws(ids, seed=seed, purpose=purpose) < share


def sample_draws(ids: Any, *, seed: int, purpose: str) -> np.ndarray:
    """Gives (n,) float64 in [0, 1): what each id draws for a sample, into which those go that draw the least."""
    return _draws(ids, "sample", seed, purpose) * 2.0**-BITS


def drawn(ids: Any, k: int, *, seed: int, purpose: str) -> np.ndarray:
    """Gives the positions, ascending, of k rows drawn without replacement; all of them where there are no more.

    They are those whose ids draw the least, so that a smaller sample lies within a greater one, and the rows of both
    within those of ``sampled`` where its share is large enough. Of rows with one id the first count. Cost O(n).
    """
    draws = sample_draws(ids, seed=seed, purpose=purpose)
    if k >= len(draws):
        return np.arange(len(draws))
    least = np.partition(draws, k)[k]
    below, tied = np.flatnonzero(draws < least), np.flatnonzero(draws == least)
    return np.sort(np.concatenate([below, tied[: k - len(below)]]))


def folds(ids: Any, k: int, *, seed: int, purpose: str) -> np.ndarray:
    """Gives (n,) int64 from 0 to k - 1: the fold, or the bucket, of each id; each is as likely as another.

    Folds of two numbers k are independent. ParameterError for k below 1.
    """
    if k < 1:
        raise ParameterError(f"k={shown(k)} is not a number of folds; give 1 or more")
    return (_draws(ids, f"folds {operator.index(k)}", seed, purpose) * (2.0**-BITS * k)).astype(np.int64)


def poisson_counts(ids: Any, *, seed: int, purpose: str, replicate: int) -> np.ndarray:
    """Gives (n,) int64: how often each id is drawn in one replicate of a Poisson bootstrap, 1 on average.

    The exact inverse of the distribution function of Poisson(1) at the draw (Chamandy, Muralidharan, Najmi, Naidu,
    Estimating Uncertainty for Massive Data Streams, 2012).
    """
    draws = _draws(ids, "poisson", seed, purpose, replicate)
    bucket = draws >> np.uint64(BITS - LOOKUP_BITS)
    counts = _AT_START[bucket]
    unsure = np.flatnonzero(_SPLIT[bucket])
    counts[unsure] = np.searchsorted(_THRESHOLDS, draws[unsure], side="right")
    return counts


def shuffled(ids: Any, *, seed: int, purpose: str, replicate: int = 0) -> np.ndarray:
    """Gives (n,) the positions of the rows in a random order that the ids alone decide; rows of one id stay in theirs.

    Cost O(n log n).
    """
    return np.argsort(_draws(ids, "order", seed, purpose, replicate), kind="stable")


def id_keys(ids: Any) -> np.ndarray:
    """Gives the (n,) uint64 that stand for ids of any type, and for themselves: ``id_keys(id_keys(ids))`` is the same.

    Whole numbers of 64 bits or fewer are themselves, modulo 2^64; text is hashed, and so is the canonical text of all
    else. So ids that are equal have one key whatever the type of the number and the storage of the text: numpy, pandas,
    Arrow with or without a dictionary, lists. 1 and "1" are two ids. DataError for ids that are missing.
    """
    if isinstance(ids, pa.ChunkedArray):
        return np.concatenate([np.empty(0, np.uint64), *map(id_keys, ids.chunks)])
    series = as_series(ids) if isinstance(ids, pa.Array) else pd.Series(ids)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    if missing := int(is_missing(series).sum()):
        raise DataError(f"{missing} of {len(series)} sample ids are missing; give every row an id")
    if pd.api.types.is_integer_dtype(series.dtype):
        width = np.uint64 if pd.api.types.is_unsigned_integer_dtype(series.dtype) else np.int64
        return series.to_numpy(dtype=width).view(np.uint64)
    if pd.api.types.is_string_dtype(series):  # of objects: looks at them all
        return _hashed(series.to_numpy(dtype=object))
    return _keys_one_by_one(series)


def _keys_one_by_one(series: pd.Series) -> np.ndarray:
    """Gives the keys of values of any types, each as it would be among its like."""
    values = series.to_numpy(dtype=object)
    is_text = np.fromiter((isinstance(value, str) for value in values), bool, len(values))
    is_number = np.fromiter((isinstance(value, Real | Decimal | np.bool_) for value in values), bool, len(values))
    values[~is_text] = canonical(series[~is_text])
    keys = _hashed(values)
    for row in np.flatnonzero(is_number):
        if values[row].lstrip("-").isdigit() and -(2**63) <= (whole := int(values[row])) < 2**64:
            keys[row] = whole % 2**64
    return keys


def _hashed(texts: np.ndarray) -> np.ndarray:
    return pd.util.hash_array(texts, categorize=False)


def _draws(ids: Any, kind: str, seed: int, purpose: str, replicate: int = 0) -> np.ndarray:
    """Gives the (n,) uint64 below 2^53 that ids draw for a purpose: splitmix64's finalizer, twice, with two keys.

    Once would do for one purpose; with the second, two purposes are not one permutation of one set of numbers either.
    """
    told = json.dumps([kind, purpose, operator.index(seed), operator.index(replicate)])
    first, second = np.frombuffer(hashlib.sha256(told.encode()).digest()[:16], dtype="<u8")
    keys = id_keys(ids)
    found = np.empty(len(keys), dtype=np.uint64)
    for rows in row_blocks(len(keys), 8 * 4, KEY_BYTES):
        block = _mixed(keys[rows] ^ first)
        block += second
        np.right_shift(_mixed(block), np.uint64(64 - BITS), out=found[rows])
    return found


def _mixed(z: np.ndarray) -> np.ndarray:
    """Mixes numbers in place (Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, 2014)."""
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


def _poisson_thresholds() -> np.ndarray:
    """Gives the least draws whose counts are 1, 2, and so on: 2^53 times the distribution function, rounded up."""
    thresholds: list[int] = []
    with decimal.localcontext(prec=60):
        total = term = Decimal(-1).exp()
        while (threshold := math.ceil(total * 2**BITS)) < 2**BITS:
            thresholds.append(threshold)
            term /= len(thresholds)
            total += term
    return np.array(thresholds, dtype=np.uint64)


_THRESHOLDS = _poisson_thresholds()
_BUCKETS = np.arange(2**LOOKUP_BITS + 1, dtype=np.uint64) << np.uint64(BITS - LOOKUP_BITS)
_AT_START = np.searchsorted(_THRESHOLDS, _BUCKETS[:-1], side="right")
_AT_END = np.searchsorted(_THRESHOLDS, _BUCKETS[1:] - np.uint64(1), side="right")
_SPLIT = _AT_START != _AT_END
