"""Folds and held-out rows: copies and units stay together, and each class is dealt out."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from ballast.methods.common.folds import deal, hold_out, units_of, warn_of_near_copies


def test_units_of_when_rows_are_copies_or_of_one_unit_then_they_are_together():
    X = np.arange(40.0).reshape(20, 2)
    X[5] = X[3]
    customer = np.arange(20)
    customer[9] = customer[5]
    of = units_of(X, customer).of
    assert len({of[3], of[5], of[9]}) == 1
    assert units_of(X, customer).n == 18


def test_units_of_when_rows_are_categories_then_equal_ones_are_apart():
    assert units_of(np.tile(np.eye(3), (10, 1))).single


def test_deal_when_a_class_has_two_rows_then_they_are_in_two_folds_and_folds_are_even():
    strata = np.repeat([0, 1, 2], [60, 41, 2])
    folds = deal(units_of(np.arange(103.0)[:, None]), strata, 5, np.random.default_rng(0))
    assert len(set(folds[strata == 2])) == 2
    for stratum, n in ((0, 60), (1, 41)):
        assert np.ptp(np.bincount(folds[strata == stratum], minlength=5)) <= (n % 5 > 0)
    assert np.ptp(np.bincount(folds)) <= 1


def test_deal_when_units_have_several_rows_then_none_is_split():
    unit = np.random.default_rng(0).integers(30, size=200)
    folds = deal(units_of(None, unit), unit % 2, 4, np.random.default_rng(1))
    assert all(len(set(folds[unit == u])) == 1 for u in unit)
    assert set(folds) == {0, 1, 2, 3}


def test_hold_out_when_units_have_several_rows_then_each_is_on_one_side_and_the_share_is_met():
    unit = np.repeat(np.arange(50), 4)
    strata = unit % 2
    kept, held = hold_out(units_of(None, unit), strata, 0.2, np.random.default_rng(0).permutation(200))
    assert not set(unit[kept]) & set(unit[held])
    assert np.bincount(strata[held]).tolist() == [20, 20]
    assert len(kept) + len(held) == 200


def test_hold_out_when_a_unit_is_too_large_then_others_are_held_out():
    unit = np.concatenate([np.zeros(50), np.arange(1, 51)])
    kept, held = hold_out(units_of(None, unit), np.zeros(100, dtype=int), 0.1, np.arange(100))
    assert held.tolist() == list(range(50, 60))
    assert len(kept) == 90


def test_hold_out_when_rows_are_made_of_others_then_those_with_a_parent_on_each_side_are_left_out():
    parents = np.array([[0, 0], [1, 1], [2, 2], [3, 3], [0, 1], [1, 2], [2, 3]])
    kept, held = hold_out(units_of(None, parents), np.zeros(7, dtype=int), 0.4, np.arange(7))
    assert held.tolist() == [0]  # the row made of 0 and 1 is of neither side
    assert kept.tolist() == [1, 2, 3, 5, 6]


@pytest.mark.parametrize("times", [2, 5])
def test_warn_of_near_copies_when_rows_nearly_repeat_then_dependence_is_asked_for(times, caplog):
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(60, 5)), times, axis=0)
    warn_of_near_copies(X + 1e-3 * rng.normal(size=X.shape), "folds", "folds part them")
    assert "declare" in caplog.text.lower()
    assert "dependence" in caplog.text


@pytest.mark.parametrize("kind", ["one column", "many columns", "clusters", "categories", "copies", "rounded"])
def test_warn_of_near_copies_when_rows_are_independent_or_equal_then_nothing_is_said(kind, caplog):
    rng = np.random.default_rng(0)
    X = {
        "one column": rng.normal(size=(500, 1)),
        "many columns": rng.normal(size=(500, 30)),
        "clusters": 20 * np.repeat(rng.normal(size=(5, 3)), 100, axis=0) + rng.normal(size=(500, 3)),
        "categories": np.column_stack([rng.normal(size=500), np.eye(100)[rng.integers(100, size=500)]]),
        "copies": np.repeat(rng.normal(size=(100, 5)), 5, axis=0),
        "rounded": rng.normal(size=(500, 2)).round(1),
    }[kind]
    with caplog.at_level(logging.WARNING):
        warn_of_near_copies(X, "folds", "folds part them")
    assert not caplog.text
