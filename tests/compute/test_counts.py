"""Counts of categories: by canonical text, missing ones apart, and no more values than are told apart."""

from __future__ import annotations

import uuid

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ballast.compute.states.counts import Counts
from ballast.errors import DataError


def of(*parts, **how):
    found = Counts(**how)
    for part in parts:
        state = Counts(**how)
        state.add(part)
        found.merge(state)
    return found


TEXTS = ["b", "", "nan", None, "b", " ", "NA", "é"]
KEY = uuid.UUID(int=0x7A)
TOLD = {"": 1, " ": 1, "NA": 1, "b": 2, "nan": 1, "é": 1}


@pytest.mark.parametrize(
    "column",
    [
        *[pa.array(TEXTS, kind) for kind in (pa.string(), pa.large_string(), pa.string_view())],
        *[pa.array(TEXTS, kind) for kind in (pa.binary(), pa.binary_view())],
        pa.array(TEXTS).dictionary_encode(),
        pa.DictionaryArray.from_arrays([1, 0, 2, 3, 1, 4, 5, 6], ["", "b", "nan", None, " ", "NA", "é", "unused"]),
        pa.chunked_array([pa.array(TEXTS[:3]).dictionary_encode(), pa.array(TEXTS[3:]).dictionary_encode()]),
    ],
    ids=lambda column: f"{type(column).__name__} {column.type}",
)
def test_counts_when_texts_are_blank_or_look_missing_then_only_missing_ones_are(column):
    found = of(column)
    assert found.counts == TOLD
    assert (found.count, found.missing) == (7, 1)
    assert of(column[:3], column[3:3], column[3:]).to_bytes() == found.to_bytes()


@pytest.mark.parametrize(
    ("column", "counts"),
    [
        (pa.array([True, False, None, True]), {"0": 1, "1": 2}),
        (pa.array([1, None, -3, 1], pa.int8()), {"-3": 1, "1": 2}),
        (pa.array([1.0, np.nan, None, 0.5]), {"0.5": 1, "1": 1}),
        (pa.array([1.0, np.nan, -0.0, 0.0]), {"0": 2, "1": 1}),
        (pa.array([0.5, None, 0.5]).dictionary_encode(), {"0.5": 2}),
        (pc.run_end_encode(pa.array([3, 3, None])), {"3": 2}),
        (pa.ExtensionArray.from_storage(pa.uuid(), pa.array([KEY.bytes, None], pa.binary(16))), {str(KEY): 1}),
        (pa.array([KEY.bytes, KEY.bytes, b"a" * 16], pa.binary(16)), {KEY.bytes.decode(): 2, "a" * 16: 1}),
        (pa.nulls(2), {}),
        (pa.array([], pa.string()), {}),
    ],
    ids=str,
)
def test_counts_when_values_are_not_texts_then_are_by_their_canonical_ones(column, counts):
    found = of(column)
    assert found.counts == counts
    assert found.count == sum(counts.values())
    assert found.count + found.missing == len(column)


def test_counts_when_parts_hold_one_value_in_other_types_then_count_it_as_one():
    found = of(pa.array([1, 2]), pa.array([1.0, 2.5]), pa.array(["1", "01"]), pa.array([True]))
    assert found.counts == {"01": 1, "1": 4, "2": 1, "2.5": 1}


def test_counts_when_parts_come_in_another_order_then_bytes_are_the_same():
    parts = [pa.array(["b", "a"]), pa.array(["c", "a", None]), pa.array(["a"])]
    assert of(*parts).to_bytes() == of(*parts[::-1]).to_bytes()


def test_counts_when_texts_differ_after_a_zero_character_then_are_two():
    found = of(pa.array(["a\0b", "a\0c", "a", "a\0b"]), pa.array(["a\0"]))
    assert Counts.from_bytes(found.to_bytes()).counts == {"a": 1, "a\0": 1, "a\0b": 2, "a\0c": 1}


def test_counts_when_values_are_as_many_as_the_limit_then_are_counted_and_one_more_is_too_many():
    column = pa.array([f"v{i % 10}" for i in range(30)])
    assert of(column, limit=10).counts == {f"v{i}": 3 for i in range(10)}
    for cuts in ((), (5,), (29,), range(30)):
        parts = np.split(np.array([*column.to_pylist(), None], dtype=object), cuts)
        found = of(*(pa.array(part, pa.string()) for part in parts), limit=9)
        assert (found.too_many, found.count, found.missing) == (True, 30, 1)
        with pytest.raises(DataError, match=r"more than 9 distinct values in 30 rows.*raise the limit"):
            _ = found.counts


def test_counts_when_too_many_in_any_part_then_stay_so_and_hold_no_values():
    many = of(pa.array(range(100)), limit=9)
    size = len(many.to_bytes())
    for pair in ([many, of(pa.array([1]), limit=9)], [of(pa.array([1]), limit=9), many]):
        found = Counts(9)
        for state in pair:
            found.merge(state)
        assert (found.too_many, found.count) == (True, 101)
        assert len(found.to_bytes()) <= size


def test_counts_when_of_another_limit_then_are_not_merged():
    with pytest.raises(DataError, match="at most 3 values cannot be added to those of at most 9"):
        Counts(9).merge(Counts(3))
