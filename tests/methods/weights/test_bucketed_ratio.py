"""Bucketed ratios: known frequencies, parts that merge, and refusals."""

from __future__ import annotations

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


def test_batches_when_counted_apart_and_merged_then_the_weights_of_all_at_once():
    pool, target = people(1000, 0.7), people(500, 0.4, seed=1)
    whole = BucketedRatio(text=["note"]).fit(pool, target)
    one = whole.empty_copy().partial_fit(pool[:300])
    other = whole.empty_copy().partial_fit(pool[300:], target[:100]).partial_fit(table_target=target[100:])
    one.merge(other).finalize()
    np.testing.assert_array_equal(one.counts_, whole.counts_)
    np.testing.assert_allclose(one.weigh(pool), whole.weights_, rtol=1e-9)


def test_batches_when_they_hold_more_distinct_rows_than_are_kept_then_of_mean_nearly_one():
    rng = np.random.default_rng(2)
    words = np.array([f"w{i}" for i in range(50)])
    pool, target = (
        pd.DataFrame({"note": [" ".join(row) for row in words[rng.integers(k, size=(6000, 4))]]}) for k in (50, 40)
    )
    counted = BucketedRatio(text=["note"]).partial_fit(pool[:3000], target).partial_fit(pool[3000:]).finalize()
    whole = BucketedRatio(text=["note"]).fit(pool, target)
    ratio = counted.weigh(pool) / whole.weights_
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)
    assert ratio[0] == pytest.approx(1, abs=0.1)


def test_batches_when_counted_with_other_bins_then_refused():
    pool, target = people(100, 0.7), people(100, 0.4, seed=1)
    one, other = (BucketedRatio().partial_fit(pool, target.assign(income=target["income"] + k)) for k in (0, 1))
    with pytest.raises(DataError, match="edges differ from what is to be merged"):
        one.merge(other)


def test_batch_when_of_other_columns_or_kinds_then_refused():
    pool, target = people(100, 0.7), people(100, 0.4, seed=1)
    with pytest.raises(DataError, match=r"first batch was given no table_target; number columns are cut"):
        BucketedRatio().partial_fit(pool)
    with pytest.raises(DataError, match=r"table_target has no column age; its columns are income, note"):
        BucketedRatio().fit(pool, target.drop(columns="age"))
    counted = BucketedRatio().partial_fit(table_target=target)
    with pytest.raises(DataError, match=r"table has no column income; its columns are age, note"):
        counted.partial_fit(pool.drop(columns="income"))
    with pytest.raises(DataError, match="column income held numbers first, and is of dtype object now"):
        counted.partial_fit(pool.assign(income="much"))


def test_text_when_absent_then_refused_with_the_columns():
    pool = people(10, 0.5)
    with pytest.raises(DataError, match="no text column essay in both tables; the columns are age, income, note"):
        BucketedRatio(text=["essay"]).fit(pool, pool)


def test_whole_numbers_when_a_batch_has_them_with_missing_values_then_in_the_same_buckets():
    pool, holes = pd.DataFrame({"children": [0, 1, 2] * 20}), pd.DataFrame({"children": [0, 1, 2, None] * 20})
    counted = BucketedRatio().partial_fit(holes, pool).finalize()
    assert (counted.counts_[1] > 0).sum() == 3
    assert ((counted.counts_[0] > 0) & (counted.counts_[1] > 0)).sum() == 3


@pytest.mark.parametrize("same", [[True, False] * 50, [1.0, 0.0] * 50, ["1", "0"] * 50, pd.array([1, 0] * 50, "Int8")])
def test_values_when_equal_but_of_another_type_then_the_rows_weigh_the_same(same):
    table = pd.DataFrame({"x": [1, 0] * 50})
    np.testing.assert_allclose(BucketedRatio().fit(table, pd.DataFrame({"x": same})).weights_, 1.0)


def test_values_when_of_types_that_cannot_be_compared_then_refused_naming_both():
    with pytest.raises(
        DataError, match=r"column x is object in table \(category\) but int64 in table_target \(number\)"
    ):
        BucketedRatio().fit(pd.DataFrame({"x": ["01", "02"]}), pd.DataFrame({"x": [1, 2]}))
