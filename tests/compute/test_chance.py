"""Random choices by id: independent of one another, and of how the ids are stored, cut and ordered."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats

from ballast.compute import chance
from ballast.compute.chance import drawn, folds, id_keys, poisson_counts, sampled, shuffled, uniforms
from ballast.errors import DataError, ParameterError

N = 50_000
IDS = {
    "sequential": np.arange(N),
    "multiples of 4": 4 * np.arange(N),
    "multiples of 2^32": np.arange(N) << 32,
    "negative": -np.arange(N) - 1,
    "texts": [f"row-{i}" for i in range(N)],
}
every_kind_of_ids = pytest.mark.parametrize("ids", IDS.values(), ids=IDS.keys())
CHOICES = {
    "sample": lambda ids, **how: sampled(ids, 0.1, **how).astype(int),
    "folds": lambda ids, **how: folds(ids, 5, **how),
    "poisson": lambda ids, **how: np.minimum(poisson_counts(ids, replicate=0, **how), 4),
    "uniforms": lambda ids, **how: (8 * uniforms(ids, **how)).astype(int),
    "order": lambda ids, **how: np.argsort(shuffled(ids, **how)) * 5 // len(ids),
}

DRAWN = [0.12475263456587116, 0.6542999668476103, 0.7276718011827147, 0.3263522542903676]
DRAWN_OF_TEXTS = [0.23920734788322806, 0.5849284927155037, 0.23649082085351136]
DRAWN_OF_REPLICATE = 0.802955279846614
COUNTS = [1, 1, 1, 4, 3, 2, 0, 0, 2, 3, 2, 0]
FOLDS = [4, 4, 3, 4, 3, 3, 2, 1, 0, 1, 0, 2]
SAMPLE = [24, 25, 34, 48, 49]
ORDER = [6, 2, 1, 0, 3, 4, 7, 5]


def independence(first, second):
    """Gives the p-value of the chi-squared test of two columns of small numbers."""
    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), 1)
    return stats.chi2_contingency(table[table.any(axis=1)][:, table.any(axis=0)]).pvalue


@every_kind_of_ids
def test_choices_when_of_one_seed_and_purpose_then_any_two_kinds_are_independent(ids):
    keys = id_keys(ids)
    made = {name: choose(keys, seed=0, purpose="one") for name, choose in CHOICES.items()}
    values = {pair: independence(*(made[name] for name in pair)) for pair in itertools.combinations(made, 2)}
    assert min(values.values()) > 1e-4, values


@every_kind_of_ids
@pytest.mark.parametrize("name", CHOICES)
def test_choices_when_seed_or_purpose_differs_then_are_independent(name, ids):
    keys = id_keys(ids)
    given = [(0, "a"), (1, "a"), (0, "b"), (2**63, "a"), (-1, "a")]
    made = [CHOICES[name](keys, seed=seed, purpose=purpose) for seed, purpose in given]
    values = [independence(*pair) for pair in itertools.combinations(made, 2)]
    assert min(values) > 1e-4, values


@every_kind_of_ids
def test_replicates_when_of_one_seed_and_purpose_then_are_independent_of_each_other(ids):
    keys = id_keys(ids)
    counts = [np.minimum(poisson_counts(keys, seed=0, purpose="bootstrap", replicate=b), 4) for b in range(5)]
    draws = [(8 * uniforms(keys, seed=0, purpose="bootstrap", replicate=b)).astype(int) for b in range(5)]
    values = [independence(*pair) for made in (counts, draws) for pair in itertools.combinations(made, 2)]
    assert min(values) > 1e-4, values


def test_sample_when_a_tenth_then_is_in_every_fold_and_its_counts_are_one_on_average():
    ids = np.arange(N)
    inside = sampled(ids, 0.1, seed=0, purpose="p")
    of_folds = np.bincount(folds(ids, 5, seed=0, purpose="p")[inside], minlength=5)
    assert np.all(np.abs(of_folds - N / 50) < N / 500)
    assert abs(poisson_counts(ids, seed=0, purpose="p", replicate=0)[inside].mean() - 1) < 0.05


@every_kind_of_ids
def test_uniforms_when_many_then_are_uniform(ids):
    found = uniforms(ids, seed=0, purpose="sample")
    assert stats.kstest(found, "uniform").pvalue > 1e-4
    assert found.min() >= 0
    assert found.max() < 1
    lowest = (found * 2**53).astype(np.int64) & 0xFF  # the last bits too
    assert stats.chisquare(np.bincount(lowest, minlength=256)).pvalue > 1e-4
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 4 / math.sqrt(N)


@every_kind_of_ids
def test_folds_when_many_then_are_of_equal_size(ids):
    sizes = np.bincount(folds(ids, 7, seed=0, purpose="folds"), minlength=7)
    assert len(sizes) == 7
    assert stats.chisquare(sizes).pvalue > 1e-4


@every_kind_of_ids
def test_poisson_counts_when_many_then_are_of_that_distribution(ids):
    counts = poisson_counts(ids, seed=0, purpose="bootstrap", replicate=1)
    assert abs(counts.mean() - 1) < 4 / math.sqrt(N)
    assert abs(counts.var() - 1) < 4 * math.sqrt(3 / N)
    wanted = [*stats.poisson.pmf(range(6), 1), stats.poisson.sf(5, 1)]
    found = np.bincount(np.minimum(counts, 6), minlength=7)
    assert stats.chisquare(found, np.array(wanted) * N).pvalue > 1e-4


def test_poisson_counts_when_drawn_then_are_the_inverse_of_the_distribution_function_at_the_draw():
    draws = chance._draws(np.arange(N), "poisson", 0, "bootstrap") * 2.0**-53
    counts = poisson_counts(np.arange(N), seed=0, purpose="bootstrap", replicate=0)
    np.testing.assert_array_equal(counts, np.searchsorted(stats.poisson.cdf(range(30), 1), draws, side="right"))
    ends = chance._THRESHOLDS * 2.0**-53
    np.testing.assert_allclose(ends, stats.poisson.cdf(range(len(ends)), 1), rtol=1e-15)
    assert stats.poisson.sf(len(ends), 1) < 2.0**-53 < stats.poisson.sf(len(ends) - 1, 1)


@pytest.mark.parametrize("name", CHOICES)
def test_choices_when_ids_are_cut_or_in_another_order_then_are_the_same(name):
    ids, how = np.arange(600) * 3 - 700, {"seed": 5, "purpose": "p"}
    choose = CHOICES[name]
    whole = choose(ids, **how)
    order = np.random.default_rng(0).permutation(len(ids))
    np.testing.assert_array_equal(choose(ids[order], **how), whole[order])
    if name != "order":
        for cuts in ([300], [1, 2, 3], range(2, 600, 2), [0, 599]):
            np.testing.assert_array_equal(np.concatenate([choose(p, **how) for p in np.split(ids, cuts)]), whole)


def test_shuffled_when_ids_repeat_then_keeps_their_rows_in_order_and_gives_each_row_once():
    ids = np.repeat(np.arange(1000), 3)
    order = shuffled(ids, seed=0, purpose="epoch")
    np.testing.assert_array_equal(np.sort(order), np.arange(3000))
    np.testing.assert_array_equal(np.diff(order.reshape(-1, 3), axis=1), 1)
    assert (order != shuffled(ids, seed=0, purpose="epoch", replicate=1)).any()


def test_folds_when_of_two_numbers_then_are_independent():
    made = [folds(np.arange(N), k, seed=0, purpose="folds") for k in (5, 10, 8)]
    assert min(independence(*pair) for pair in itertools.combinations(made, 2)) > 1e-4


def test_samples_when_of_two_shares_then_the_smaller_lies_within_the_greater():
    small, large = (sampled(np.arange(N), share, seed=0, purpose="sample") for share in (0.1, 0.2))
    assert not (small & ~large).any()
    assert abs(large.sum() - N / 5) < 4 * math.sqrt(N * 0.2 * 0.8)


def test_samples_when_of_no_row_or_all_rows_then_are_exact():
    assert not sampled(np.arange(N), 0, seed=0, purpose="sample").any()
    assert sampled(np.arange(N), 1, seed=0, purpose="sample").all()


WHOLE = [0, 1, 5, 127]
TEXTS = ["a", "", "é", "row 7"]


@pytest.mark.parametrize(
    "stored",
    [
        *[np.array(WHOLE, dtype=width) for width in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", object)],
        np.array([False, 1.0, Decimal("5.0"), np.uint8(127)], dtype=object),
        *[pd.Series(WHOLE, dtype=kind) for kind in ("int16", "Int8", "UInt64", "category", "int32[pyarrow]")],
        *[pa.array(WHOLE, kind) for kind in (pa.int8(), pa.uint16(), pa.int64(), pa.uint64())],
        pa.array(WHOLE, pa.int32()).dictionary_encode(),
        pa.chunked_array([WHOLE[:1], [], WHOLE[1:]], pa.int16()),
        WHOLE,
        id_keys(WHOLE),
    ],
    ids=str,
)
def test_draws_when_equal_integers_are_stored_otherwise_then_are_the_same(stored):
    found = uniforms(stored, seed=0, purpose="p")
    np.testing.assert_array_equal(found, uniforms(np.array(WHOLE), seed=0, purpose="p"))


@pytest.mark.parametrize(
    "stored",
    [
        np.array(TEXTS),
        *[pd.Series(TEXTS, dtype=kind) for kind in (object, "str", "string", "string[pyarrow]", "category")],
        *[pa.array(TEXTS, kind) for kind in (pa.string(), pa.large_string(), pa.string_view())],
        pa.array(TEXTS).dictionary_encode(),
        pa.array([*TEXTS, "unused"]).dictionary_encode().slice(0, len(TEXTS)),
        pa.chunked_array([TEXTS[:1], [], TEXTS[1:]], pa.large_string()),
        TEXTS,
        id_keys(TEXTS),
    ],
    ids=lambda stored: type(stored).__name__,
)
def test_draws_when_equal_texts_are_stored_otherwise_then_are_the_same(stored):
    found = uniforms(stored, seed=0, purpose="p")
    np.testing.assert_array_equal(found, uniforms(np.array(TEXTS, dtype=object), seed=0, purpose="p"))


def test_keys_when_texts_differ_after_a_zero_character_then_are_two():
    for stored in (np.array(["a", "a\0b", "a\0c"], dtype=object), pa.array(["a", "a\0b", "a\0c"])):
        assert len(set(id_keys(stored))) == 3


def test_keys_when_ids_are_of_several_types_then_each_is_as_among_its_like():
    key, day, wide = uuid.UUID(int=0xABC), dt.date(2024, 5, 17), -(10**30)
    mixed = np.array([3, "3", key, day, wide, 2**64 - 1, Decimal("1.5"), str(key).upper()], dtype=object)
    alone = np.concatenate([id_keys(np.array([one], dtype=object)) for one in mixed])
    np.testing.assert_array_equal(id_keys(mixed), alone)
    assert len(set(alone)) == len(alone)
    assert alone[2] == id_keys(pa.ExtensionArray.from_storage(pa.uuid(), pa.array([key.bytes], pa.binary(16))))
    for stored in (pa.array([day]), np.array(["2024-05-17"], dtype="M8[D]")):
        np.testing.assert_array_equal(id_keys(stored), alone[3])
    np.testing.assert_array_equal(id_keys(pa.array([wide], pa.decimal128(38, 0))), alone[4])


@pytest.mark.parametrize(
    "ids", [[], np.empty(0, "i8"), pa.array([], pa.string()), pa.chunked_array([], pa.int8())], ids=str
)
def test_draws_when_there_are_no_ids_then_there_are_none(ids):
    assert uniforms(ids, seed=0, purpose="p").shape == (0,)
    assert shuffled(ids, seed=0, purpose="p").shape == (0,)


@pytest.mark.parametrize(
    "ids",
    [["a", None, "b"], [1.0, np.nan, 2.0], pa.array([1, None, 2]), pa.array(["a", None, "b"]).dictionary_encode()],
)
def test_draws_when_an_id_is_missing_then_says_how_many(ids):
    with pytest.raises(DataError, match="1 of 3 sample ids are missing"):
        uniforms(ids, seed=0, purpose="p")


def test_choices_when_asked_for_what_is_not_possible_then_say_so():
    with pytest.raises(ParameterError, match=r"share=1\.5"):
        sampled([1], 1.5, seed=0, purpose="p")
    with pytest.raises(ParameterError, match="k=0"):
        folds([1], 0, seed=0, purpose="p")


def test_draws_when_made_by_any_release_then_are_these():
    how = {"seed": 7, "purpose": "sample"}
    np.testing.assert_array_equal(uniforms([0, 1, -1, 2**62], **how), DRAWN)
    np.testing.assert_array_equal(uniforms(["", "a", "Zürich"], **how), DRAWN_OF_TEXTS)
    assert uniforms([0], seed=7, purpose="sample", replicate=1)[0] == DRAWN_OF_REPLICATE
    assert poisson_counts(np.arange(12), replicate=2, **how).tolist() == COUNTS
    assert folds(np.arange(12), 5, **how).tolist() == FOLDS
    assert np.flatnonzero(sampled(np.arange(60), 0.1, **how)).tolist() == SAMPLE
    assert shuffled(np.arange(8), **how).tolist() == ORDER


def test_drawn_when_k_grows_then_the_smaller_samples_lie_within():
    ids = np.arange(5000) * 4
    kept = [set(drawn(ids, k, seed=3, purpose="sample")) for k in (0, 10, 700, 5000, 9000)]
    assert [len(k) for k in kept] == [0, 10, 700, 5000, 5000]
    assert all(small <= large for small, large in itertools.pairwise(kept))
    assert kept[2] <= set(np.flatnonzero(sampled(ids, 0.2, seed=3, purpose="sample")))


def test_drawn_when_rows_are_shuffled_then_the_same_ids_are_taken():
    ids = np.array([f"r{i}" for i in range(1000)], dtype=object)
    order = np.random.default_rng(0).permutation(1000)
    first, second = (rows[drawn(rows, 100, seed=0, purpose="sample")] for rows in (ids, ids[order]))
    assert set(first) == set(second)
    assert list(drawn(np.zeros(9, dtype=int), 4, seed=0, purpose="sample")) == [0, 1, 2, 3]  # of one id the first
