"""What every state keeps to: equal parts make equal bytes, an empty one changes nothing, and merging is adding."""

from __future__ import annotations

import copy
import hashlib
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ballast.compute.states.columns import ColumnStates
from ballast.compute.states.counts import Counts
from ballast.compute.states.moments import Moments
from ballast.compute.states.quantiles import Quantiles
from ballast.errors import DataError

N, CUTS = 60_000, (0, 0, 1, 7000, 7000, 50_000)


def rows() -> pa.Table:
    """Gives rows of numbers far from 0, some missing, of infinities and of two zeros, of text, truths and times."""
    rng = np.random.default_rng(0)
    x = 1e6 + rng.normal(size=N)
    y = rng.choice([-np.inf, -0.0, 0.0, 1.0, np.inf], N, p=[0.001, 0.3, 0.3, 0.398, 0.001])
    whole = rng.integers(2**62, 2**63 - 1, N)
    word = rng.choice(["", "a", "é", "nan", "1"], N)
    table = {
        "x": pa.array(x, mask=rng.random(N) < 0.08),
        "y": pa.array(y),
        "whole": pa.array(whole),
        "word": pa.array(word, mask=rng.random(N) < 0.1).dictionary_encode(),
        "truth": pa.array(rng.random(N) < 0.2),
        "day": pa.array(rng.integers(0, 20_000, N).astype("i4"), pa.date32()),
    }
    return pa.table(table)


ROWS = rows()
NUMBERS = np.column_stack([ROWS[name].to_numpy(zero_copy_only=False) for name in ("x", "y", "whole")]).astype(float)
WEIGHTS = np.random.default_rng(1).exponential(size=N)


@dataclass(frozen=True)
class Case:
    """A kind of state: how one begins, how it takes the rows of a slice, and what of it any cut of the rows leaves."""

    empty: Any
    take: Any
    told: Any


CASES = {
    "moments": Case(
        lambda: Moments(3), lambda s, at: s.add(NUMBERS[at]), lambda s: np.vstack([s.mean, s.variance, s.low, s.high])
    ),
    "moments of weighted rows": Case(
        lambda: Moments(3), lambda s, at: s.add(NUMBERS[at], WEIGHTS[at]), lambda s: np.vstack([s.mean, s.variance])
    ),
    "counts": Case(Counts, lambda s, at: s.add(ROWS["word"][at]), lambda s: list(s.counts.values())),
    "counts of too many": Case(
        lambda: Counts(3), lambda s, at: s.add(ROWS["word"][at]), lambda s: [s.too_many, s.count, s.missing]
    ),
    "quantiles": Case(
        Quantiles, lambda s, at: s.add(NUMBERS[at, 0]), lambda s: [s.count, s.missing, s.low, s.high, s.quantile(0)]
    ),
    "quantiles of a small sketch": Case(
        lambda: Quantiles(8), lambda s, at: s.add(NUMBERS[at, 0]), lambda s: [s.count, s.missing, s.low, s.high]
    ),
    "columns": Case(
        lambda: ColumnStates(ROWS.schema),
        lambda s, at: s.add(ROWS[at]),
        lambda s: [s.rows, *s.moments.mean, *s.moments.variance, *s.counts["word"].counts.values()],
    ),
}
every_state = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def slices(cuts=CUTS):
    return [slice(a, b) for a, b in zip((0, *cuts), (*cuts, N), strict=True)]


def of(case, at):
    state = case.empty()
    case.take(state, at)
    return state


def folded(case, cuts=CUTS):
    state = case.empty()
    for at in slices(cuts):
        state.merge(of(case, at))
    return state


def digests() -> list[str]:
    return [hashlib.sha256(folded(case).to_bytes()).hexdigest() for case in CASES.values()]


@every_state
def test_state_when_folded_twice_then_bytes_are_the_same(case):
    assert folded(case).to_bytes() == folded(case).to_bytes()


def test_states_when_folded_in_another_process_then_bytes_are_the_same():
    code = "import runpy, sys; print(*runpy.run_path(sys.argv[1])['digests']())"
    environment = {**os.environ, "PYTHONHASHSEED": "17"}
    done = subprocess.run([sys.executable, "-c", code, __file__], capture_output=True, text=True, env=environment)
    assert done.stdout.split() == digests(), done.stderr


@every_state
def test_state_when_read_from_its_bytes_then_goes_on_as_if_it_had_not_been(case):
    first, *others = slices()[3:]
    kept = of(case, first)
    for at in others:
        read = type(kept).from_bytes(kept.to_bytes())
        assert read.to_bytes() == kept.to_bytes()
        read.merge(of(case, at))
        kept.merge(of(case, at))
        assert read.to_bytes() == kept.to_bytes()
        case.take(read, at)
        case.take(kept, at)
        assert read.to_bytes() == kept.to_bytes()


@every_state
def test_state_when_merged_with_an_empty_one_on_either_side_then_is_as_it_was(case):
    state = folded(case)
    before = state.to_bytes()
    state.merge(case.empty())
    assert state.to_bytes() == before
    empty = case.empty()
    empty.merge(state)
    assert empty.to_bytes() == before
    assert type(state).from_bytes(case.empty().to_bytes()).to_bytes() == case.empty().to_bytes()


@every_state
def test_state_when_added_in_parts_and_merged_then_tells_what_all_rows_at_once_do(case):
    whole = case.told(of(case, slice(0, N)))
    for cuts in (CUTS, range(5000, N, 5000), (N - 1,)):
        np.testing.assert_allclose(case.told(folded(case, cuts)), whole, rtol=1e-9)


@every_state
def test_state_when_merged_then_the_other_is_as_it_was_and_goes_its_own_way(case):
    first, second = of(case, slice(0, 20_000)), of(case, slice(20_000, N))
    before = second.to_bytes()
    first.merge(second)
    merged = first.to_bytes()
    assert second.to_bytes() == before
    case.take(second, slice(0, 500))
    assert first.to_bytes() == merged


@every_state
def test_state_when_merged_with_a_copy_and_with_itself_then_is_the_same(case):
    one, other = (of(case, slice(0, 20_000)) for _ in range(2))
    one.merge(copy.deepcopy(one))
    other.merge(other)
    assert other.to_bytes() == one.to_bytes()


@every_state
def test_state_when_padded_then_has_as_many_more_rows_missing_and_is_as_it_was(case):
    state, other = folded(case), folded(case)
    if isinstance(state, ColumnStates):
        other.add(pa.table({"x": pa.nulls(40)}))
        padded = [(state.moments, other.moments)]
        padded += [(own, other.quantiles[name]) for name, own in state.quantiles.items()]
        padded += [(own, other.counts[name]) for name, own in state.counts.items()]
        assert other.rows == state.rows + 40
    else:
        other.pad(40)
        padded = [(state, other)]
    for own, more in padded:
        own.missing = own.missing + 40
        assert more.to_bytes() == own.to_bytes()


@every_state
def test_state_when_given_rows_then_leaves_them_as_they_are(case):
    before = NUMBERS.copy()
    of(case, slice(0, N))
    np.testing.assert_array_equal(NUMBERS, before)


@every_state
def test_state_when_pickled_then_is_small_and_the_same(case):
    state = folded(case)
    told = pickle.dumps(state)
    assert len(told) < 1_500_000
    assert pickle.loads(told).to_bytes() == state.to_bytes()


@every_state
@pytest.mark.parametrize(
    "damage", [lambda b: b[:-9], lambda b: b"", lambda b: b[:40] + b"?" + b[41:], lambda b: b + b"1"]
)
def test_state_when_its_bytes_are_damaged_then_says_so(case, damage):
    with pytest.raises(DataError, match="not a whole state; remove them"):
        type(case.empty()).from_bytes(damage(folded(case).to_bytes()))


def test_state_when_read_from_bytes_of_another_kind_then_names_both():
    with pytest.raises(DataError, match="'counts 1', not of 'moments 1'"):
        Moments.from_bytes(Counts().to_bytes())
