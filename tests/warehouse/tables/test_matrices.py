"""Matrices as columns: exact, in their own float type, with the names of their columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ballast.errors import DataError
from ballast.warehouse import matrix_of, matrix_table, names_of


@given(
    st.sampled_from([np.float32, np.float64]).flatmap(
        lambda dtype: hnp.arrays(dtype, st.tuples(st.integers(0, 5), st.integers(1, 4)))
    )
)
def test_matrix_when_any_then_the_table_gives_it_back(matrix):
    back = matrix_of(matrix_table(np.arange(len(matrix)), {"X": matrix}), "X")
    assert back.dtype == matrix.dtype
    assert back.flags.c_contiguous
    np.testing.assert_array_equal(back, matrix)


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (4, 1), (3000, 5)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matrix_when_stored_then_comes_back_exact(warehouse, shape, dtype):
    matrix = np.random.default_rng(0).normal(size=shape).astype(dtype)
    matrix[:1, :1] = np.nan
    ids = [f"s{i}" for i in range(shape[0])]
    names = [f"pixel {i}" for i in range(shape[1])]
    table = matrix_table(ids, {"X": matrix, "probs": matrix[:, :1]}, {"label": np.arange(shape[0])}, names={"X": names})
    warehouse.commit("digits/train/features", table)
    back = warehouse.read_arrow("digits/train/features")
    assert back.column_names == ["sample_id", "label", "X", "probs"]
    assert back["sample_id"].to_pylist() == ids
    assert matrix_of(back, "X").dtype == dtype
    np.testing.assert_array_equal(matrix_of(back, "X"), matrix)
    np.testing.assert_array_equal(matrix_of(back, "probs"), matrix[:, :1])
    assert names_of(back, "X") == names
    assert names_of(back, "probs") is None


def test_matrix_when_sliced_or_chunked_then_only_its_rows(warehouse):
    matrix = np.arange(20, dtype=np.float32).reshape(10, 2)
    table = matrix_table(range(10), {"X": matrix})
    np.testing.assert_array_equal(matrix_of(table.slice(3, 4), "X"), matrix[3:7])
    parts = pa.concat_tables([table.slice(8), table.slice(0, 2)])
    np.testing.assert_array_equal(matrix_of(parts, "X"), matrix[[8, 9, 0, 1]])


def test_matrix_when_not_contiguous_or_whole_numbers_then_copied_to_float64():
    matrix = np.arange(12).reshape(3, 4).T
    back = matrix_of(matrix_table(range(4), {"X": matrix}), "X")
    assert back.dtype == np.float64
    np.testing.assert_array_equal(back, matrix)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: matrix_table([1, 2], {"X": np.zeros((3, 2))}), "'X' has 3 rows, the ids are 2"),
        (lambda: matrix_table([1], {}, {"label": [1, 2]}), "'label' has 2 rows"),
        (lambda: matrix_table([1], {"X": np.zeros(1)}), r"2-D array of numbers .* got shape \(1,\)"),
        (lambda: matrix_table([1], {"X": np.zeros((1, 0))}), "with at least one column"),
        (lambda: matrix_table([1], {"X": np.array([["a"]])}), "of numbers"),
        (lambda: matrix_table([1], {"X": np.zeros((1, 2))}, names={"X": ["a"]}), "has 2 columns but 1 names"),
        (lambda: matrix_table([1], {"X": np.zeros((1, 2))}, names={"Z": ["a"]}), "no matrix 'Z'"),
        (lambda: matrix_table([1], {"sample_id": np.zeros((1, 2))}), "'sample_id' is the column of the ids"),
        (lambda: matrix_table([1], {"X": np.zeros((1, 2))}, {"X": [1]}), "'X' is given twice"),
        (
            lambda: matrix_of(matrix_table([1], {"X": np.zeros((1, 2))}), "sample"),
            "no column 'sample', did you mean 'sample_id'",
        ),
        (lambda: matrix_of(matrix_table([1], {}), "sample_id"), "'sample_id' is int64, not a matrix"),
        (
            lambda: matrix_of(pa.table({"X": pa.array([[1.0], None], pa.list_(pa.float32(), 1))}), "X"),
            "lacks 1 of 2 rows",
        ),
    ],
)
def test_matrix_when_wrong_then_the_column_is_named(call, message):
    with pytest.raises(DataError, match=message):
        call()
