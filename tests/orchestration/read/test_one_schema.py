"""One table, written in seven ways, comes back as the same rows: whatever the source, the training schema decides."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.read.sources import read_batches, read_table
from ballast.orchestration.spec.pipeline import DataSpec
from ballast.warehouse.tables.frames import pandas_frame

_MISSING = {"", "NA", "N/A", "NaN", "NULL", "null", "None", "#N/A"}
_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from('",;\n'), min_size=1, max_size=12)
_STAMPS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
COLUMNS = {
    "whole": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "small": (pa.int8(), st.integers(-128, 127)),
    "wide": (pa.decimal128(38, 0), st.integers(-(10**38) + 1, 10**38 - 1).map(Decimal)),
    "unsigned": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "float": (pa.float64(), st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)),
    "money": (pa.decimal128(12, 2), st.integers(-(10**12) + 1, 10**12 - 1).map(lambda n: Decimal(n).scaleb(-2))),
    "truth": (pa.bool_(), st.booleans()),
    "text": (pa.string(), _TEXT.filter(lambda t: t not in _MISSING)),
    "day": (pa.date32(), st.dates(date(1, 1, 2))),
    "stamp": (pa.timestamp("us"), _STAMPS),
    "zoned": (pa.timestamp("us", "UTC"), _STAMPS.map(lambda t: t.replace(tzinfo=UTC))),
    "clock": (pa.time64("us"), st.times()),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    n = draw(st.integers(1, 12))
    names = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=6, unique=True))
    ids = draw(st.sampled_from(["{}", "{:05d}", "r{}", "1234567890123456789{}"]))
    made = [int(i) if (i := ids.format(k)).isdigit() and str(int(i)) == i and int(i) < 2**63 else i for k in range(n)]
    columns = {"id": pa.array(made if len({type(i) for i in made}) == 1 else [str(i) for i in made])}
    for name in names:
        kind, values = COLUMNS[name]
        columns[name] = pa.array(draw(st.lists(st.none() | values, min_size=n, max_size=n)), kind)
    return pa.table(columns)


def sources(folder: Path, table: pa.Table) -> dict[str, tuple[dict, object]]:
    """Writes a table in every way; gives the keys of a data role, and the value of an asset, by the way."""
    half = (len(table) + 1) // 2
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(f"ATTACH '{folder}/shop.duckdb' AS shop")
        for name, part in (("all", table), ("part1", table.slice(0, half)), ("part2", table.slice(half))):
            con.register("rows", part)
            for ending in ("csv", "parquet", "json"):
                if len(part):
                    con.execute(f"COPY (FROM rows) TO '{folder}/{name}.{ending}'")
        con.register("rows", table)
        con.execute("CREATE TABLE shop.rows AS FROM rows")
    return {
        "CSV": ({"path": "all.csv"}, None),
        "JSON": ({"path": "all.json"}, None),
        "Parquet": ({"path": "all.parquet"}, None),
        "several CSV": ({"path": "part*.csv"}, None),
        "several Parquet": ({"path": "part*.parquet"}, None),
        "DuckDB": ({"query": "FROM rows", "database": "shop.duckdb"}, None),
        "Arrow": ({"asset": "rows"}, table),
        "pandas": ({"asset": "rows"}, pandas_frame(table)),
        "pandas on Arrow": ({"asset": "rows"}, table.to_pandas(types_mapper=pd.ArrowDtype)),
    }


def assert_all_give(folder: Path, table: pa.Table) -> None:
    for way, (keys, value) in sources(folder, table).items():
        role = {"where": f"{way}: data.test", "folder": folder, "given": value, "like": table.schema}
        read = read_table(DataSpec(id="id", **keys), **role)
        assert read.schema == table.schema, way
        assert read.equals(table), f"{way}: {read.to_pydict()} is not {table.to_pydict()}"
        with read_batches(DataSpec(id="id", **keys), **role) as batches:
            assert batches.read_all().equals(table), f"{way}, in batches"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_table_written_in_any_way_gives_the_same_rows(tmp_path_factory: pytest.TempPathFactory, table: pa.Table):
    assert_all_give(tmp_path_factory.mktemp("rows"), table)


def test_long_table_written_in_any_way_gives_the_same_rows(tmp_path: Path):
    rng, n = np.random.default_rng(0), 100_000
    gaps = rng.random(n) < 0.1
    table = pa.table(
        {
            "id": pa.array(np.arange(n)),
            "whole": pa.array(rng.integers(-(2**62), 2**62, n), mask=gaps),
            "float": pa.array(rng.normal(size=n) * 10.0 ** rng.integers(-300, 300, n), mask=gaps),
            "text": pa.array([f"ü{k % 17}, 'q'" for k in range(n)], mask=gaps),
            "stamp": pa.array(rng.integers(0, 2**50, n).astype("datetime64[us]"), mask=gaps),
        }
    )
    assert_all_give(tmp_path, table)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_partition_of_zoned_times_is_the_same_under_any_time_zone(tmp_path: Path, monkeypatch, zone: str):
    import time as clock

    monkeypatch.setenv("TZ", zone)
    clock.tzset()
    try:
        stamps = pd.date_range("2024-03-09", periods=96, freq="h", tz="America/New_York")
        frame = pd.DataFrame({"id": range(96), "at": stamps, "n": time(1).hour})
        frame.to_parquet(tmp_path / "rows.parquet")
        frame.to_csv(tmp_path / "rows.csv", index=False)
        day = Partition("day", (datetime(2024, 3, 10, 5, tzinfo=UTC), datetime(2024, 3, 11, 4, tzinfo=UTC)))
        kept = [
            read_table(DataSpec(id="id", path=f"rows.{e}"), where="w", folder=tmp_path, partition=("at", day))
            for e in ("parquet", "csv")
        ]
        assert [table["id"].to_pylist() for table in kept] == [list(range(24, 47))] * 2
    finally:
        monkeypatch.undo()
        clock.tzset()
