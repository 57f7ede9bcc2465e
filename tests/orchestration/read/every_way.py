"""One table written in every way that people have tables in: files, a database, and what assets give."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import strategies as st

from ballast.orchestration.read.sources import read_table
from ballast.orchestration.spec.data import DataSpec
from ballast.warehouse.names import literal, quoted
from ballast.warehouse.tables.frames import pandas_frame

_MISSING = {"", "NA", "N/A", "NaN", "NULL", "null", "None", "#N/A"}
_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from('",;\n\\'), min_size=1, max_size=12)
_STAMPS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
_NINES, _UUID = Decimal("9" * 38), "6b5f1c1e-0000-4000-8000-000000000000"
_INF, _NAN = float("inf"), float("nan")


def whole(low: int, high: int, kind: pa.DataType) -> tuple[pa.DataType, list, st.SearchStrategy]:
    return kind, [low, high, 0], st.integers(low, high)


def decimals(digits: int, scale: int) -> tuple[pa.DataType, list, st.SearchStrategy]:
    wide = 10**digits - 1
    values = st.integers(-wide, wide).map(lambda n: Decimal((n < 0, tuple(map(int, str(abs(n)))), -scale)))
    return pa.decimal128(digits, scale), [Decimal(f"{sign}{wide}e-{scale}") for sign in ("", "-")], values


def stamps(unit: str, *values: Any, zone: str | None = None) -> tuple[pa.DataType, list, st.SearchStrategy]:
    cut = {"s": 10**6, "ms": 1000}.get(unit, 1)
    drawn = _STAMPS.map(lambda t: t.replace(microsecond=t.microsecond // cut * cut, tzinfo=UTC if zone else None))
    near = st.integers(-(2**62), 2**62).map(lambda n: pd.Timestamp(n, unit="ns"))
    return pa.timestamp(unit, zone), list(values), near if unit == "ns" else drawn


TYPES: dict[str, tuple[pa.DataType, list, st.SearchStrategy]] = {
    "TINYINT": whole(-(2**7), 2**7 - 1, pa.int8()),
    "SMALLINT": whole(-(2**15), 2**15 - 1, pa.int16()),
    "INTEGER": whole(-(2**31), 2**31 - 1, pa.int32()),
    "BIGINT": whole(-(2**63), 2**63 - 1, pa.int64()),
    "UTINYINT": whole(0, 2**8 - 1, pa.uint8()),
    "USMALLINT": whole(0, 2**16 - 1, pa.uint16()),
    "UINTEGER": whole(0, 2**32 - 1, pa.uint32()),
    "UBIGINT": whole(0, 2**64 - 1, pa.uint64()),
    "HUGEINT": decimals(38, 0),
    "UHUGEINT": (pa.decimal128(38, 0), [_NINES, Decimal(0)], st.integers(0, 10**38 - 1).map(Decimal)),
    "DECIMAL(38,10)": decimals(38, 10),
    "DECIMAL(12,2)": decimals(12, 2),
    "FLOAT": (pa.float32(), [_NAN, _INF, -_INF, -0.0, 1e-45, 3.4028234663852886e38], st.floats(width=32)),
    "DOUBLE": (pa.float64(), [_NAN, _INF, -_INF, -0.0, 5e-324, 1.7976931348623157e308, 0.1, 1e22], st.floats()),
    "BOOLEAN": (pa.bool_(), [True, False], st.booleans()),
    "VARCHAR": (
        pa.string(),
        ["ü", "😀", 'a,"b"', "l\nl", "'", "\\x00", " x ", "0x1F", "1e5", "\t", "007"],
        _TEXT.filter(lambda text: text not in _MISSING),
    ),
    "BLOB": (pa.binary(), [b"abc", b"\x00\xff", b",", b"a\0"], st.binary(min_size=1, max_size=8)),
    "UUID": (pa.string(), [_UUID], st.uuids().map(str)),
    "ENUM('a', 'b,c', 'ü')": (pa.string(), ["a", "b,c", "ü"], st.sampled_from(["a", "b,c", "ü"])),
    "BIT": (pa.string(), ["0101", "1"], st.text("01", min_size=1, max_size=12)),
    "JSON": (pa.string(), ['{"a":1}', '{"a":"ü"}'], st.integers(0, 9).map('{{"a":{}}}'.format)),
    "DATE": (pa.date32(), [date(1, 1, 1), date(9999, 12, 31)], st.dates()),
    "TIME": (pa.time64("us"), [time(0), time(23, 59, 59, 999_999)], st.times()),
    "TIMESTAMP_S": stamps("s", datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)),
    "TIMESTAMP_MS": stamps("ms", datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_000)),
    "TIMESTAMP": stamps("us", datetime(1, 1, 1, microsecond=1), datetime(9999, 12, 31, 23, 59, 59, 999_999)),
    "TIMESTAMP_NS": stamps("ns", pd.Timestamp("2024-01-01 00:00:00.123456789"), pd.Timestamp("1678-01-01")),
    "TIMESTAMPTZ": stamps("us", datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, 1, 2, 3, 4, UTC), zone="UTC"),
    "INTERVAL": (
        pa.duration("us"),
        [timedelta(1), -timedelta(hours=3, microseconds=1), timedelta(1000)],
        st.timedeltas(-timedelta(10**5), timedelta(10**5)),
    ),
}
"""By DuckDB's type: what a column is kept as, values at the edges of it, and others. Of them all are true features."""

NESTED: dict[str, tuple[pa.DataType, list]] = {
    "BIGINT[]": (pa.list_(pa.int64()), [[2**53 + 1, None], []]),
    "VARCHAR[]": (pa.list_(pa.string()), [["l\nl", 'q"q', "b\\b", "é"], ["NULL", "", " a ", "[", "a,b"], [None], []]),
    "DECIMAL(5,2)[]": (pa.list_(pa.decimal128(5, 2)), [[Decimal("1.50")]]),
    "HUGEINT[]": (pa.list_(pa.decimal128(38, 0)), [[_NINES]]),
    "DATE[]": (pa.list_(pa.date32()), [[date(2024, 1, 1)]]),
    "TIME[]": (pa.list_(pa.time64("us")), [[time(1, 2, 3, 400_000)]]),
    "TIMESTAMP[]": (pa.list_(pa.timestamp("us")), [[datetime(2024, 1, 1, 1, 2, 3, 400_000)]]),
    "BLOB[]": (pa.list_(pa.binary()), [[b"ab"]]),
    "BIGINT[][]": (pa.list_(pa.list_(pa.int64())), [[[2**53 + 1], []]]),
    "BIGINT[2]": (pa.list_(pa.int64(), 2), [[2**53 + 1, 1]]),
    "FLOAT[3]": (pa.list_(pa.float32(), 3), [[1.5, 2.0, -0.5]]),
    "STRUCT(a BIGINT, b VARCHAR)": (
        pa.struct([("a", pa.int64()), ("b", pa.string())]),
        [{"a": 2**53 + 1, "b": "l\nl"}, {"a": None, "b": "it's, 'so'"}],
    ),
    "STRUCT(a DATE, b DOUBLE[])": (
        pa.struct([("a", pa.date32()), ("b", pa.list_(pa.float64()))]),
        [{"a": date(2024, 1, 1), "b": [1.5, None]}],
    ),
    "MAP(VARCHAR, BIGINT)": (pa.map_(pa.string(), pa.int64()), [[("x", 2**53 + 1)], []]),
}

Written = tuple[dict, Any]
"""The keys of a data role, and the value of an asset."""

TEXTS = ("CSV", "JSON", "several CSV", "several JSON")
WAYS = (*TEXTS, "Parquet", "several Parquet", "DuckDB", "relation", "Arrow", "pandas", "pandas on Arrow", "Polars")
BOTH_PARQUETS = ("Parquet", "several Parquet")
OTHERS = {
    "HUGEINT": BOTH_PARQUETS, "UHUGEINT": BOTH_PARQUETS, "HUGEINT[]": BOTH_PARQUETS,  # DuckDB writes them as floats
    "INTERVAL": (*BOTH_PARQUETS, "Polars"),  # it writes milliseconds, and Polars takes no interval
    "BIT": ("Arrow", "pandas", "pandas on Arrow", "Polars"),  # it gives bytes of its own
    "MAP(VARCHAR, BIGINT)": ("pandas",),  # which has no map: a list of pairs of several types
}  # fmt: skip
"""The ways in which a type is written as another one, before anything reads it."""


def table_of(kinds: dict[str, str], columns: dict[str, list]) -> pa.Table:
    """Gives columns, and an id, in the types that they are kept in; `kinds` are DuckDB's, by column."""
    n = len(next(iter(columns.values())))
    made = {name: pa.array(values, kept(kinds[name])) for name, values in columns.items()}
    return pa.table({"id": pa.array(range(n), pa.int64()), **made})


def kept(kind: str) -> pa.DataType:
    return (TYPES.get(kind) or NESTED[kind])[0]


def without_nan(table: pa.Table) -> pa.Table:
    columns = [pa.array(c.to_pylist(), c.type, from_pandas=pa.types.is_floating(c.type)) for c in table.columns]
    return pa.table(columns, schema=table.schema)


def written(
    folder: Path, table: pa.Table, kinds: dict[str, str], wanted: Iterable[str] = WAYS, sql: str = ""
) -> dict[str, Written]:
    """Writes a table in every wanted way that holds its types, with a column x of `sql` where that is given."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.register("given", table)
    casts = "".join(f", CAST({quoted(name)} AS {kind}) AS {quoted(name)}" for name, kind in kinds.items())
    more = f", {sql} AS x" if sql else ""
    con.execute(f"CREATE TABLE rows AS SELECT id{casts}{more} FROM given ORDER BY id")
    con.execute(f"ATTACH {literal(f'{folder}/shop.duckdb')} AS shop")
    con.execute("CREATE TABLE shop.rows AS FROM rows")
    con.execute("DETACH shop")
    arrow = con.execute("FROM rows ORDER BY id").to_arrow_table()
    assets: dict[str, Callable[[], Any]] = {
        "relation": lambda: con.sql("FROM rows ORDER BY id"),
        "Arrow": lambda: arrow,
        "pandas": lambda: pandas_frame(arrow),
        "pandas on Arrow": lambda: arrow.to_pandas(types_mapper=pd.ArrowDtype),
        "Polars": lambda: pl.from_arrow(arrow),
    }
    half = (len(table) + 1) // 2
    ways: dict[str, Written] = {}
    for way in wanted:
        if any(way in OTHERS.get(kind, ()) for kind in kinds.values()):
            continue
        ending = way.lower().split()[-1]
        if way in assets:
            ways[way] = ({"asset": "rows"}, assets[way]())
        elif way == "DuckDB":
            ways[way] = ({"query": "FROM rows ORDER BY id", "database": "shop.duckdb"}, None)
        elif not way.startswith("several"):
            _copy(con, folder / f"all.{ending}", "true")
            ways[way] = ({"path": f"all.{ending}"}, None)
        elif half < len(table):
            _copy(con, folder / f"part1.{ending}", f"id < {half}")
            _copy(con, folder / f"part2.{ending}", f"id >= {half}")
            ways[way] = ({"path": f"part*.{ending}"}, None)
    return ways


def _copy(con: duckdb.DuckDBPyConnection, file: Path, rows: str) -> None:
    con.execute(f"COPY (FROM rows WHERE {rows} ORDER BY id) TO {literal(str(file))}")


def read(folder: Path, way: Written, like: pa.Schema | None = None, **keys: Any) -> pa.Table:
    spec = DataSpec(id="id", **way[0], **keys)
    return read_table(spec, where="data.test", folder=folder, given=way[1], like=like)


def edges(kinds: list[str]) -> tuple[pa.Table, dict[str, str]]:
    """Gives a table with a column a type, of the values at its edges and gaps."""
    values = {f"x{i}": (TYPES.get(kind) or NESTED[kind])[1] for i, kind in enumerate(kinds)}
    longest = max(map(len, values.values())) + 1
    columns = {name: [*some, *[None] * (longest - len(some))] for name, some in values.items()}
    named = dict(zip(values, kinds, strict=True))
    return table_of(named, columns), named
