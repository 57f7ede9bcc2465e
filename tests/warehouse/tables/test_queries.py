"""SQL for people: reads everything, writes nothing."""

from __future__ import annotations

import os
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from ballast.errors import WarehouseError
from ballast.warehouse import matrix_table


@pytest.fixture
def filled(shared, weights):
    if shared.latest("digits/density") is None:
        shared.commit("digits/density", weights, method="kliep", parameters={"n_centers": 200})
    return shared


def test_sql_when_it_reads_then_views_and_records_answer(filled, weights):
    assert filled.sql("SELECT sum(weight) AS s FROM digits.density").s[0] == pytest.approx(weights.weight.sum())
    assert filled.sql("SELECT parameters->>'n_centers' AS n FROM ballast.commits").n.tolist() == ["200"]
    assert filled.sql("SELECT weight FROM digits.density WHERE sample_id = ?", ["s3"]).weight[0] == weights.weight[3]
    named = filled.sql("SELECT count(*) AS n FROM digits.density WHERE weight > $least", {"least": 1.0})
    assert named.n[0] == (weights.weight > 1).sum()
    assert "density" in filled.sql("SHOW ALL TABLES").name.tolist()


def test_sql_when_a_matrix_is_asked_for_then_it_is_an_array(filled):
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    filled.commit("digits/train/features", matrix_table([1, 2], {"X": matrix}))
    answer = filled.sql("SELECT typeof(X) AS kind, X[3] AS third FROM digits.train_features ORDER BY sample_id")
    assert answer.kind.tolist() == ["FLOAT[3]" if filled.home.arrays else "FLOAT[]"] * 2
    assert answer.third.tolist() == [2.0, 5.0]


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM ballast_store.commits",
        "INSERT INTO ballast_store.commits (asset) VALUES ('x')",
        "UPDATE ballast_store.commits SET version = 9",
        "DROP VIEW digits.density",
        "DROP SCHEMA digits CASCADE",
        "CREATE TABLE digits.mine AS SELECT 1",
        "CREATE OR REPLACE VIEW digits.density AS SELECT 1",
        "ALTER TABLE ballast_store.commits RENAME TO gone",
        "SELECT 1; DELETE FROM ballast_store.commits",
        "WITH x AS (SELECT 1) INSERT INTO ballast_store.commits (asset) SELECT 'x'",
        "EXPLAIN ANALYZE DELETE FROM ballast_store.commits",
        "COPY digits.density TO 'stolen.csv'",
        "ATTACH 'other.duckdb'",
        "COMMENT ON VIEW digits.density IS 'mine'",
        "PREPARE a AS COPY (SELECT 1) TO 'stolen.csv'; EXECUTE a",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO 'stolen.csv'",
        "EXPLAIN (ANALYZE, FORMAT json) COPY (SELECT 1) TO 'stolen.csv'",
        "EXPLAIN COPY (SELECT 1) TO 'stolen.csv'",
        "EXPLAIN/**/ANALYZE/**/SELECT 1",
        "EXPLAIN (FORMAT json, ANALYZE) SELECT 1",
        "EXPLAIN (ANALYZE false) SELECT 1",
        "EXPLAIN analyse SELECT 1",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "EXPORT DATABASE 'folder'",
        "PRAGMA enable_profiling='json'; PRAGMA profiling_output='stolen.json'; SELECT 1",
        "SET log_query_path='stolen.log'; SELECT 1",
        "CALL enable_logging(storage='file', storage_path='logs')",
        "SELECT * FROM enable_logging(storage='file', storage_path='logs')",
        "DESCRIBE SELECT * FROM enable_logging(storage='file', storage_path='logs')",
        "WITH a AS (SELECT 1) SELECT (SELECT count(*) FROM checkpoint()) FROM a",
        "SELECT * FROM query('SELECT * FROM checkpoint()')",
        "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
        "CREATE PERSISTENT SECRET s (TYPE S3)",
        "INSTALL httpfs",
        "LOAD 'x.duckdb_extension'",
        "FORCE CHECKPOINT",
        "CREATE TABLE memory.main.t AS SELECT 1",
        "CREATE TEMP TABLE t AS SELECT 1",
        "USE memory",
        "SELECT 1; SELECT 2",
        "PIVOT digits.density ON sample_id USING sum(weight)",
        "SELECT nextval('s')",
    ],
)
def test_sql_when_it_would_write_then_refused_and_nothing_changed(filled, weights, query, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = filled.commits(), filled.read("digits/density")
    with pytest.raises(WarehouseError, match="sql only reads, and this query would write"):
        filled.sql(query)
    assert filled.commits() == before[0]
    assert_frame_equal(filled.read("digits/density"), before[1])
    assert_frame_equal(filled.sql("SELECT * FROM digits.density"), before[1])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("query", ["SELEC 1", "SELECT * FROM digits.gone", "SELECT ?", "", "-- nothing"])
def test_sql_when_wrong_then_the_reason_is_given(filled, query):
    with pytest.raises(WarehouseError, match=r"query cannot be run|query is empty"):
        filled.sql(query)


@pytest.mark.parametrize(
    "query",
    [
        "FROM digits.density",
        "VALUES (1)",
        "DESCRIBE digits.density",
        "SUMMARIZE digits.density",
        "SHOW ALL TABLES",
        "EXPLAIN SELECT 1",
        "EXPLAIN (FORMAT json) SELECT 1",
        "EXPLAIN (SELECT 1)",
        "EXPLAIN SELECT * FROM digits.density AT (VERSION => 1)",
        "SELECT 1 /* twice */;;",
        "SELECT * FROM duckdb_settings()",
        "PIVOT digits.density ON sample_id IN ('s1') USING sum(weight)",
        "SELECT * FROM generate_series(1, 3), (SELECT unnest([1, 2]))",
    ],
)
def test_sql_when_it_is_any_way_to_read_then_it_answers(filled, query):
    assert len(filled.sql(query)) > 0


def test_sql_when_its_answer_has_types_that_pandas_lacks_then_they_come_as_the_nearest_or_are_refused(filled):
    answer = filled.sql(
        "SELECT sum(n) AS whole, max(d) AS exact, DATE '2024-01-02' AS day, INTERVAL 90 MINUTE AS span, 1 AS a, 2 AS a "
        "FROM (VALUES (9007199254740993, 1.25::DECIMAL(5, 2)), (NULL, NULL)) AS t(n, d)"
    )
    assert answer.to_dict("list") == {
        "whole": [2**53 + 1],
        "exact": [Decimal("1.25")],
        "day": [date(2024, 1, 2)],
        "span": [pd.Timedelta(minutes=90)],
        "a": [1],
        "a_1": [2],
    }
    with pytest.raises(WarehouseError, match="cast the column to VARCHAR"):
        filled.sql("SELECT DATE '290000-01-01' AS far")


def test_sql_when_a_variable_of_python_is_named_like_a_table_then_it_is_not_seen(filled):
    hidden = pd.DataFrame({"x": [1]})
    with pytest.raises(WarehouseError, match="does not exist"):
        filled.sql("SELECT * FROM hidden")
    assert len(hidden) == 1


FILES = [
    "SELECT * FROM '{file}'",
    "SELECT * FROM read_csv('{file}')",
    "EXPLAIN SELECT * FROM (FROM read_csv('{file}'))",
    "SELECT (SELECT count(*) FROM read_text('{file}')) FROM digits.density",
    "SELECT * FROM glob('{file}')",
    "SELECT * FROM query_table(['{file}'])",
]


@pytest.mark.parametrize("query", FILES)
def test_sql_when_it_reads_a_file_then_only_as_asked(filled, query, tmp_path):
    (tmp_path / "some.csv").write_text("a\n1\n")
    query = query.format(file=tmp_path / "some.csv")
    with pytest.raises(WarehouseError, match=r"reads a file .*: --files, or files=True in Python"):
        filled.sql(query)
    assert len(filled.sql(query, files=True)) > 0


def test_sql_when_a_lake_has_many_rows_then_its_own_files_are_read_and_none_beside_them(filled, tmp_path):
    filled.commit("digits/many", pd.DataFrame({"n": range(5000)}))
    assert filled.sql("SELECT sum(n) AS s FROM digits.many").s.tolist() == [12_497_500]
    assert filled.sql("SELECT count(*) AS n FROM digits.many AT (VERSION => 1)").n.tolist() == [5000]
    (tmp_path / "some.csv").write_text("a\n1\n")
    own = getattr(filled.home, "data", str(tmp_path))
    around = f"{own}/{os.path.relpath(tmp_path, own)}/some.csv"
    with pytest.raises(WarehouseError, match="reads a file"):
        filled.sql(f"""SELECT * FROM query_table(['"{around}"'])""")


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("SELECT max(at) FROM p.events", [7]),
        ("SELECT at AS at FROM p.events WHERE at > 5 ORDER BY at", [6, 7]),
        ("SELECT at at FROM p.events AS at AT (VERSION => 1) WHERE at.at IN (at, 5) AND 'é at' = 'é at' LIMIT 1", [5]),
        ("SELECT count(DISTINCT At) FROM p.events /* at */ at /* the first */ (VERSION => 1)", [3]),
        (
            "SELECT '2024-01-01 01:00:00+01'::TIMESTAMPTZ AT TIME ZONE 'UTC' FROM p.events LIMIT 1",
            [pd.Timestamp(2024, 1, 1)],
        ),
    ],
)
def test_sql_when_a_column_is_named_at_then_it_is_a_name_like_any_other(filled, query, answer):
    if filled.latest("p/events") is None:
        filled.commit("p/events", pd.DataFrame({"at": [5, 6, 7]}))
    assert filled.sql(query).iloc[:, 0].tolist() == answer
