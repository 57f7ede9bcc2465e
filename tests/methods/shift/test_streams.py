"""Tests by column that learn in batches: the report of all rows, and how far a sketch may be from it."""

from __future__ import annotations

import datetime as dt
import pickle
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone

from ballast.errors import DataError
from ballast.methods.frame.reports import TestReport
from ballast.methods.shift import ChiSquared, KolmogorovSmirnov, _counted, _fisher, _smirnov
from ballast.methods.shift.chi_squared import _p_value

BOTH = pytest.mark.parametrize("test", [KolmogorovSmirnov, ChiSquared], ids=lambda test: test.name)


def in_batches(test: Any, table: pd.DataFrame, target: pd.DataFrame, size: int, *, merged: bool = False) -> TestReport:
    """Counts batches of `size` rows in order, with one object or one for each that are merged."""
    total = clone(test)
    for start in range(0, max(len(table), len(target)), size):
        rows = slice(start, start + size)
        part = clone(test) if merged else total
        for name, batch in (("table", table.iloc[rows]), ("table_target", target.iloc[rows])):
            if len(batch):
                part.partial_fit(**{name: batch})
        if merged:
            total.merge(pickle.loads(pickle.dumps(part)))
    return total.finalize()


def same(found: TestReport, whole: TestReport) -> None:
    pd.testing.assert_frame_equal(found.table, whole.table, check_exact=True)
    assert found.summary == whole.summary


def everything(seed: int, n: int, move: float = 0.0) -> pd.DataFrame:
    """Columns of every kind, each in the middle of which another value, type or gap may begin."""
    rng = np.random.default_rng(seed)
    whole, half = rng.integers(0, 8, n), np.arange(n) < n // 2
    return pd.DataFrame(
        {
            "number": np.where(rng.random(n) < 0.1, np.nan, rng.normal(move, 1, n)),
            "single": rng.normal(move, 1, n).astype(np.float32),
            "zeros": np.where(rng.random(n) < 0.5 + move, 0.0, rng.exponential(1, n)),
            "rating": pd.array(whole, "Int64"),
            "seen": pd.Timestamp("2026-01-01", tz="Europe/Berlin") + pd.to_timedelta(whole, "D"),
            "day": [dt.date(2026, 1, 1 + k) for k in whole],
            "took": pd.Series(pa.array([dt.timedelta(seconds=int(k)) for k in whole]), dtype="duration[us][pyarrow]"),
            "price": [Decimal(int(k)).scaleb(-1) for k in whole],
            "never": np.nan,
            "late": np.where(half, np.nan, whole),
            "constant": [Decimal("0.10000000000000000001")] * n,
            "town": np.where(rng.random(n) < 0.1, None, np.array(["Ulm", "Linz", "Bern"], dtype=object)[whole % 3]),
            "rare": pd.Categorical(rng.choice(["a", "b", "c"], n, p=[0.5, 0.495, 0.005])),
            "code": whole.astype(str),
            "flag": whole > 3,
            "tags": [[k] for k in whole],
            "first flags": [bool(k % 2) if early else int(k) for k, early in zip(whole, half, strict=True)],
            "first numbers": [int(k) if early else f"n{k}" for k, early in zip(whole, half, strict=True)],
            "first days": [dt.date(2026, 1, 1 + k) if early else "none" for k, early in zip(whole, half, strict=True)],
        }
    )


@BOTH
@pytest.mark.parametrize(("size", "merged"), [(2000, False), (97, False), (97, True), (611, True)])
def test_report_when_counted_in_batches_then_that_of_all_rows_for_any_cut(test, size, merged):
    table, target = everything(0, 1500), everything(1, 1100, 0.1).drop(columns="rare").assign(more=1)
    target["single"] = target["single"].astype(float) + 1e-12  # the other's is the coarser
    whole = test().test(table, target)
    same(in_batches(test(), table, target, size, merged=merged), whole)
    assert whole.table["effect"].str.startswith("not tested").any()


@pytest.mark.parametrize("multiplicity", ["holm", "benjamini_hochberg"])
def test_report_when_decided_by_effect_then_that_of_all_rows(multiplicity):
    table, target = everything(0, 900), everything(1, 900, 0.3)
    test = KolmogorovSmirnov(0.01, multiplicity, {"p": 0.01, "effect": 0.1})
    same(in_batches(test, table, target, 100), test.test(table, target))


def test_numbers_as_text_when_the_target_holds_numbers_then_counted_as_the_same_categories():
    rng = np.random.default_rng(0)
    code, flag = rng.integers(0, 9, 400), rng.random(400) < 0.5
    table = pd.DataFrame({"code": code.astype(str), "flag": flag, "zip": rng.integers(100, 104, 400).astype(str)})
    target = pd.DataFrame({"code": code[::-1] / 1, "flag": flag.astype(int), "zip": [f"0{k}" for k in code]})
    same(in_batches(ChiSquared(), table, target, 90, merged=True), ChiSquared().test(table, target))
    target["zip"], table["zip"] = rng.integers(100, 104, 400), [f"0{k}" for k in code]
    with pytest.raises(DataError) as said:
        ChiSquared().test(table, target)
    with pytest.raises(DataError) as counted:
        in_batches(ChiSquared(), table, target, 90)
    assert str(counted.value) == str(said.value)


def test_rows_when_neighbours_are_alike_or_copies_then_said_for_any_cut():
    walk = pd.DataFrame({"x": np.random.default_rng(0).normal(size=800).cumsum().round(3), "town": "Ulm"})
    copies = pd.DataFrame({"x": np.random.default_rng(1).normal(size=600), "town": ["Ulm", "Bern"] * 300})
    copies.iloc[300:] = copies.iloc[:300]
    whole = KolmogorovSmirnov().test(walk, copies)
    assert "are alike" in whole.table["effect"].iloc[-1]
    assert "copies of others" in whole.table["effect"].iloc[-1]
    same(in_batches(KolmogorovSmirnov(), walk, copies, 11), whole)
    same(in_batches(KolmogorovSmirnov(), walk, copies, 130, merged=True), whole)


def test_few_different_numbers_when_rows_are_many_then_exact_whatever_their_number():
    rng = np.random.default_rng(0)
    table, target = (pd.DataFrame({"rating": rng.integers(0, 300, n)}) for n in (80_000, 70_000))
    same(in_batches(KolmogorovSmirnov(), table, target, 9_000, merged=True), KolmogorovSmirnov().test(table, target))


# -- sketches ----------------------------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch):
    """Sketches of 512 values, so that thousands of rows are many."""
    monkeypatch.setattr(_counted, "SIZE", 512)
    monkeypatch.setattr(_counted, "MOST_NUMBERS", 1000)


def drawn(seed: int, n: int, move: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "normal": rng.normal(move, 1, n),
            "sorted": np.sort(rng.normal(move, 1, n)),
            "heavy": rng.standard_cauchy(n) + move,
            "cents": np.round(rng.lognormal(5 + move, 1, n), 2),
            "tied": rng.integers(0, 3000, n) + int(3000 * move),
            "zeros": np.where(rng.random(n) < 0.5 + move / 2, 0.0, rng.exponential(1, n)),
        }
    )


@pytest.mark.parametrize("move", [0.0, 0.03, 0.06, 0.3])
def test_sketched_distance_when_held_against_the_exact_one_then_within_the_error_that_is_said(small, move):
    table, target = drawn(0, 30_000, 0.0), drawn(1, 20_000, move)
    whole = KolmogorovSmirnov().test(table, target).table.set_index("feature")
    found = in_batches(KolmogorovSmirnov(), table, target, 7_000, merged=True).table.set_index("feature")
    assert list(found.index) == list(whole.index)
    said = found["effect"].str.extract(r"off by (\S+) at most")[0].astype(float)
    assert said.drop("(all)").between(1e-4, 0.02).all()
    assert ((found["effect_size"] - whole["effect_size"]).abs() <= said).all()
    assert (found["p_value"] >= whole["p_value"] * 0.97).all()  # never surer than with all rows
    n, m = len(table), len(target)
    for name in table:
        sure = whole.loc[name, "effect_size"] - 2.1 * said[name]
        sizes = np.unique(np.concatenate([table[name], target[name]]), return_counts=True)[1]
        if not whole.loc[name, "rejected"] or _smirnov.p_value(int(max(sure, 0) * n * m), n, m, sizes) * 20 < 0.05:
            assert found.loc[name, "rejected"] == whole.loc[name, "rejected"]


def test_sketches_when_nothing_changed_then_false_alarms_at_most_at_the_level(small):
    rng = np.random.default_rng(0)
    tests = []
    for _ in range(50):
        frames = [pd.DataFrame({"normal": rng.normal(size=n), "tied": rng.integers(0, 9000, n)}) for n in (5000, 4500)]
        tests.append(in_batches(KolmogorovSmirnov(), *frames, 5000).table["rejected"].iloc[:2])
    assert np.mean([found.any() for found in tests]) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 50)


def test_sketches_when_a_mean_moves_then_found(small):
    table, target = drawn(0, 20_000, 0.0), drawn(1, 20_000, 0.1)
    found = in_batches(KolmogorovSmirnov(), table, target, 3000).table.set_index("feature")
    assert found.loc[["normal", "sorted", "cents", "tied"], "rejected"].all()
    assert found.loc["zeros (frequent value)", "rejected"]


def test_effect_when_it_is_beyond_the_bound_by_less_than_the_sketch_tells_then_no_change(small):
    table, target = drawn(0, 20_000, 0.0)[["normal"]], drawn(1, 20_000, 0.3)[["normal"]]
    free = in_batches(KolmogorovSmirnov(decide={"effect": 0.01}), table, target, 3000)
    assert free.rejected
    bound = free.statistic - 1e-4
    assert not in_batches(KolmogorovSmirnov(decide={"effect": bound}), table, target, 3000).rejected


def test_counts_when_rows_are_many_then_small():
    rng = np.random.default_rng(0)
    counted = KolmogorovSmirnov()
    for _ in range(6):
        counted.partial_fit(pd.DataFrame({"x": rng.normal(size=50_000)}))
    assert len(pickle.dumps(counted)) < 2**21  # 800 kB of the first rows, and the sketch


def test_chance_when_rows_are_millions_then_that_of_a_million_and_beyond_doubles_none(monkeypatch):
    n, m, sizes = 3_000_000, 2_500_000, np.array([1_000_000, 3_000_000, 1_000_000, 500_000])
    for distance in (0.8e-3, 1.2e-3, 3e-3):
        gap = int(distance * n * m)
        quick = _smirnov.p_value(gap, n, m, sizes)
        monkeypatch.setattr(_smirnov, "MOST_ROWS", 10**9)
        assert quick == pytest.approx(_smirnov.p_value(gap, n, m, sizes), rel=0.02)
        monkeypatch.undo()
    assert _smirnov.p_value(int(0.5 * n * m), n, m, sizes) == 0.0


def test_distance_when_rows_are_billions_then_exact():
    values, times = np.array([1.0, 2.0, 3.0]), np.array([3 * 10**9, 2 * 10**9, 4 * 10**9])
    found = _smirnov.counted_steps(values, times, values[::-1], times)
    n = 9 * 10**9
    assert found.gap == abs(3 * 10**9 * n - 4 * 10**9 * n)
    assert list(found.sizes) == [7 * 10**9, 4 * 10**9, 7 * 10**9]


def test_rare_categories_when_rows_are_billions_then_tested_as_in_millions():
    chances = []
    for rows in (4 * 10**7, 10**9):
        chances.append(_p_value(np.array([[rows, rows, 6], [rows, rows, 0]])))
    assert chances[0] == pytest.approx(chances[1], rel=0.25)  # 9999 deals


@pytest.mark.parametrize("shares", [(3e-6, 6e-6), (0.1, 0.10002), (0.9, 0.90002), (0.4, 0.4)])
def test_shares_when_rows_are_billions_then_the_chance_is_that_of_fewer(shares, monkeypatch):
    n, m = 300_000_000, 200_000_000
    counts = round(shares[0] * n), n, round(shares[1] * m), m
    exact = _fisher.fisher(*counts)
    monkeypatch.setattr(_fisher, "MOST_ROWS", 1000)
    assert _fisher.fisher(*counts) == pytest.approx(exact, rel=0.01)
    assert _fisher.fisher(0, 2**33, 0, 2**33) == 1.0


# -- refusals ----------------------------------------------------------------------------------------------------


def test_ids_when_more_than_can_be_counted_then_not_judged_and_the_ways_on_are_said():
    n = 100_001
    table = pd.DataFrame(
        {"id": np.char.mod("u%d", np.arange(n)).astype(object), "town": np.array(["Ulm", "Bern"])[np.arange(n) % 2]}
    )
    target = table.iloc[:50]
    counted = ChiSquared().partial_fit(table.iloc[:60_000], target)
    counted.merge(ChiSquared().partial_fit(table.iloc[60_000:]))
    said = counted.finalize().table.set_index("feature")["effect"]
    assert said["id"].startswith(
        f"not tested: it cannot be judged in batches: table has more than 100000 different values in {n}"
    )
    assert "test a sample of the rows in memory" in said["id"]
    assert said["town"].startswith("Cramer's V")


@BOTH
@pytest.mark.parametrize("declared", ["time", "dependence_target", "design_weight"])
def test_rows_when_units_times_or_weights_are_declared_then_refused_with_the_two_ways_out(test, declared):
    table = everything(0, 30)
    counted, given = test(), {declared: np.arange(1, 31)}
    words = rf"{declared} cannot be counted in batches \(60 rows in this one\).* by `test`, or a sample of them"
    with pytest.raises(DataError, match=words):
        counted.partial_fit(table, table, **given)
    with pytest.raises(DataError, match=r"no training rows \(table\) were counted; call partial_fit"):
        counted.finalize()


def test_batch_when_it_is_refused_then_nothing_of_it_is_counted():
    table, target = everything(0, 200), everything(1, 150)
    counted = KolmogorovSmirnov().partial_fit(table, target)
    before = counted.finalize()
    with pytest.raises(DataError, match=r"table lacks number, rating and has also pay, unlike the 200 rows"):
        counted.partial_fit(table.drop(columns=["number", "rating"]).assign(pay=1), target)
    with pytest.raises(DataError, match=r"table_target has column\(s\) 1 more than once"):
        KolmogorovSmirnov().partial_fit(table, pd.DataFrame({1: [0], "1": [1]}))
    with pytest.raises(DataError, match=r"table lacks town, unlike the 200 rows"):
        counted.merge(KolmogorovSmirnov().partial_fit(table.drop(columns="town"), target))
    with pytest.raises(DataError, match=r"partial_fit was given no rows; it takes table, table_target"):
        counted.partial_fit()
    same(counted.finalize(), before)


def test_objects_when_parameters_differ_or_one_is_merged_with_itself_then_refused():
    counted: Any = ChiSquared().partial_fit(everything(0, 30))
    with pytest.raises(DataError, match=r"parameter 'alpha' is 0\.05 here and 0\.01 in what is to be merged"):
        counted.merge(ChiSquared(alpha=0.01))
    with pytest.raises(DataError, match="merge takes another ChiSquared, and was given itself"):
        counted.merge(counted)
    with pytest.raises(DataError, match="given an object of KolmogorovSmirnov"):
        counted.merge(KolmogorovSmirnov())
