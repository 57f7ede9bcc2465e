"""One table, written in every way, comes back as the same rows: whatever the source, the training schema decides."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ballast.errors import BallastError, DataError
from ballast.methods.features.encoder import FeatureEncoder
from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.read.sources import conversions, read_batches, read_table
from ballast.orchestration.spec.data import DataSpec
from ballast.warehouse import Warehouse, matrix_of
from ballast.warehouse.tables.frames import pandas_frame
from tests.orchestration.projects import Project
from tests.orchestration.read.every_way import (
    NESTED,
    OTHERS,
    TEXTS,
    TYPES,
    WAYS,
    edges,
    read,
    table_of,
    without_nan,
    written,
)  # fmt: skip


def assert_same(made: pa.Table, right: pa.Table, way: str) -> None:
    assert made.schema == right.schema, way
    for name in right.column_names:
        ours, theirs = made[name], right[name]
        same = ours.equals(theirs) if len(right) > 100 else repr(ours.to_pylist()) == repr(theirs.to_pylist())
        assert same, f"{way}: {ours.slice(0, 100).to_pylist()} is not {theirs.slice(0, 100).to_pylist()}"


def assert_all_give(folder: Path, table: pa.Table, kinds: dict[str, str]) -> None:
    right = without_nan(table)
    for name, way in written(folder, table, kinds).items():
        assert_same(read(folder, way, table.schema), right, name)
        spec = DataSpec(id="id", **way[0])
        with read_batches(spec, where="data.test", folder=folder, given=way[1], like=table.schema) as batches:
            assert_same(batches.read_all(), right, f"{name}, in batches")


@pytest.mark.parametrize("way", WAYS)
def test_every_type_written_in_a_way_gives_the_same_values(tmp_path: Path, way: str):
    kinds = [k for k in (*TYPES, *NESTED) if way not in OTHERS.get(k, ())]
    table, named = edges(kinds)
    assert_same(read(tmp_path, written(tmp_path, table, named, [way])[way], table.schema), without_nan(table), way)


# What a text file cannot tell by itself. Floats of 32 bits, bytes and intervals have no word: the schema alone says.
WORDS = {"VARCHAR": "text", "UUID": "text", "ENUM('a', 'b,c', 'ü')": "text", "BIT": "text", "JSON": "text",
         "DOUBLE": "double", "DECIMAL(38,10)": "decimal(38, 10)", "DECIMAL(12,2)": "decimal(12, 2)"}  # fmt: skip
UNTOLD = {"FLOAT", "BLOB", "INTERVAL"}


@st.composite
def tables(draw: st.DrawFn) -> tuple[pa.Table, dict[str, str]]:
    n = draw(st.integers(1, 12))
    kinds = draw(st.lists(st.sampled_from(sorted(TYPES)), min_size=1, max_size=5, unique=True))
    named = {f"x{i}": kind for i, kind in enumerate(kinds)}
    cells = {name: st.none() | st.sampled_from(TYPES[kind][1]) | TYPES[kind][2] for name, kind in named.items()}
    return table_of(named, {name: draw(st.lists(cell, min_size=n, max_size=n)) for name, cell in cells.items()}), named


def matrix(warehouse: Warehouse, table: pa.Table) -> np.ndarray | str:
    """Gives the matrix that the encoder makes of a table's stored rows, or what kind of error says that it cannot."""
    warehouse.commit("rows/x", table)
    try:
        return FeatureEncoder().fit_transform(pandas_frame(warehouse.read_arrow("rows/x")).drop(columns="id"))
    except DataError as error:
        return type(error).__name__


def test_bytes_that_end_in_zero_are_features(tmp_path: Path):
    table = table_of({"x": "BLOB"}, {"x": [None, b"a", b"a\0", b"a\0\0"]})
    warehouse = Warehouse(f"duckdb:///{tmp_path}/store.duckdb")
    warehouse.commit("rows/x", table)
    encoder = FeatureEncoder().fit(pandas_frame(warehouse.read_arrow("rows/x"))[["x"]])
    assert list(encoder.get_feature_names_out()) == ["x_a", "x_a\0", "x_a\0\0", "x_nan"]


def assert_same_matrix(folder: Path, table: pa.Table, kinds: dict[str, str]) -> None:
    warehouse = Warehouse(f"duckdb:///{folder}/store.duckdb")
    right = matrix(warehouse, without_nan(table))
    seen = {str(table.schema)}
    for name, way in written(folder, table, kinds).items():
        assert_same(read(folder, way, table.schema), without_nan(table), name)
        if name in TEXTS and UNTOLD & set(kinds.values()):
            continue
        words = {column: WORDS[kind] for column, kind in kinds.items() if name in TEXTS and kind in WORDS}
        alone = read(folder, way, types=words)  # as the training rows are read
        if str(alone.schema) not in seen:  # the values are the same, so that their types alone can make a difference
            seen.add(str(alone.schema))
            np.testing.assert_array_equal(matrix(warehouse, alone), right, err_msg=f"{name}: {alone.schema}")


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=tables())
def test_table_written_in_any_way_gives_the_same_rows_and_the_same_matrix(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[pa.Table, dict[str, str]]
):
    assert_same_matrix(tmp_path_factory.mktemp("rows"), *drawn)


@pytest.mark.full
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=tables())
def test_many_tables_written_in_any_way_give_the_same_rows_and_the_same_matrix(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[pa.Table, dict[str, str]]
):
    assert_same_matrix(tmp_path_factory.mktemp("rows"), *drawn)


_PLAIN = ("BIGINT", "DOUBLE", "VARCHAR", "TIMESTAMP")
_ALL = tuple(kind for kind in TYPES if kind not in OTHERS)


@pytest.mark.parametrize(
    ("n", "kinds"),
    [
        (1, _ALL),
        (20_000, _PLAIN),
        pytest.param(100_000, _ALL, marks=pytest.mark.full),
    ],
    ids=["one row", "many rows", "many rows of every type"],
)
def test_table_of_any_length_written_in_any_way_gives_the_same_rows(tmp_path: Path, n: int, kinds: tuple[str, ...]):
    rng = np.random.default_rng(n)
    columns = {f"x{i}": [*TYPES[kind][1], None] for i, kind in enumerate(kinds)}
    named = dict(zip(columns, kinds, strict=True))
    drawn = {name: [pool[i] for i in rng.integers(0, len(pool), n)] for name, pool in columns.items()}
    assert_all_give(tmp_path, table_of(named, drawn), named)


REFUSED = {
    "UNION": ("union_value(n := 1)", ("DuckDB", "relation", "Arrow", "pandas on Arrow")),
    "TIMETZ": ("'10:00:00+02'::TIMETZ", ("DuckDB", "relation", "Parquet")),  # Arrow's has lost its zone
    "39 digits": ("170141183460469231731687303715884105727::HUGEINT", ("DuckDB", "relation")),
    "infinite date": ("'infinity'::DATE", ("DuckDB", "relation", "Arrow", "pandas on Arrow", "Polars", "Parquet")),
    "infinite time": (
        "'infinity'::TIMESTAMP",
        ("DuckDB", "relation", "Arrow", "pandas", "pandas on Arrow", "Polars", "Parquet"),
    ),
}


@pytest.mark.parametrize(("sql", "ways"), REFUSED.values(), ids=REFUSED)
def test_type_that_is_not_kept_is_refused_from_every_source_that_has_it(tmp_path: Path, sql: str, ways: tuple):
    table = pa.table({"id": pa.array([0, 1], pa.int64())})
    found = written(tmp_path, table, {}, ways, sql)
    warehouse = Warehouse(f"duckdb:///{tmp_path}/store.duckdb")
    for name in ways:
        with pytest.raises(BallastError, match="column 'x'"):
            warehouse.commit("rows/x", read(tmp_path, found[name]))
    assert warehouse.commits("rows/x") == []


POLARS: dict[str, tuple[pl.Series, list]] = {
    "Categorical": (pl.Series(["a", "b", None], dtype=pl.Categorical), ["a", "b", None]),
    "Enum": (pl.Series(["a", "b", None], dtype=pl.Enum(["b", "a"])), ["a", "b", None]),
    "Decimal": (pl.Series([Decimal("1.50"), None, Decimal(2)]), [Decimal("1.50"), None, Decimal("2.00")]),
    "Duration": (pl.Series([timedelta(1), None, timedelta(microseconds=1)]),
                 [timedelta(1), None, timedelta(microseconds=1)]),
    "Null": (pl.Series([None] * 3), [None] * 3),
    "Array": (pl.Series([[1.5, 2.0]] * 3, dtype=pl.Array(pl.Float32, 2)), [[1.5, 2.0]] * 3),
    "Struct": (pl.Series([{"a": 1, "b": ["x"]}, None, {"a": None, "b": []}]),
               [{"a": 1, "b": ["x"]}, None, {"a": None, "b": []}]),
    "Datetime": (pl.Series([datetime(2024, 1, 1)] * 3).dt.replace_time_zone("Europe/Paris"),
                 [datetime(2023, 12, 31, 23, tzinfo=UTC)] * 3),
    "Time": (pl.Series([time(1, 2, 3, 4)] * 3), [time(1, 2, 3, 4)] * 3),
}  # fmt: skip


@pytest.mark.parametrize(("series", "values"), POLARS.values(), ids=POLARS)
def test_column_of_polars_own_types_gives_its_values(tmp_path: Path, series: pl.Series, values: list):
    frame = pl.DataFrame({"id": [1, 2, 3], "x": series})
    assert read(tmp_path, ({"asset": "rows"}, frame))["x"].to_pylist() == values


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param(
            pl.DataFrame({"id": [1], "x": pl.Series([object()], dtype=pl.Object)}), "column 'x'", id="objects"
        ),
        pytest.param(
            pl.DataFrame({"id": [1], "x": pl.Series([10**30], dtype=pl.Int128)}), "column 'x'", id="128 bits"
        ),
    ],
)  # fmt: skip
def test_table_that_cannot_be_kept_is_refused_with_its_column(tmp_path: Path, given: Any, said: str):
    with pytest.raises(DataError, match=said):
        read(tmp_path, ({"asset": "rows"}, given))


@pytest.mark.parametrize("keys", [{"path": "rows.parquet"}, {"query": "FROM 'r*.parquet'"}], ids=["path", "query"])
@pytest.mark.parametrize("kind", [pa.time64("ns"), pa.timestamp("ns", "UTC")], ids=str)
def test_nanoseconds_that_duckdb_cuts_off_are_refused(tmp_path: Path, kind: pa.DataType, keys: dict):
    pq.write_table(pa.table({"id": [1], "x": pa.array([1001], kind)}), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match=r"'rows\.parquet': column 'x' holds nanoseconds"):
        read(tmp_path, (keys, None))
    pq.write_table(pa.table({"id": [1], "x": pa.array([1000], kind)}), tmp_path / "rows.parquet")
    assert conversions(read(tmp_path, (keys, None))) == {}


def test_nanoseconds_under_another_name_in_a_query_are_told(tmp_path: Path):
    pq.write_table(pa.table({"id": [1], "x": pa.array([1001], pa.timestamp("ns", "UTC"))}), tmp_path / "rows.parquet")
    told = conversions(
        read(tmp_path, ({"query": "SELECT id, x AS y, hour(x) AS h FROM read_parquet('rows.parquet')"}, None))
    )
    assert told == {"y": "converted: timestamp[ns, tz=UTC] of column 'x' in 'rows.parquet' to microseconds"}


@pytest.mark.full
def test_pipeline_whose_training_rows_are_written_in_any_way_stores_the_same_matrix(tmp_path: Path):
    kinds = ("BIGINT", "DOUBLE", "BOOLEAN", "VARCHAR", "DATE", "TIMESTAMPTZ", "TIME", "DECIMAL(12,2)")
    ways = ("CSV", "JSON", "Parquet", "several CSV", "DuckDB", "Arrow", "pandas", "Polars")
    rng = np.random.default_rng(0)
    pools = {f"x{i}": [*TYPES[kind][1], None] for i, kind in enumerate(kinds)}
    named = dict(zip(pools, kinds, strict=True))
    drawn = {name: [pool[j] for j in rng.integers(0, len(pool), 40)] for name, pool in pools.items()}
    matrices = {}
    for name, (keys, value) in written(tmp_path, table_of(named, drawn), named, ways).items():
        HANDED[name] = value
        source = keys if value is None else {"loader": f"{__name__}.handed", "params": {"way": name}}
        types = {column: WORDS[kind] for column, kind in named.items() if name in TEXTS and kind in WORDS}
        role = {**source, "id": "id", "types": types}
        steps = {"density": {"use": "density_ratio_classifier"}}
        project = Project(tmp_path, {"name": "demo", "data": {"train": role, "target": role}, "steps": steps})
        project.url = f"duckdb:///{tmp_path}/{name.replace(' ', '')}.duckdb"
        assert project.run("train", "target", "encoder").success, name
        matrices[name] = matrix_of(project.warehouse.read_arrow("demo/train/features"), "features")
    assert tuple(matrices) == ways
    for name, made in matrices.items():
        np.testing.assert_array_equal(made, matrices["DuckDB"], err_msg=name)


HANDED: dict[str, Any] = {}


def handed(way: str) -> Any:
    return HANDED[way]


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
            read_table(DataSpec(id="id", path=f"rows.{e}"), where="w", folder=tmp_path, partition={"at": day})
            for e in ("parquet", "csv")
        ]
        assert [table["id"].to_pylist() for table in kept] == [list(range(24, 47))] * 2
    finally:
        monkeypatch.undo()
        clock.tzset()
