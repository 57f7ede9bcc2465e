"""Expectations on rows, ids, labels and columns."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from ballast.gates import Judgement, judge, parse_suite


def one(entry: object, frame: pd.DataFrame, context: object) -> Judgement:
    (found,) = judge(parse_suite([entry], where="gates"), frame, context)  # type: ignore[arg-type]
    return found


def pool(n: int = 6) -> pd.DataFrame:
    return pd.DataFrame({"image_id": np.arange(n), "age": np.linspace(0, 1, n), "digit": np.arange(n) % 3})


@pytest.mark.parametrize(("n", "passed"), [(0, False), (1, False), (2, True), (3, True)])
def test_row_count_is_judged_at_its_bound(stored, n: int, passed: bool) -> None:
    found = one({"expect_row_count_at_least": {"rows": 2}}, pool(n), stored())
    assert found.passed is passed
    assert found.observed == {"rows": n}
    assert f"{n} rows, at least 2 expected" in found.message


def test_unique_ids_of_a_sound_table_pass(stored) -> None:
    assert one("expect_unique_ids", pool(), stored()).observed == {"rows": 6, "null_ids": 0, "repeated_ids": 0}
    assert one("expect_unique_ids", pool(), stored()).passed


def test_repeated_and_null_ids_are_counted_and_shown(stored) -> None:
    frame = pd.DataFrame({"image_id": ["a", "b", "b", "b", None, None, "c"]})
    found = one("expect_unique_ids", frame, stored())
    assert not found.passed
    assert found.observed == {"rows": 7, "null_ids": 2, "repeated_ids": 2}
    assert "column 'image_id' has 2 null and 2 repeated (such as b) ids in 7 rows" in found.message


def test_unique_ids_look_at_sample_id_after_the_source(stored) -> None:
    frame = pd.DataFrame({"sample_id": [1, 1], "score": [0.0, 1.0]})
    assert "'sample_id' has 1 repeated" in one("expect_unique_ids", frame, stored(stage="scorer", id=None)).message


def test_id_column_that_is_not_there_is_closed_with_the_nearest_column(stored) -> None:
    found = one("expect_unique_ids", pool(), stored(id="imageid"))
    assert not found.passed
    assert "did you mean 'image_id'?" in found.message


def dataset(second: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"row": [0, 1, 2], "sample_id": [3, 3, 5], "second_parent_id": second, "is_synthetic": False})


def test_parents_among_the_training_ids_pass(stored) -> None:
    context = stored(stage="sampler", id=None, stored_ids={"train": np.arange(6)})
    assert one("expect_parents_exist", dataset([np.nan, 4, np.nan]), context).passed


def test_unknown_first_and_second_parents_are_counted(stored) -> None:
    context = stored(stage="sampler", id=None, stored_ids={"train": np.arange(4)})
    found = one("expect_parents_exist", dataset([np.nan, 9, 1]), context)
    assert not found.passed
    assert found.observed == {"rows": 3, "unknown_parents": 2, "null_parents": 0}
    assert "2 parent ids (such as 5, 9.0) outside the 4 training ids" in found.message


def test_parents_without_stored_training_ids_close(stored) -> None:
    assert not one("expect_parents_exist", dataset([np.nan] * 3), stored(stage="sampler")).passed


def test_null_and_infinite_labels_are_counted(stored) -> None:
    frame = pd.DataFrame({"image_id": range(4), "digit": [1.0, None, np.inf, 2.0]})
    found = one("expect_no_null_labels", frame, stored())
    assert not found.passed
    assert "2 of 4 labels in column 'digit' are null or infinite" in found.message
    assert one("expect_no_null_labels", pool(), stored()).passed


def test_null_labels_of_rows_that_were_not_observed_are_not_counted(stored) -> None:
    frame = pd.DataFrame({"image_id": range(4), "digit": [1.0, None, None, 2.0], "seen": [True, True, False, False]})
    found = one("expect_no_null_labels", frame, stored(observed="seen"))
    assert "1 of 2 labels" in found.message
    assert one("expect_no_null_labels", frame.drop(index=1), stored(observed="seen")).passed
    for unknown in ("no", None):
        seen = pd.Series([True, True, unknown, True], dtype=object)
        told = one("expect_no_null_labels", frame.assign(seen=seen), stored(observed="seen"))
        assert not told.passed
        assert "column 'seen'" in told.message, "the column that is wrong is not that of the labels"


def test_label_column_that_is_missing_closes_with_the_nearest_column(stored) -> None:
    found = one("expect_no_null_labels", pool(), stored(label="digits"))
    assert not found.passed
    assert (
        "column 'digits' is not in the table, did you mean 'digit'? (its columns: image_id, age, digit)"
        in found.message
    )


@pytest.mark.parametrize("entry", ["expect_no_null_labels", "expect_class_count_at_least"])
def test_role_without_labels_passes_only_where_none_are_needed(stored, entry: str) -> None:
    assert one(entry, pool(), stored(label=None, label_required=False)).passed
    closed = one(entry, pool(), stored(label=None, role="train"))
    assert not closed.passed
    assert "train names no label column" in closed.message


@pytest.mark.parametrize(
    ("labels", "classes", "passed"),
    [([1, 1, 1], 2, False), ([1, 2, 2], 2, True), (["a", None, "b"], 3, False), ([None] * 3, 1, False)],
)
def test_classes_are_counted_without_nulls(stored, labels: list, classes: int, passed: bool) -> None:
    frame = pd.DataFrame({"image_id": range(3), "digit": labels})
    found = one({"expect_class_count_at_least": {"classes": classes}}, frame, stored())
    assert found.passed is passed
    assert found.observed["classes"] == len({x for x in labels if x is not None})


def test_empty_columns_are_named_with_the_row_count(stored) -> None:
    frame = pool().assign(gone=None, lost=np.nan, half=[1, None] * 3)
    found = one("expect_no_empty_columns", frame, stored())
    assert not found.passed
    assert "2 of 6 columns (gone, lost) are null in every row (6 rows)" in found.message
    assert found.observed["columns"] == "gone, lost"
    assert one("expect_no_empty_columns", pool(), stored()).passed
    assert "the table has no rows" in one("expect_no_empty_columns", frame.iloc[:0], stored()).message


def test_constant_columns_are_named_but_not_ids_labels_or_empty_ones(stored) -> None:
    frame = pool().assign(
        digit=1,
        one="x",
        nothing=None,
        vector=[[1.0, 2.0]] * 6,
        vectors=[[float(i)] for i in range(6)],
        half=[1, None] * 3,
    )
    found = one("expect_no_constant_columns", frame, stored())
    assert not found.passed
    assert found.observed["columns"] == "one, vector"
    assert one("expect_no_constant_columns", frame.iloc[:1], stored()).passed


def test_column_constant_in_its_head_alone_is_not_constant(stored) -> None:
    frame = pd.DataFrame({"image_id": range(3000), "late": [0] * 2999 + [1]})
    assert one("expect_no_constant_columns", frame, stored()).passed


def test_values_not_finite_are_counted_by_column_vectors_included(stored) -> None:
    vectors = [np.array([1, np.nan], "f4"), None, np.array([np.inf, np.nan], "f4")]
    frame = pd.DataFrame({"sample_id": list("abc"), "score": [1.0, np.inf, np.nan], "features": vectors})
    found = one("expect_finite_values", frame, stored(stage="scorer", id=None))
    assert not found.passed
    assert found.observed == {"rows": 3, "columns": 2, "not_finite": 6}
    assert "2 in score, 4 in features" in found.message
    assert one("expect_finite_values", frame.drop(columns="score").iloc[1:], stored()).observed["not_finite"] == 3
    assert one({"expect_finite_values": {"columns": ["score"]}}, frame.iloc[:1], stored(stage="scorer", id=None)).passed


@pytest.mark.parametrize(
    ("columns", "said"),
    [(["scor"], "did you mean 'score'?"), (["word"], "numbers were expected"), (None, "no numeric")],
)
def test_finite_values_of_what_is_no_number_close(stored, columns: list[str] | None, said: str) -> None:
    frame = pd.DataFrame({"word": ["a"]}) if columns is None else pd.DataFrame({"word": ["a"], "score": [1.0]})
    found = one({"expect_finite_values": {"columns": columns} if columns else {}}, frame, stored())
    assert not found.passed
    assert said in found.message


@pytest.mark.parametrize("column", ["age", "price"])
def test_infinite_values_are_counted_by_column(stored, column: str) -> None:
    frame = pool().assign(price=Decimal(1)).astype({"age": object})
    frame.loc[:1, column] = [np.inf, -np.inf]
    found = one("expect_no_infinite_values", frame, stored())
    assert not found.passed
    assert f"infinite values (2 in {column}) in 6 rows" in found.message
    assert one("expect_no_infinite_values", pool(), stored()).passed


@pytest.mark.parametrize(
    ("values", "passed"),
    [
        (["1", "2.5", "-3", "1e5", "1,5", "7", "8", "9", "10", "x"], False),
        (["1", "2", "x", "y"], True),
        (["01", "02", "03"], True),
        (["", ".", "-"], True),
        ([None, "5", None], False),
        ([1, 2, 3], True),
    ],
)
def test_text_that_is_mostly_numbers_is_told(stored, values: list, passed: bool) -> None:
    frame = pd.DataFrame({"image_id": range(len(values)), "amount": values})
    found = one("expect_no_numbers_as_text", frame, stored())
    assert found.passed is passed
    if not passed:
        assert "columns of text hold numbers: amount (" in found.message
        left_out = {"expect_no_numbers_as_text": {"except": ["amount"]}}
        assert one(left_out, frame, stored()).passed
