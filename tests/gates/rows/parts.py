"""Tables in parts, held against their frames."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from contextlib import ExitStack
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ballast.gates import Judgement, StaticContext, judge, parse_suite
from ballast.gates.rows.judging import judge_rows
from ballast.warehouse.asked import AskedRows
from ballast.warehouse.tables.frames import pandas_frame

N = 90


def quickly(made: Iterable[str], *quick: str) -> list[Any]:
    """Gives the names of tables to be judged; all but the quick ones in the full suite alone."""
    return [pytest.param(name, marks=() if name in quick else pytest.mark.full) for name in made]


def files_of(table: pa.Table, folder: Path, name: str = "part") -> list[str]:
    """Writes a table as three files of row groups of 7 rows, and one without rows."""
    folder.mkdir(exist_ok=True, parents=True)
    cuts = [0, table.num_rows // 3, table.num_rows // 3, 2 * table.num_rows // 3, table.num_rows]
    names = []
    for place, (start, stop) in enumerate(pairwise(cuts)):
        names.append(str(folder / f"{name}-{place}.parquet"))
        pq.write_table(table.slice(start, stop - start), names[-1], row_group_size=7)
    return names


def source(**changes: Any) -> pa.Table:
    """A source of every type, with nulls and NaN."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=N)
    x[[5, 40]] = np.nan
    columns: dict[str, Any] = {
        "key": pa.array([f"k{i}" for i in range(N)]),
        "label": pa.array((np.arange(N) % 3).tolist(), pa.int64()),
        "x": pa.array(x),
        "whole": pa.array([None if i % 11 == 0 else i for i in range(N)], pa.int32()),
        "colour": pa.array([["red", "green", None][i % 3] for i in range(N)]).dictionary_encode(),
        "text": pa.array([f"word {i % 4}" for i in range(N)]),
        "price": pa.array([Decimal(i).scaleb(-2) for i in range(N)], pa.decimal128(10, 2)),
        "day": pa.array([dt.date(2024, 1, 1 + i % 28) for i in range(N)]),
        "at": pa.array([dt.datetime(2024, 1, 1, i % 24) for i in range(N)], pa.timestamp("us", "Europe/Berlin")),
        "clock": pa.array([dt.time(i % 24, 30) for i in range(N)]),
        "lasts": pa.array([dt.timedelta(hours=i % 9) for i in range(N)], pa.duration("us")),
        "good": pa.array([None if i % 7 == 0 else i % 2 == 0 for i in range(N)]),
    }
    table = pa.table({name: value for name, value in (columns | changes).items() if value is not None})
    return table.rename_columns([str(name) for name in table.column_names])


def check(
    entries: list[Any],
    table: pa.Table,
    folder: Path,
    beside: dict[str, pa.Table],
    rounded: bool = False,
    **context: Any,
) -> None:
    """Holds the judgements of rows in files to those of the frame; rounded: floats to twelve digits."""
    suite = parse_suite(entries, where="gates")
    previous = context.pop("previous", None)
    frames = {role: pandas_frame(other) for role, other in beside.items()}
    of_frame = StaticContext(
        **context, stored_tables=frames, stored_previous=None if previous is None else (3, pandas_frame(previous))
    )
    with ExitStack() as opened:

        def asked(rows: pa.Table, name: str) -> AskedRows:
            return opened.enter_context(AskedRows.of_files(files_of(rows, folder, name)))

        of_rows = StaticContext(
            **context,
            stored_rows={role: asked(other, role) for role, other in beside.items()},
            stored_previous_rows=None if previous is None else (3, asked(previous, "old")),
        )
        found = judge_rows(suite, asked(table, "part"), of_rows, in_memory=0)
    expected = judge(suite, pandas_frame(table), of_frame)
    form = _rounded if rounded else str
    apart = [
        f"{one}\n{other}" for one, other in zip(map(form, found), map(form, expected), strict=True) if one != other
    ]
    assert not apart, "\n\n".join(apart)


def _rounded(judgement: Judgement) -> str:
    """Gives a judgement with numbers of twelve digits, of instants microseconds."""
    text = re.sub(r"(\d{2}:\d{2}:\d{2}\.\d{6})\d+", r"\1", str(judgement))
    return re.sub(r"-?\d+\.\d+(e[-+]\d+)?", lambda found: f"{float(found[0]):.12g}", text)
