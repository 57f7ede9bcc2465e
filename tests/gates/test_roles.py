"""Expectations on what one data role has in common with another."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from ballast.gates import Judgement, judge, parse_suite
from ballast.gates.defaults import default_suite


def one(entry: object, frame: pd.DataFrame, context: object) -> Judgement:
    (found,) = judge(parse_suite([entry], where="gates"), frame, context)  # type: ignore[arg-type]
    return found


def pool(n: int = 6) -> pd.DataFrame:
    return pd.DataFrame({"image_id": np.arange(n), "age": np.linspace(0, 1, n), "digit": np.arange(n) % 3})


@pytest.mark.parametrize("ids", [np.array([4, 5, 90]), np.array(["4", "5", "90"]), np.array([4.0, 5.0, 90.0])])
def test_shared_ids_are_found_whatever_type_they_are_stored_as(stored, ids: np.ndarray) -> None:
    context = stored(role="train", stored_ids={"test": ids})
    found = one({"expect_no_shared_ids": {"with": ["test"]}}, pool(), context)
    assert not found.passed
    assert found.observed == {"rows": 6, "shared_with_test": 2}
    assert "2 of 6 ids of train (33.3 %) are also in test (such as 4, 5)" in found.message


def test_ids_shared_with_none_pass_and_absent_roles_are_named(stored) -> None:
    context = stored(role="train", stored_ids={"test": np.array([77])})
    found = one({"expect_no_shared_ids": {"with": ["test", "target"]}}, pool(), context)
    assert found.passed
    assert found.message == "none of 6 ids of train is in test; not compared with target: not stored yet"


def test_a_role_is_not_compared_with_itself(stored) -> None:
    context = stored(role="train", stored_ids={"train": np.arange(6)})
    assert one({"expect_no_shared_ids": {"with": ["train"]}}, pool(), context).passed


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ([1000, 1001], ["1000", "x"]),
        ([1000.0, 1001.0], ["1000", "x"]),
        ([Decimal("1000.00"), Decimal(7)], [1000, 8]),
        (["a1", "a2"], ["a1 ", "a3"]),
        ([b"a1", b"a2"], ["a1", "a3"]),
        (["6F9619FF-8B86-D011-B42D-00CF4FC964FF", "b"], ["6f9619ff-8b86-d011-b42d-00cf4fc964ff", "c"]),
        ([2**53 + 1, 4], [str(2**53 + 1), "5"]),
    ],
)
def test_ids_that_read_the_same_are_shared_whatever_their_types(stored, ours: list, theirs: list) -> None:
    context = stored(role="test", stored_ids={"train": pd.Series(theirs).to_numpy()})
    found = one({"expect_no_shared_ids": {"with": ["train"]}}, pd.DataFrame({"image_id": ours}), context)
    assert not found.passed
    assert found.observed["shared_with_train"] == 1


@pytest.mark.parametrize(
    ("ours", "theirs"), [(["01", "02"], ["1", "2"]), ([2**53], [str(2**53 + 1)]), (["aB", "x", "y"], ["Ab", "v", "w"])]
)
def test_ids_that_read_differently_are_not_shared(stored, ours: list, theirs: list) -> None:
    context = stored(role="test", stored_ids={"train": pd.Series(theirs).to_numpy()})
    assert one({"expect_no_shared_ids": {"with": ["train"]}}, pd.DataFrame({"image_id": ours}), context).passed


def test_ids_that_differ_by_capitals_alone_when_they_are_many_then_closed(stored) -> None:
    context = stored(role="test", stored_ids={"train": np.array([f"A{i}" for i in range(9)])})
    frame = pd.DataFrame({"image_id": [f"a{i}" for i in range(6)]})
    found = one({"expect_no_shared_ids": {"with": ["train"]}}, frame, context)
    assert not found.passed
    assert "6 of 6 ids of test (100 %) are also in train but for capitals" in found.message


SCHEMA = {"expect_same_schema": {"with": ["train"]}}
DAY = [dt.date(2024, 1, 1), dt.date(2024, 1, 2)]
MOMENT = pd.to_datetime(["2024-01-01 10:00", "2024-01-02 11:00"])


def held(stored, entry: object, theirs: object, ours: object, **settings: object) -> Judgement:
    """The judgement of a role whose column `x` holds `ours` where the training role's holds `theirs`."""
    train, frame = (
        pd.DataFrame({"image_id": range(len(x)), "x": x, "digit": 1}) for x in (pd.Series(theirs), pd.Series(ours))
    )
    return one(entry, frame, stored(role="target", stored_tables={"train": train}, **settings))


@pytest.mark.parametrize(
    ("theirs", "ours", "said"),
    [
        (["a", "b"], [1, 2], "holds numbers (int64) where train's holds text or categories (object)"),
        ([1, 2], ["1", "x"], "holds text or categories (object) where train's holds numbers (int64)"),
        ([1, 2], [1.5, 2.0], "holds fractions in 1 rows (such as 1.5) where train's are whole numbers"),
        (["yes", "no"], [True, False], "holds true and false (bool) where train's holds text or categories (object)"),
        (MOMENT, MOMENT.tz_localize("UTC"), "has a time zone, and train's has none"),
        (MOMENT.tz_localize("UTC"), MOMENT, "has no time zone, and train's has one"),
        (DAY, MOMENT, "holds times of day (such as 2024-01-01 10:00:00) where train's are whole days"),
        (MOMENT, MOMENT - MOMENT[0], "holds durations where train's holds dates or moments"),
    ],
)
def test_column_of_another_type_closes(stored, theirs: object, ours: object, said: str) -> None:
    found = held(stored, SCHEMA, theirs, ours)
    assert not found.passed
    assert f"column 'x' {said}" in found.message
    assert "data.<role>.types" in found.message


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ([1, 2], [1.0, 2.0]),
        ([1.5, 2], [1, 2]),
        ([1.5, 2], [Decimal("1.5"), Decimal(2)]),
        (MOMENT, DAY),
        (DAY, MOMENT.normalize()),
        (MOMENT.as_unit("s"), MOMENT.as_unit("ns")),
        ([1, 2], [None, None]),
        (["a", "b"], pd.Categorical(["a", None])),
        (pd.array([1, None], "Int64"), [1, 2]),
    ],
)
def test_column_whose_values_the_type_holds_is_open(stored, theirs: object, ours: object) -> None:
    assert held(stored, SCHEMA, theirs, ours).message == "the 2 columns of train are here, and of the same types"


PRICES = [0.1, 0.2, 0.3, 0.6, 0.7] * 4


@pytest.mark.parametrize("ours", [np.float32(PRICES), np.float32(PRICES).astype(float), pd.array(PRICES, "Float32")])
def test_numbers_that_repeat_in_another_precision_close(stored, ours: object) -> None:
    for one_, other in ((PRICES, ours), (ours, PRICES)):
        found = held(stored, SCHEMA, one_, other)
        assert not found.passed
        assert "are equal as float32 alone in 100 % of the rows (such as 0.1" in found.message
        assert "keep both in one type" in found.message


def test_numbers_in_another_precision_that_do_not_repeat_or_do_not_differ_for_it_are_open(stored) -> None:
    rng = np.random.default_rng(0)
    drawn = rng.random(1000)
    assert held(stored, SCHEMA, drawn, drawn.astype(np.float32)).passed
    assert held(stored, SCHEMA, [0.5, 0.25, 3.0] * 4, np.float32([0.5, 0.25, 3.0] * 4)).passed
    assert held(stored, SCHEMA, PRICES, np.float32([9.1, 8.2, 7.3])).passed


def test_column_that_is_missing_closes_and_a_further_one_does_not(stored) -> None:
    train = pool().assign(income=1.0)
    context = stored(role="test", stored_tables={"train": train})
    found = one(SCHEMA, pool().assign(height=2.0), context)
    assert not found.passed
    assert "1 column of train missing: income (6 rows)" in found.message
    assert one(SCHEMA, train.assign(height=2.0), context).passed


CATEGORIES = {"expect_known_categories": {"with": ["train"]}}


@pytest.mark.parametrize(
    ("unseen", "passed", "severity"),
    [(0, True, "error"), (5, True, "error"), (6, False, "warn"), (50, False, "warn"), (51, False, "error")],
)
def test_unseen_categories_warn_above_a_share_and_close_above_another(
    stored, unseen: int, passed: bool, severity: str
) -> None:
    found = held(stored, CATEGORIES, ["a", "b"] * 50, ["c"] * unseen + ["a"] * (100 - unseen))
    assert (found.passed, found.severity) == (passed, severity)
    assert found.observed["largest_unseen_share"] == unseen / 100
    if not passed:
        assert (
            f"column 'x': {unseen} of 100 rows ({unseen} %) have a category that train does not have (such as c)"
            in (found.message)
        )


@pytest.mark.parametrize(
    ("theirs", "ours", "passed"),
    [
        (["1", "2"] * 20, [1, 2] * 20, True),  # values of different type are not different for that
        (["a", None] * 20, [None] * 40, True),
        ([f"text {i}" for i in range(41)], ["another"] * 41, True),  # free text has no categories
        (pd.Categorical([f"text {i}" for i in range(41)]), ["another"] * 41, False),
        ([1, 2] * 20, [3, 4] * 20, True),  # numbers have none either
        ([True] * 40, [False] * 40, False),
    ],
)
def test_categories_are_compared_as_they_read(stored, theirs: object, ours: object, passed: bool) -> None:
    assert held(stored, CATEGORIES, theirs, ours).passed is passed


def test_shares_of_unseen_categories_are_set_by_the_user(stored) -> None:
    strict = {"expect_known_categories": {"with": ["train"], "warn_above": 0.0, "close_above": 0.0}}
    values = ["a"] * 99 + ["c"]
    assert held(stored, strict, ["a"] * 100, values).closes
    left_out = {"expect_known_categories": {"with": ["train"], "close_above": 0.0, "warn_above": 0, "except": ["x"]}}
    assert held(stored, left_out, ["a"] * 100, values).passed


LABELS = {"expect_known_labels": {"with": ["train"]}}


@pytest.mark.parametrize(
    ("theirs", "ours", "kind", "passed"),
    [
        (["yes", "no"], ["yes", "?"], None, False),
        (["yes", "no"], ["yes", None], None, True),
        (["1", "0"], [1, 0], None, True),
        ([1, 0], [1.0, 0.0], "classes", True),
        ([1, 0], [2, 0], "classes", False),
        ([1, 0], [2, 0], "numbers", True),
        (np.linspace(0, 1, 40), np.linspace(2, 3, 40), None, True),
    ],
)
def test_label_that_training_does_not_know_closes(
    stored, theirs: object, ours: object, kind: object, passed: bool
) -> None:
    train, frame = (pd.DataFrame({"image_id": range(len(y)), "digit": y}) for y in (theirs, ours))  # type: ignore[arg-type]
    found = one(LABELS, frame, stored(role="test", stored_tables={"train": train}, label_kind=kind))
    assert found.passed is passed, found.message
    if not passed:
        assert "1 of 2 labels in column 'digit' are unknown to train" in found.message


@pytest.mark.parametrize("role", ["target", "test", "reference"])
def test_every_role_but_train_is_held_to_it_by_default(role: str) -> None:
    types = {e.type for e in default_suite("source", role) if e.roles == {"train"}}
    assert types >= {"expect_same_schema", "expect_known_categories", "expect_known_labels"}
    assert not {e.type for e in default_suite("source", "train")} & {"expect_same_schema", "expect_known_categories"}


@pytest.mark.parametrize("entry", [SCHEMA, CATEGORIES, LABELS])
def test_role_is_not_compared_when_training_rows_are_not_stored(stored, entry: object) -> None:
    found = one(entry, pool(), stored(role="test"))
    assert (found.passed, found.message) == (True, "not compared with train: not stored yet")
