"""Bucketed ratios: known frequencies, parts that merge, and refusals."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest

from ballast.errors import DataError
from ballast.methods.weights import BucketedRatio


def people(n: int, young: float, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(n) < young, "young", "old"),
            "income": rng.normal(size=n),
            "note": np.where(rng.random(n) < young, "plays games", "reads old books"),
        }
    )


def test_weights_when_categories_shift_then_near_the_known_ratio_and_not_its_inverse():
    pool, target = people(20_000, 0.7), people(20_000, 0.4, seed=1)
    found = BucketedRatio(smoothing=1e-6).fit(pool[["age"]], target[["age"]])
    ratio = np.where(pool["age"] == "young", 0.4 / 0.7, 0.6 / 0.3)
    np.testing.assert_allclose(found.weights_, ratio / ratio.mean(), rtol=0.05)
    assert np.abs(1 / found.weights_ - ratio).max() > 0.5


def test_words_when_more_frequent_in_the_target_then_their_rows_weigh_more():
    pool, target = people(2000, 0.7), people(500, 0.2, seed=1)
    found = BucketedRatio(text=["note"]).fit(pool[["note"]], target[["note"]])
    reads = pool["note"].str.startswith("reads")
    assert found.weights_[reads].min() > 1 > found.weights_[~reads].max()
    even = BucketedRatio(text=["note"], normalize=True).fit(pool[["note"]], target[["note"]])
    assert np.ptp(np.log(even.weights_)) < np.ptp(np.log(found.weights_))


def test_parts_when_counted_apart_and_merged_then_the_weights_of_all_at_once():
    pool, target = people(1000, 0.7), people(500, 0.4, seed=1)
    whole = BucketedRatio(text=["note"]).partial_fit(pool, target)
    one = BucketedRatio(text=["note"])
    one.partial_fit(pool[:300], target)
    other = copy.deepcopy(one)
    other.counts_ = np.zeros_like(other.counts_)
    other.partial_fit(pool[300:], target)
    other.counts_[1] = 0
    np.testing.assert_array_equal(one.merge(other).counts_, whole.counts_)
    np.testing.assert_allclose(one.weigh(pool), whole.weigh(pool))
    fitted = BucketedRatio(text=["note"]).fit(pool, target)
    np.testing.assert_allclose(fitted.weights_ / one.weigh(pool), (fitted.weights_ / one.weigh(pool))[0], rtol=1e-9)


def test_parts_when_counted_with_other_bins_then_refused():
    pool, target = people(100, 0.7), people(100, 0.4, seed=1)
    one, other = (BucketedRatio().partial_fit(pool, target.assign(income=target["income"] + k)) for k in (0, 1))
    with pytest.raises(DataError, match="other parameters, columns or bins"):
        one.merge(other)


def test_text_when_absent_then_refused_with_the_columns():
    pool = people(10, 0.5)
    with pytest.raises(DataError, match="no text column essay in both tables; the columns are age, income, note"):
        BucketedRatio(text=["essay"]).fit(pool, pool)
