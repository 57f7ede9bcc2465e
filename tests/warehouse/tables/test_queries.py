"""SQL for people: reads everything, writes nothing."""

from __future__ import annotations

import numpy as np
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
