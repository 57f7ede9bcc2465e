"""Every argument of the vocabulary is checked before a method sees it, in words that name the method and argument."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from ballast.errors import DataError
from ballast.methods.frame.vocabulary import VOCABULARY, check_arguments

X = np.arange(12.0).reshape(6, 2)


def refused(**given):
    with pytest.raises(DataError) as caught:
        check_arguments(given, "kliep")
    return str(caught.value)


def test_nan_in_a_matrix_when_checked_then_message_counts_values_rows_and_names_columns():
    frame = pd.DataFrame({"age": [1.0, np.nan, np.nan], "pay": [1.0, np.inf, 2.0], "size": [1.0, 2.0, 3.0]})
    assert refused(X=frame) == (
        "kliep: X holds 3 NaN or infinite values in 2 of 3 rows in columns age, pay; impute or drop them first"
    )


def test_nan_in_an_array_when_checked_then_columns_are_named_by_position():
    bad = X.copy()
    bad[2, 1] = np.nan
    assert "X_target holds 1 NaN or infinite value in 1 of 6 rows in column 1" in refused(X_target=bad)


def test_nan_in_many_columns_when_checked_then_only_the_first_five_are_named():
    assert "columns 0, 1, 2, 3, 4 and 4 more;" in refused(X=np.full((2, 9), np.nan))


def test_pandas_missing_values_when_checked_then_counted_as_missing():
    frame = pd.DataFrame({"age": pd.array([1, None, 3], dtype="Int64"), "pay": pd.array([1.0, 2.0, None], "Float64")})
    assert "X holds 2 NaN or infinite values in 2 of 3 rows in columns age, pay" in refused(X=frame)


def test_infinite_weight_when_checked_then_counted_without_columns():
    message = refused(X=X, sample_weight=np.array([1, 1, np.inf, 1, 1, np.nan]))
    assert "sample_weight holds 2 NaN or infinite values in 2 of 6 rows; impute" in message


@pytest.mark.parametrize("name", [name for name, term in VOCABULARY.items() if term.check.__name__ == "matrix"])
def test_matrix_of_the_wrong_shape_when_checked_then_message_gives_the_shape(name):
    assert f"kliep: {name} must be two-dimensional (n, d), got shape (6,)" in refused(**{name: np.zeros(6)})
    assert f"kliep: {name} is empty (0 rows)" in refused(**{name: np.zeros((0, 2))})
    assert f"kliep: {name} has no columns" in refused(**{name: np.zeros((6, 0))})


@pytest.mark.parametrize(
    "name", ["y", "y_target", "groups", "time", "treatment", "observed", "prediction", "sample_weight"]
)
def test_column_of_the_wrong_shape_when_checked_then_message_gives_the_shape(name):
    assert f"kliep: {name} must be one-dimensional (n,), got shape (6, 1)" in refused(**{name: np.ones((6, 1))})
    assert f"kliep: {name} is empty (0 rows)" in refused(**{name: np.ones(0)})


@pytest.mark.parametrize(
    ("value", "such"),
    [
        (np.array([["a", "b"]]), "'a'"),
        (np.array([["1", "2"]]), "'1'"),
        (np.array([[{}, []]], dtype=object), "{}"),
        (np.zeros((1, 2), "M8[s]"), "datetime.datetime(1970, 1, 1, 0, 0)"),
    ],
)
def test_matrix_of_something_else_than_numbers_when_checked_then_says_with_what_to_encode_it(value, such):
    message = refused(X=value)
    assert f"kliep: X must hold numbers, and columns 0, 1 hold something else, such as {such}; encode it" in message
    assert "encoder = ballast.Encoder().fit(X)" in message


def test_frame_of_mixed_columns_when_checked_then_those_that_are_no_numbers_are_named():
    frame = pd.DataFrame({"age": [1, 2], "town": ["Ulm", "Bern"], "paid": [1.5, None]})
    assert "X_target must hold numbers, and column 'town' holds something else, such as 'Ulm'" in refused(
        X_target=frame
    )


def test_logits_that_are_no_numbers_when_checked_then_no_encoder_is_offered():
    assert refused(logits=np.array([["a", "b"]])) == "kliep: logits must hold numbers, got dtype <U1"


def test_objects_that_are_numbers_when_checked_then_become_float64():
    assert check_arguments({"X": np.array([[1, 2.5]], dtype=object)}, "kliep")["X"].dtype == np.float64


def test_sparse_matrix_when_checked_then_says_what_to_pass():
    assert "kliep: X is a sparse matrix" in refused(X=sparse.eye(3).tocsr())


@pytest.mark.parametrize(("given", "kept"), [("f4", "f4"), ("f8", "f8"), ("i8", "f8"), ("?", "f8"), ("f2", "f8")])
def test_dtype_of_a_matrix_when_checked_then_float32_and_float64_are_kept_and_the_rest_becomes_float64(given, kept):
    checked = check_arguments({"X": np.ones((3, 2), dtype=given)}, "kliep")["X"]
    assert checked.dtype == np.dtype(kept)
    assert checked.flags["C_CONTIGUOUS"]


def test_contiguous_floats_when_checked_then_not_copied():
    assert check_arguments({"X": X}, "kliep")["X"] is X


def test_target_of_another_dtype_when_checked_then_takes_the_dtype_of_the_source():
    checked = check_arguments({"X": X.astype(np.float32), "X_target": X}, "kliep")
    assert checked["X_target"].dtype == np.float32


def test_target_too_large_for_the_dtype_of_the_source_when_checked_then_counted():
    message = refused(X=X.astype(np.float32), X_target=np.full((2, 2), 1e300))
    assert "X_target holds 4 NaN or infinite values" in message


def test_values_whose_sum_overflows_when_checked_then_accepted_without_a_warning():
    large = np.array([[3e38, 3e38], [3e38, -3e38]], dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check_arguments({"X": large}, "kliep")["X"] is large


def test_target_of_another_width_when_checked_then_both_widths_are_named():
    message = refused(X=X, X_target=np.zeros((4, 3)))
    assert message == "kliep: X_target has 3 columns but X has 2; encode both with the same encoder"


def test_target_with_other_columns_when_checked_then_missing_and_unexpected_are_named():
    message = refused(X=pd.DataFrame(X, columns=["a", "b"]), X_target=pd.DataFrame(X, columns=["a", "c"]))
    assert "X_target does not have the columns of X: missing ['b'], unexpected ['c']" in message


def test_target_with_columns_in_another_order_when_checked_then_says_so():
    message = refused(X=pd.DataFrame(X, columns=["a", "b"]), X_target=pd.DataFrame(X, columns=["b", "a"]))
    assert "the same columns in another order" in message


def test_arguments_over_the_same_rows_when_lengths_differ_then_both_are_named():
    assert refused(X=X, y=[0, 1]) == "kliep: y has 2 rows but X has 6; they must be the same rows"
    message = refused(X=X, sample_weights={"a": np.ones(6), "b": np.ones(5)})
    assert "sample_weights has 5 rows but X has 6" in message


def test_arguments_over_different_rows_when_lengths_differ_then_accepted():
    checked = check_arguments({"X": X, "X_target": X[:2], "y_target": [0, 1], "classes": [0, 1, 2]}, "kliep")
    assert len(checked["X_target"]) == 2


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA, pd.NaT])
def test_missing_labels_when_checked_then_counted(missing):
    message = refused(y=np.array([1, missing, 0, missing], dtype=object))
    assert message == "kliep: y has 2 missing values in 4 rows; drop or fill those rows first"


def test_infinite_targets_when_checked_then_counted():
    assert refused(y=[1.0, np.inf]) == "kliep: y holds 1 infinite value"


def test_categorical_and_text_labels_when_checked_then_pass_as_arrays():
    checked = check_arguments({"y": pd.Series(["a", "b"], dtype="category"), "groups": ["x", "y"]}, "kliep")
    assert checked["y"].tolist() == ["a", "b"]
    assert checked["groups"].tolist() == ["x", "y"]


def test_negative_weights_when_checked_then_counted():
    message = refused(sample_weight=[1.0, -1.0, -2.0])
    assert message == "kliep: sample_weight has 2 negative weights in 3 rows; weights are >= 0"


def test_weights_that_sum_to_zero_when_checked_then_refused():
    assert "sample_weight sums to zero over 2 rows" in refused(sample_weight=[0.0, 0.0])


def test_one_bad_weight_table_of_several_when_checked_then_its_name_is_given():
    message = refused(sample_weights={"density": [1.0, 1.0], "classes": [1.0, -1.0]})
    assert "kliep: sample_weights['classes'] has 1 negative weight" in message


def test_one_weight_table_alone_when_checked_then_it_is_named_weights():
    assert list(check_arguments({"sample_weights": [1.0, 2.0]}, "kliep")["sample_weights"]) == ["weights"]
    assert list(check_arguments({"predictions": [1, 2]}, "kliep")["predictions"]) == ["model"]
    assert "sample_weights is empty" in refused(sample_weights={})


def test_probabilities_when_rows_do_not_sum_to_one_then_counted():
    message = refused(probs=[[0.5, 0.5], [0.5, 0.4], [0.2, 0.2]])
    assert message == "kliep: probs: 2 of 3 rows do not sum to 1; pass probabilities of all classes"


def test_probabilities_when_outside_zero_to_one_then_range_is_given():
    assert "probs must lie in [0, 1], got values in [-0.5, 1.5]" in refused(probs=[[1.5, -0.5]])
    assert "probs has no columns" in refused(probs=np.zeros((2, 0)))


def test_probabilities_in_float32_when_rounded_then_accepted():
    third = np.full((4, 3), 1 / 3, dtype=np.float32)
    assert check_arguments({"probs": third}, "kliep")["probs"] is third


def test_table_when_given_an_array_then_columns_get_names():
    assert list(check_arguments({"table": X}, "kliep")["table"].columns) == ["x0", "x1"]
    assert "table must be a table or a two-dimensional array, got shape (3,)" in refused(table=np.zeros(3))
    assert "table is empty (0 rows)" in refused(table=pd.DataFrame({"a": []}))
    assert "table has no columns" in refused(table=pd.DataFrame(index=[0, 1]))


def test_table_with_missing_values_when_checked_then_passes_unchanged():
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", None]})
    assert check_arguments({"table": frame}, "kliep")["table"] is frame


def test_none_and_names_outside_the_vocabulary_when_checked_then_pass_unchanged():
    thing = object()
    assert check_arguments({"y": None, "n_jobs": thing}, "kliep") == {"y": None, "n_jobs": thing}


def test_inputs_when_checked_then_never_written_to():
    given = {"X": X.astype(np.float32), "X_target": X.copy(), "y": np.arange(6), "sample_weight": np.ones(6)}
    for array in given.values():
        array.setflags(write=False)
    before = {name: array.copy() for name, array in given.items()}
    check_arguments(given, "kliep")
    for name, array in given.items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize(("name", "term"), VOCABULARY.items())
def test_term_of_the_vocabulary_when_read_then_says_what_where_from_and_its_shape(name, term):
    assert term.about.endswith(".")
    assert term.rows in {"sample", "target", None}
    assert (term.rows == "target") == name.endswith("_target")
    assert term.source
