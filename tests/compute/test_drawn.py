"""A sample and the values of columns, as states: the same for any cut and, of the sample, any order of the rows."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from ballast.compute.chance import drawn as positions
from ballast.compute.chance import sample_draws
from ballast.compute.states.drawn import Drawn, Values
from ballast.errors import DataError


def table(n: int = 5000) -> pa.Table:
    return pa.table({"key": [f"r{i}" for i in range(n)], "x": np.arange(float(n))})


def drawn(parts: list[pa.Table], size: int = 100) -> pa.Table | None:
    whole = Drawn(size, "key", seed=1, purpose="sample")
    for part in parts:
        one = Drawn(size, "key", seed=1, purpose="sample")
        one.add(part)
        whole.merge(one)
    assert whole.rows == sum(map(len, parts))
    return whole.table()


def test_drawn_when_rows_are_cut_or_shuffled_then_the_same_rows_stay_in_the_same_order() -> None:
    whole = table()
    shuffled = whole.take(pa.array(np.random.default_rng(0).permutation(5000)))
    found = [drawn([t]) for t in (whole, shuffled)] + [
        drawn([whole[:7], whole[7:3000], whole[3000:3000], whole[3000:]])
    ]
    assert all(other.equals(found[0]) for other in found[1:])  # type: ignore[union-attr]
    draws = sample_draws(found[0].column("key"), seed=1, purpose="sample")  # type: ignore[union-attr]
    assert len(draws) == 100
    assert draws.max() < 0.03
    assert (np.diff(draws) > 0).all()
    at_once = positions(whole.column("key"), 100, seed=1, purpose="sample")
    assert set(found[0].column("x").to_pylist()) == set(map(float, at_once))  # type: ignore[union-attr]


def test_drawn_when_there_are_fewer_rows_then_all_stay() -> None:
    assert sorted(drawn([table(60)]).column("x").to_pylist()) == list(map(float, range(60)))  # type: ignore[union-attr]
    assert drawn([]) is None
    with pytest.raises(DataError, match="no column 'id' of ids"):
        Drawn(5, "id", seed=0, purpose="sample").add(table(3))
    with pytest.raises(DataError, match="drawn otherwise"):
        Drawn(5, "key", seed=0, purpose="sample").merge(Drawn(6, "key", seed=0, purpose="sample"))


def values(parts: list[pa.Table], limit: int = 4) -> Values:
    whole = Values(limit)
    for part in parts:
        one = Values(limit)
        one.add(part)
        whole.merge(one)
    return whole


def test_values_when_columns_are_of_all_kinds_then_ends_and_categories_are_kept() -> None:
    days = [dt.date(2026, 1, d) for d in (3, 1, 2, 9, 5)]
    made = pa.table(
        {
            "number": pa.array([3.0, None, -1.0, 7.0, 2.0]),
            "whole": [2**60, -(2**60), 5, 1, 0],
            "day": days,
            "letter": pa.array(["b", None, "a", "b", "c"]).dictionary_encode(),
            "truth": [True, True, True, None, True],
            "none": pa.nulls(5),
            "gone": pa.nulls(5, pa.float64()),
            "list": [[1], [2], [3], [], None],
        }
    )
    for parts in ([made], [made[:1], made[1:1], made[1:4], made[4:]]):
        found = values(parts)
        assert found.rows == 5
        assert {name: kept.to_pylist() for name, kept in found.kept.items()} == {
            "number": [-1.0, 7.0],
            "whole": [-(2**60), 2**60],
            "day": [days[1], days[3]],
            "letter": ["b", "a", "c"],
            "truth": [True],
            "none": [],
            "gone": [],
            "list": [[1], [2]],
        }
        assert found.missing == {
            "number": 1,
            "whole": 0,
            "day": 0,
            "letter": 1,
            "truth": 1,
            "none": 5,
            "gone": 5,
            "list": 1,
        }


def test_values_when_categories_are_many_then_the_first_are_kept() -> None:
    made = pa.table({"c": [f"v{i % 50}" for i in range(200)]})
    assert values([made[:100], made[100:]]).kept["c"].to_pylist() == ["v0", "v1", "v2", "v3"]
