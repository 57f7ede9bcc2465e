"""Ballast's expectations over rows in three parts, one of them empty: what the frame gives, word for word."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ballast.gates.rows.kinds import BESIDE, OF_REPORTS, OVER_ALL, ROW_BY_ROW, UNJUDGEABLE
from ballast.gates.suite import OWN
from tests.gates.rows.parts import N, check, source

SOURCE = {"id": "key", "label": "label", "role": "test", "stage": "source"}
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


@pytest.mark.parametrize("made", TABLES)
def test_source_in_parts_is_judged_as_its_frame(tmp_path: Path, made: str) -> None:
    check(ON_SOURCES, TABLES[made](), tmp_path, {}, **SOURCE)


WITH = {"with": ["train"]}
ON_ROLES: list[Any] = [
    {f"expect_{name}": WITH} for name in ("no_shared_ids", "same_schema", "known_categories", "known_labels")
]
RELATED: dict[str, Callable[[], pa.Table]] = TABLES | {
    "other ids": lambda: source(key=pa.array([f"z{i}" for i in range(N)])),
    "blanks": lambda: source(key=pa.array([f" k{i}\u2003" if i % 9 == 0 else f"z{i}" for i in range(N)])),
    "capitals": lambda: source(key=pa.array([f"K{i}" for i in range(N)])),
    "few capitals": lambda: source(key=pa.array([f"K{i}" if i < 20 else f"z{i}" for i in range(N)])),
    "fractions": lambda: source(whole=pa.array([i / 2 if i % 5 else None for i in range(N)])),
    "other types": lambda: source(text=pa.array(range(N)), x=pa.array(["x"] * N), good=None, price=pa.array([None] * N)),
    "other times": lambda: source(
        day=pa.array([dt.datetime(2024, 1, 1, i % 3) for i in range(N)], pa.timestamp("s")), clock=source()["day"],
        at=pa.array([dt.datetime(2024, 1, 1, i % 24) for i in range(N)], pa.timestamp("us")),
    ),
    "floats": lambda: source(x=pa.array(np.tile(np.float32([0.1, 0.2, 0.3]), 30))),
    "new values": lambda: source(
        colour=pa.array(["blue", "red", "red"] * 30).dictionary_encode(), text=pa.array([f"w {i}" for i in range(N)]),
        label=pa.array([0, 1, 7] * 30),
    ),
}  # fmt: skip


@pytest.mark.parametrize("made", RELATED)
def test_source_in_parts_beside_others_is_judged_as_its_frame(tmp_path: Path, made: str) -> None:
    train = source(x=pa.array(np.tile([0.1, 0.2, 0.3], 30)))
    check(ON_ROLES, RELATED[made](), tmp_path, {"train": train}, **SOURCE)
    check(ON_ROLES, train, tmp_path, {"train": RELATED[made]()} if made != "no label" else {}, **SOURCE)


def test_every_own_expectation_is_of_one_kind() -> None:
    kinds = [ROW_BY_ROW, OVER_ALL, BESIDE, OF_REPORTS, UNJUDGEABLE]
    assert sorted(name for kind in kinds for name in kind) == sorted(OWN)
