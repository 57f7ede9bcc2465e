"""The content hash of a stream: one and the same, however its rows are cut and held."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.warehouse.tables import hashing
from ballast.warehouse.tables.categories import Levels
from ballast.warehouse.tables.hashing import ContentHash, content_hash
from tests.warehouse.tables.test_round_trips import ARRAYS
from tests.warehouse.tables.test_types import TABLES, levels

BLOCK = 7  # rows, of which the tables here have several blocks


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "_ROWS", BLOCK)


def streamed(table: pa.Table, *cuts: int) -> str:
    hashed = ContentHash(table.schema)
    for start, end in zip([0, *cuts], [*cuts, table.num_rows], strict=True):
        hashed.add(table.slice(start, end - start))
    return hashed.hexdigest()


@pytest.mark.parametrize("kind", {**ARRAYS, **{name: one for name, one in TABLES.items() if "wide" not in name}})
def test_stream_when_of_any_type_and_cut_anywhere_then_hashed_as_the_whole(kind):
    array = {**ARRAYS, **TABLES}[kind]
    rows = 3 * BLOCK + 2
    table = pa.table({"x": pa.chunked_array([array] * (rows // len(array) + 1)).slice(0, rows)})
    whole = content_hash(table)
    for cuts in ([], [BLOCK], [1, BLOCK + 1, 2 * BLOCK], [0, 3, 3, rows], range(1, rows)):
        assert streamed(table, *cuts) == whole


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_stream_when_drawn_at_random_then_only_values_count(data):
    values = data.draw(st.lists(st.none() | st.sampled_from("abc"), max_size=30))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=4)))
    table = pa.table({"x": pa.array(values, pa.string())})
    assert streamed(table, *cuts) == content_hash(table)
    other = data.draw(st.lists(st.none() | st.sampled_from("abc"), max_size=30))
    assert (content_hash(pa.table({"x": pa.array(other, pa.string())})) == content_hash(table)) == (other == values)


def test_stream_when_each_batch_has_a_dictionary_of_its_own_then_hashed_by_what_appears():
    batches = [levels(pa.array(["a", "b"]), 1, None, 0), levels(pa.array(["c", "a", "spare"]), 0, 1)]
    given = pa.chunked_array(batches)
    other = pa.chunked_array([levels(pa.array(["b", "c", "a"]), 0, None, 2, 1, 2)])
    assert content_hash(pa.table({"x": given})) == content_hash(pa.table({"x": other}))


def test_stream_of_an_ordered_category_when_its_levels_change_then_they_are_what_appears():
    def table(*chunks: tuple[list[str], list[int]]) -> pa.Table:
        made = [pa.DictionaryArray.from_arrays(pa.array(c, pa.int8()), pa.array(w), ordered=True) for w, c in chunks]
        return pa.table({"x": pa.chunked_array(made)})

    several = table((["low", "high"], [1]), (["high", "mid"], [1, 0]), (["spare"], []))
    assert content_hash(several) == content_hash(table((["high", "mid"], [0, 1, 0])))
    assert content_hash(several) != content_hash(table((["mid", "high"], [1, 0, 1])))
    one = table((["low", "spare", "high"], [2, 0, 2]))
    assert streamed(one, 1, 2) == content_hash(one)
    assert content_hash(one) != content_hash(table((["low", "high"], [1, 0, 1])))


def test_validity_when_its_bits_spell_a_word_then_no_table_without_gaps_has_the_hash():
    bits = [bool(byte >> (7 - bit) & 1) for byte in b"full" for bit in range(8)]
    gaps = pa.table({"x": pa.array([0 if bit else None for bit in bits], pa.int8())})
    assert content_hash(gaps) != content_hash(pa.table({"x": pa.array([0] * len(bits), pa.int8())}))


def test_levels_when_one_is_not_a_number_then_chunks_of_it_share_them():
    chunk = levels(pa.array([1.0, float("nan")]), 1, 0)
    known = Levels(chunk.type)
    known.add(chunk)
    known.add(chunk.slice(1))
    assert known.shared
    assert len(known.found()) == 2
