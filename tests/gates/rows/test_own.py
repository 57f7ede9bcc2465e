"""Ballast's expectations over rows in three parts, one of them empty: what the frame gives, word for word."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest

from ballast.gates import Features, StaticContext, judge, judge_rows, parse_suite
from ballast.gates.rows.kinds import BESIDE, OF_REPORTS, OVER_ALL, ROW_BY_ROW, UNJUDGEABLE
from ballast.gates.suite import OWN
from ballast.warehouse.asked import AskedRows
from ballast.warehouse.tables.frames import pandas_frame
from tests.gates.rows.parts import N, check, quickly, source

SOURCE: dict[str, Any] = {"id": "key", "label": "label", "role": "test", "stage": "source"}
TABLES: dict[str, Callable[[], pa.Table]] = {
    "sound": source,
    "no rows": lambda: source().slice(0, 0),
    "one row": lambda: source().slice(0, 1),
    "twins": lambda: source(key=pa.array(["a", "b", None, "b", "c", "a"] * 15)),
    "numbers for ids": lambda: source(key=pa.array([*range(80), *range(10)])),
    "null labels": lambda: source(label=pa.array([None, 1.0, np.nan, np.inf, 2.0] * 18)),
    "one label": lambda: source(label=pa.array(["yes"] * N)),
    "no label": lambda: source(label=None),
    "empty and constant": lambda: source(
        text=pa.nulls(N, pa.string()), x=pa.array([np.nan] * N), price=pa.array([Decimal("1.50")] * N),
        good=pa.array([True] * N), day=pa.nulls(N),
    ),
    "half": lambda: source(colour=pa.array([None] * 60 + ["red"] * 30), whole=pa.array([None] * 60 + [2] * 30)),
    "infinite": lambda: source(x=pa.array([np.inf, 1.0, -np.inf, None, 2.0] * 18), whole=pa.array([1e300] * N)),
    "numbers as text": lambda: source(text=pa.array(["1", "2.5", " 3 ", "1e5", "x", *map(str, range(7, 12))] * 9)),
}  # fmt: skip
ON_SOURCES: list[Any] = [
    {"expect_row_count_at_least": {"rows": 50}},
    {"expect_row_count_at_least": {"rows": 500}},
    "expect_unique_ids",
    "expect_no_null_labels",
    "expect_class_count_at_least",
    "expect_no_empty_columns",
    "expect_no_constant_columns",
    "expect_no_infinite_values",
    "expect_no_numbers_as_text",
    {"expect_no_numbers_as_text": {"except": ["text"], "max_share": 0.5}},
    "expect_finite_values",
    {"expect_finite_values": {"columns": ["whole", "price"]}},
    {"expect_finite_values": {"columns": ["text"]}},
    {"expect_finite_values": {"columns": ["nowhere"]}},
]


@pytest.mark.parametrize("made", quickly(TABLES, "twins", "null labels", "empty and constant", "numbers as text"))
def test_source_in_parts_is_judged_as_its_frame(tmp_path: Path, made: str) -> None:
    check(ON_SOURCES, TABLES[made](), tmp_path, {}, **SOURCE)


WITH = {"with": ["train"]}
ON_ROLES: list[Any] = [
    {f"expect_{name}": WITH} for name in ("no_shared_ids", "same_schema", "known_categories", "known_labels")
]
RELATED: dict[str, Callable[[], pa.Table]] = TABLES | {
    "rare types": lambda: source(
        key=pa.array([UUID(int=i % 80).bytes for i in range(N)], pa.uuid()),
        text=pa.array([None if i % 4 else f"{i}" for i in range(N)], pa.string_view()),
    ),
    "other ids": lambda: source(key=pa.array([f"z{i}" for i in range(N)])),
    "blanks": lambda: source(key=pa.array([f" k{i}\u2003" if i % 9 == 0 else f"z{i}" for i in range(N)])),
    "capitals": lambda: source(key=pa.array([f"K{i}" for i in range(N)])),
    "few capitals": lambda: source(key=pa.array([f"K{i}" if i < 20 else f"z{i}" for i in range(N)])),
    "fractions": lambda: source(whole=pa.array([i / 2 if i % 5 else None for i in range(N)])),
    "other types": lambda: source(text=pa.array(range(N)), x=pa.array(["x"] * N), good=None, price=pa.nulls(N)),
    "other times": lambda: source(
        day=pa.array([dt.datetime(2024, 1, 1, i % 3) for i in range(N)], pa.timestamp("s")), clock=source()["day"],
        at=pa.array([dt.datetime(2024, 1, 1, i % 24) for i in range(N)], pa.timestamp("us")),
    ),
    "floats": lambda: source(x=pa.array(np.tile(np.array([0.1, 0.2, 0.3], np.float32), 30))),
    "new values": lambda: source(
        colour=pa.array(["blue", "red", "red"] * 30).dictionary_encode(), text=pa.array([f"w {i}" for i in range(N)]),
        label=pa.array([0, 1, 7] * 30),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "made", quickly(RELATED, "rare types", "blanks", "capitals", "fractions", "floats", "new values")
)
def test_source_in_parts_beside_others_is_judged_as_its_frame(tmp_path: Path, made: str) -> None:
    train = source(x=pa.array(np.tile([0.1, 0.2, 0.3], 30)))
    check(ON_ROLES, RELATED[made](), tmp_path, {"train": train}, **SOURCE)
    if made == "rare types":
        check([*ON_SOURCES, *ON_ROLES], RELATED[made](), tmp_path, {"train": RELATED[made]()}, **SOURCE)
    check(ON_ROLES, train, tmp_path, {"train": RELATED[made]()} if made != "no label" else {}, **SOURCE)


def test_every_own_expectation_is_of_one_kind() -> None:
    kinds = [ROW_BY_ROW, OVER_ALL, BESIDE, OF_REPORTS, UNJUDGEABLE.keys() & OWN.keys()]
    assert sorted(name for kind in kinds for name in kind) == sorted(OWN)


def weights(**changes: Any) -> pa.Table:
    values = np.random.default_rng(1).exponential(size=N)
    columns = {"sample_id": pa.array([f"k{i}" for i in range(N)]), "weight": pa.array(values / values.mean())}
    return pa.table(columns | changes)


WEIGHTS: dict[str, Callable[[], pa.Table]] = {
    "sound": weights,
    "no rows": lambda: weights().slice(0, 0),
    "large": lambda: weights(weight=pa.array([1e200] * 30 + [1e-200] * 60)),
    "zero": lambda: weights(weight=pa.array([0.0] * N)),
    "negative": lambda: weights(weight=pa.array([-1.0, 2.0, 3.0] * 30)),
    "missing": lambda: weights(weight=pa.array([None, np.nan, np.inf] * 30)),
    "whole": lambda: weights(weight=pa.array([1, 0, 2] * 30)),
    "text": lambda: weights(weight=pa.array(["1"] * N)),
}
ON_WEIGHTS: list[Any] = [
    "expect_mean_weight",
    {"expect_weight_range": {"min": 0}},
    {"expect_weight_range": {"min": 0.5, "max": 2}},
    {"expect_effective_sample_size": {"min_share": 0.3}},
    {"expect_effective_sample_size": {"min_size": 80, "min_share": 0.9}},
    "expect_unique_ids",
]


@pytest.mark.parametrize("made", WEIGHTS)
def test_weights_in_parts_are_judged_as_their_frame_but_for_rounding(tmp_path: Path, made: str) -> None:
    check(ON_WEIGHTS, WEIGHTS[made](), tmp_path, {}, rounded=True)


def scores(**changes: Any) -> pa.Table:
    columns = {"sample_id": pa.array(range(N)), "score": pa.array(np.linspace(0, 1, N)),
               "flagged": pa.array([i % 10 == 9 for i in range(N)])}  # fmt: skip
    return pa.table(columns | changes)


@pytest.mark.parametrize("flagged", [None, [True, None, False] * 30, [i > 10 for i in range(N)]])
@pytest.mark.parametrize("reason", [None, ["far", "new", None, "new", "far", "old"] * 15])
def test_flags_in_parts_are_judged_as_their_frame(tmp_path: Path, flagged: Any, reason: Any) -> None:
    changes = {"flagged": flagged, "reason": reason}
    table = scores(**{name: pa.array(values) for name, values in changes.items() if values})
    suite = [{f"expect_{name}": {key: bound}} for bound in (0.05, 0.1) for name, key in
             (("flagged_share", "max"), ("label_noise_share", "max"), ("share_flagged_below", "share"))]  # fmt: skip
    check([*suite, {"expect_finite_values": {"columns": ["score"]}}], table, tmp_path, {})
    check(suite, table.slice(0, 0), tmp_path / "none", {})


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (np.linspace(0, 1, N), np.linspace(0.1, 1.2, 60)),
        (np.linspace(0, 1, N).round(1), np.linspace(0.1, 1.2, 60).round(1)),
        (range(N), range(20)),
        ([*range(80), *[None] * 10], range(60)),
        (["a", "b", "b"] * 30, ["a", "b", "c"] * 20),
        (["a", None, "b"] * 30, ["a"] * 20),
        (["a"] * N, ["a"] * 20),
        ([1, 2, 3] * 30, ["1", "2"] * 20),
        ([1, 2, 3] * 30, []),
    ],
)
def test_predictions_in_parts_are_held_against_the_version_before_as_their_frames(
    tmp_path: Path, now: Any, then: Any
) -> None:
    before = pa.table({"prediction": pa.array(then)})
    suite = [{"expect_prediction_shift_below": {"max_effect_size": 0.1}}]
    check(suite, pa.table({"prediction": pa.array(now)}), tmp_path, {}, rounded=True, previous=before)


def test_predictions_without_a_version_before_pass_over_rows(tmp_path: Path) -> None:
    check([{"expect_prediction_shift_below": {"max_effect_size": 0.1}}], pa.table({"prediction": [1, 2]}), tmp_path, {})


@pytest.mark.parametrize("second", [None, [None, "k1", "k99"] * 10, ["z9", "k1", "z8"] * 10])
@pytest.mark.parametrize("first", [["k1", "k2", "k2"] * 10, ["k1", "z1", None] * 10, [f"y{i}" for i in range(30)]])
def test_parents_in_parts_are_looked_up_as_those_of_the_frame(tmp_path: Path, first: Any, second: Any) -> None:
    columns = {"sample_id": first, "second_parent_id": second}
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items() if values})
    train = source().rename_columns({"key": "sample_id"})
    check(["expect_parents_exist"], table, tmp_path, {"train": train}, stage="sampler", id="sample_id")
    numbers = train.set_column(0, "sample_id", pa.array(range(N)))
    check(["expect_parents_exist"], table, tmp_path / "numbers", {"train": numbers}, stage="sampler", id="sample_id")


def test_reports_are_judged_in_memory_and_closed_where_they_are_too_long() -> None:
    report = pa.table({"model": ["a"], "version": [3], "in_use": [True], "moved": [True], "metric": ["accuracy"],
                       "value": [0.5], "said": ["moved"]})  # fmt: skip
    suite = parse_suite(["expect_model_in_use"], where="gates")
    with AskedRows.of_table(report) as rows:
        assert judge_rows(suite, rows, StaticContext()) == judge(suite, pandas_frame(report), StaticContext())
        (long,) = judge_rows(suite, rows, StaticContext(), in_memory=0)
    assert not long.passed


def test_table_without_rows_that_may_be_empty_passes_over_rows() -> None:
    suite = parse_suite(["expect_unique_ids", {"expect_row_count_at_least": {"rows": 0}}], where="gates")
    with AskedRows.of_table(source().slice(0, 0)) as rows:
        found = judge_rows(suite, rows, StaticContext(id="key", may_be_empty=True), in_memory=0)
    assert all(judgement.passed for judgement in found)


@pytest.mark.parametrize("change", ["sound", "design", "not finite", "other rows", "no features", "constant"])
def test_balance_of_weights_in_parts_is_that_of_the_frame_but_for_rounding(tmp_path: Path, change: str) -> None:
    rng = np.random.default_rng(8)
    ids = np.array([f"k{i}" for i in range(N)], dtype=object)
    names = ["a", "b", "c"]
    X, design = rng.normal(size=(N, 3)), rng.uniform(1, 2, size=N) if change == "design" else None
    X[3, 1] = np.nan if change == "not finite" else 0
    X[:, 2] = 1 if change == "constant" else X[:, 2]
    features = {
        "train": Features(ids, X, names, design),
        "target": Features(ids[:50], X[:50] + np.array([0.5, 0, 0]), names),
    }
    if change == "no features":
        features.pop("target")
    if change == "other rows":
        features["train"] = features["train"]._replace(ids=ids[:80], matrix=X[:80])
    table = weights(weight=pa.array(np.exp(np.nan_to_num(X[:, 0]))))
    suite = ["expect_balance", {"expect_balance": {"max_standardized_difference": 2.0}}, "expect_improved_balance"]
    if change == "other rows":
        with AskedRows.of_table(table) as rows:
            found = judge_rows(parse_suite(suite, where="gates"), rows, StaticContext(stored_features=features))
        assert not any(judgement.passed for judgement in found)
        assert "90 rows have weights, but 80 have features" in found[0].message
    else:
        check(suite, table, tmp_path, {}, rounded=True, stored_features=features)


def test_few_rows_of_long_vectors_are_not_loaded_at_once() -> None:
    table = pa.table({"sample_id": range(3), "features": pa.array([[1.0] * 4000] * 3, pa.list_(pa.float64(), 4000))})
    asked = {"column": "sample_id", "max_value": 9, "row_condition": "sample_id > 0"}
    suite = parse_suite([{"expect_column_max_to_be_between": asked}], where="gates")
    with AskedRows.of_table(table) as rows:
        assert judge_rows(suite, rows, StaticContext(), in_memory=13_000)[0].passed
        (closed,) = judge_rows(suite, rows, StaticContext(), in_memory=12_000)
    assert "not loaded at once" in closed.message
