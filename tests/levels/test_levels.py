"""Tests by column hold their level in samples of any size; `make levels` measures the whole grid."""

from __future__ import annotations

import pytest

from tests.levels.grid import SIZES, WEIGHTED, WORLDS, alarms, most

PAIRS = [(1, 1), (1, 8), (2, 5), (5, 5), (8, 15), (15, 2), (50, 8)]


@pytest.mark.parametrize(("n", "m"), PAIRS)
@pytest.mark.parametrize("world", WORLDS)
def test_alarms_when_samples_are_small_then_no_more_than_the_level_at_any_width(world, n, m):
    for width, (rejected, drawn) in alarms(WORLDS[world], n, m, tables=2).items():
        assert rejected <= most(drawn), f"{rejected} of {drawn} tables of {width} columns"


@pytest.mark.parametrize(("n", "m"), [(5, 5), (8, 15), (15, 50)])
@pytest.mark.parametrize("world", WEIGHTED)
def test_alarms_when_rows_have_design_weights_then_no_more_than_the_level_at_any_width(world, n, m):
    for width, (rejected, drawn) in alarms(WEIGHTED[world], n, m, tables=1).items():
        assert rejected <= most(drawn), f"{rejected} of {drawn} tables of {width} columns"


@pytest.mark.full
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("world", WORLDS)
def test_alarms_when_sizes_are_crossed_then_no_more_than_the_level_at_any_width(world, n):
    for m in SIZES:
        for width, (rejected, drawn) in alarms(WORLDS[world], n, m, tables=5).items():
            assert rejected <= most(drawn), f"m = {m}: {rejected} of {drawn} tables of {width} columns"


@pytest.mark.parametrize("world", WORLDS)
def test_alarms_when_samples_are_large_then_about_as_many_as_the_level_allows(world):
    rejected, drawn = alarms(WORLDS[world], 500, 500, tables=4)[1]
    # Ratings and flags attain levels of their own below 0.05, and rare categories share it between two tests.
    assert (0.01 if "rare" in world else 0.02) * drawn <= rejected <= most(drawn)
