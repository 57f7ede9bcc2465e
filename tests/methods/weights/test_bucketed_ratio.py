"""Bucketed ratios: known frequencies, parts that merge, and refusals."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from ballast.compute.balance import differences_of_counts
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


def documents(shares: np.ndarray, length: int, seed: int = 0) -> pd.DataFrame:
    """Texts of words by Zipf's law, of which a share follows the target's, whose ranks are the other way round."""
    rng = np.random.default_rng(seed)
    law = 1 / np.arange(1, 2001)
    law /= law.sum()
    theirs, ours = (rng.choice(2000, (len(shares), length), p=p) for p in (law[::-1], law))
    words = np.where(rng.random((len(shares), length)) < shares[:, None], theirs, ours)
    return pd.DataFrame({"text": [" ".join(f"w{word}" for word in row) for row in words]})


def test_texts_when_long_then_ranked_to_the_top_and_weighed_as_their_log_ratios_say():
    mix = np.random.default_rng(0).beta(0.5, 2, 1000)
    found = BucketedRatio(text=["text"]).fit(documents(mix, 100), documents(np.ones(300), 100, seed=1))
    best = np.argsort(-found.weights_)[:30]
    assert mix[best].mean() > 0.97 * np.sort(mix)[-30:].mean()
    assert len(np.unique(found.weights_[found.log_ratio_ > found.log_ratio_.max() - 600])) > 900
    apart = np.log(found.weights_) - found.log_ratio_  # exp of the log ratio, on one scale
    assert np.ptp(apart[found.log_ratio_ > found.log_ratio_.max() - 600]) < 1e-9


def test_texts_when_further_apart_than_numbers_hold_then_warned_of_or_refused(caplog):
    pool, target = documents(np.linspace(0, 1, 100), 1000), documents(np.ones(50), 1000, seed=1)
    with caplog.at_level(logging.WARNING):
        found = BucketedRatio(text=["text"]).fit(pool, target)
    below = int((found.log_ratio_ < found.log_ratio_.max() - 700).sum())
    assert below > 0
    assert f"{below} rows of 100 are less than e^-700 times as likely" in caplog.text
    assert (found.weights_ > 0).all()
    with pytest.raises(DataError, match=r"1 row of 1 up to e\^\d+ times as likely as the likeliest"):
        found.weigh(documents(np.ones(1), 20_000, seed=2))


def test_texts_when_of_signs_and_single_letters_then_these_count():
    texts = ["x = y + z", "a b c", "1 2 3", "C # !"]
    pool, target = pd.DataFrame({"text": texts}), pd.DataFrame({"text": texts[:1]})
    found = BucketedRatio(text=["text"], n_buckets=100_000, smoothing=1e-9).fit(pool, target)
    assert found.counts_[1].sum() == 9  # five tokens and four pairs
    np.testing.assert_allclose(found.weights_, [4, 0, 0, 0], atol=1e-6)


def test_compared_when_columns_are_independent_then_their_shares_are_balanced():
    rng = np.random.default_rng(0)
    table, target = (
        pd.DataFrame({"a": rng.choice(list("xy"), 2000, p=p), "b": rng.choice(list("uvw"), 2000)})
        for p in ([0.8, 0.2], [0.3, 0.7])
    )
    weigher = BucketedRatio(n_buckets=50).fit(table, target)
    own, other = weigher.compared(table, target)
    before, after = differences_of_counts(own, other, weigher.weights_[None]).max(axis=1)
    assert after < 0.1 < 1 < before
