"""A table of a database holds a step's own rows once, each partition apart, and what else is in it stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ballast.orchestration.deliver.delivery import TargetBusyError, TargetError
from ballast.warehouse import Warehouse
from tests import postgres
from tests.orchestration.deliver.conftest import target_of
from tests.orchestration.deliver.targets import held, ids_by_partition, predictions, statement, write

Target = dict[str, str]


def test_partition_when_written_again_then_replaced_also_by_no_rows_and_others_stay(to: Any, tmp_path: Path):
    runs = [("d1", [1, 2, 3, 4, 5]), ("d2", [6, 7, 8, 9]), ("d2", [6, 7, 10]), ("d1", [])]
    found = []
    for version, (day, ids) in enumerate(runs, start=1):
        assert write(to, tmp_path, ids, day, version=version)
        found.append(ids_by_partition(to, tmp_path))
    assert found == [
        {"d1": [1, 2, 3, 4, 5]},
        {"d1": [1, 2, 3, 4, 5], "d2": [6, 7, 8, 9]},
        {"d1": [1, 2, 3, 4, 5], "d2": [6, 7, 10]},
        {"d2": [6, 7, 10]},
    ]


def test_rows_when_written_then_name_step_partition_version_and_model(to: Any, tmp_path: Path):
    write(to, tmp_path, [1, 2], "d1", version=7, run_id="abc", table=predictions([1, 2], model_version=3))
    write(to, tmp_path, [3], "d2", version=8, run_id="abd", table=predictions([3], model_version=4))
    named = held(to, tmp_path)[["step", "partition", "version", "run_id", "model", "model_version"]].drop_duplicates()
    assert sorted(map(tuple, named.to_numpy())) == [
        ("shop/scored", "d1", 7, "abc", "shop/reweighted", 3),
        ("shop/scored", "d2", 8, "abd", "shop/reweighted", 4),
    ]


def test_values_when_written_then_the_same_to_the_bit(table: Target, tmp_path: Path):
    odd = pa.table(
        {
            "sample_id": pa.array([2**63 + 5, 1, 2, 3], pa.uint64()),
            "prediction": pa.array(['a\nb,"c"\'', "", None, "\\."]).dictionary_encode(),
            "p_é%": np.array([0.1 + 0.2, 5e-324, np.nan, -np.inf]),
            "novelty_score": pa.array(np.array([0.1, 1, 2, 3], dtype=np.float32)),
            "flagged": pa.array([True, False, None, True]),
        }
    )
    write(table, tmp_path, [], table=odd)
    found = held(table, tmp_path)
    assert [int(i) for i in found["sample_id"]] == [2**63 + 5, 1, 2, 3]
    texts = [None if pd.isna(text) else text for text in found["prediction"]]
    assert texts == odd["prediction"].to_pylist()
    assert np.array_equal(found["p_é%"].to_numpy(float), odd["p_é%"].to_numpy(), equal_nan=True)
    assert found["novelty_score"].tolist() == odd["novelty_score"].cast(pa.float64()).to_pylist()
    assert [None if pd.isna(flag) else bool(flag) for flag in found["flagged"]] == [True, False, None, True]


def test_rows_of_others_when_a_step_is_written_then_stay(table: Target, tmp_path: Path):
    write(table, tmp_path, [1, 2], None)
    write(table, tmp_path, [1, 2, 3], None, step="other/scored")
    statement(table, tmp_path, "INSERT INTO scores (sample_id) VALUES (77)")  # a user's own, of no step
    write(table, tmp_path, [4], None, version=2)
    found = held(table, tmp_path)
    assert sorted(found["sample_id"][found["step"] == "shop/scored"]) == [4]
    assert sorted(found["sample_id"][found["step"] == "other/scored"]) == [1, 2, 3]
    assert found["sample_id"][found["step"].isna()].tolist() == [77]


def test_third_class_when_there_is_one_then_its_column_is_added(table: Target, tmp_path: Path):
    write(table, tmp_path, [1, 2], "d1")
    write(table, tmp_path, [], "d2", table=predictions([3], ("maybe", "no", "yes")), version=2)
    found = held(table, tmp_path).set_index("sample_id")
    assert pd.isna(found.loc[1, "p_maybe"])
    assert float(found.loc[3, "p_maybe"]) == float(found.loc[3, "p_no"]) == 1 / 3  # by name, not by place
    write(table, tmp_path, [4], "d3", version=3)  # two classes again
    assert pd.isna(held(table, tmp_path).set_index("sample_id").loc[4, "p_maybe"])


UNFIT = {
    "no column step": ("sample_id BIGINT, partition VARCHAR", "column step is missing"),
    "no column partition": ("sample_id BIGINT, step VARCHAR", "column partition is missing"),
    "partition a date": ("sample_id BIGINT, step VARCHAR, partition DATE", "column partition is date"),
    "partition a number": ("sample_id BIGINT, step VARCHAR, partition INTEGER", "column partition is integer"),
    "prediction a number": (
        "sample_id BIGINT, step VARCHAR, partition VARCHAR, prediction INTEGER",
        "column prediction is integer",
    ),
    "probability a real": (
        "sample_id BIGINT, step VARCHAR, partition VARCHAR, p_no REAL",
        "column p_no is ",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_table_when_it_cannot_tell_or_hold_the_rows_then_refused_and_as_it_was(
    name: str, table: Target, tmp_path: Path
):
    columns, said = UNFIT[name]
    statement(table, tmp_path, f"CREATE TABLE scores ({columns})")
    statement(table, tmp_path, "INSERT INTO scores (sample_id) VALUES (1), (2)")
    before = held(table, tmp_path)
    with pytest.raises(TargetError) as error:
        write(table, tmp_path, [1, 2, 3], "2026-01-01")
    assert said in str(error.value).lower()
    assert "shop/scored is not written to table" in str(error.value)
    assert "is in the warehouse, and the next run writes it" in str(error.value)
    pd.testing.assert_frame_equal(held(table, tmp_path), before)


def test_columns_when_refused_then_both_lists_are_told(table: Target, tmp_path: Path):
    statement(table, tmp_path, "CREATE TABLE scores (step VARCHAR, partition VARCHAR, prediction INTEGER)")
    with pytest.raises(TargetError, match=r"the predictions have sample_id \w+, .*, the table has step .*, prediction"):
        write(table, tmp_path, [1])


def test_postgres_when_a_columns_name_is_too_long_for_it_then_refused(tmp_path: Path, request: pytest.FixtureRequest):
    table = target_of("postgres", request)
    with pytest.raises(TargetError, match=r"p_x+a has more than the 63 bytes that the database takes"):
        write(table, tmp_path, [], table=predictions([1], ("x" * 61 + "a", "x" * 61 + "b")))


def test_step_when_it_gets_or_loses_partitions_then_rows_of_before_do_not_count_twice(table: Target, tmp_path: Path):
    write(table, tmp_path, [1, 2], None)
    with pytest.raises(TargetError, match="has partitions, and the table holds 2 rows of it from when it had none"):
        write(table, tmp_path, [1], "d1", version=2)
    statement(table, tmp_path, "DELETE FROM scores")
    write(table, tmp_path, [1], "d1", version=2)
    with pytest.raises(TargetError, match="has no partitions, and the table holds 1 rows of it from when it had some"):
        write(table, tmp_path, [1, 2], None, version=3)


def test_version_when_it_stands_there_then_not_written_again(to: Any, tmp_path: Path):
    assert write(to, tmp_path, [1, 2])
    assert not write(to, tmp_path, [1, 2])
    assert write(to, tmp_path, [], "d2", version=2) == isinstance(to, str)  # no rows stand in a table already
    assert not write(to, tmp_path, [], "d2", version=2)


def test_rows_when_lost_or_of_another_warehouse_then_written_again(table: Target, tmp_path: Path):
    write(table, tmp_path, [1, 2, 3])
    statement(table, tmp_path, "DELETE FROM scores WHERE sample_id = 2")
    assert write(table, tmp_path, [1, 2, 3])
    assert ids_by_partition(table, tmp_path) == {"d1": [1, 2, 3]}
    assert write(table, tmp_path, [4, 5, 6], run_id="of a warehouse that was made anew")
    assert ids_by_partition(table, tmp_path) == {"d1": [4, 5, 6]}


def test_newer_version_when_another_run_has_written_it_then_stays(table: Target, tmp_path: Path):
    write(table, tmp_path, [4, 5], version=2, run_id="later")
    assert not write(table, tmp_path, [1, 2, 3], version=1, newest=lambda: 2)
    assert ids_by_partition(table, tmp_path) == {"d1": [4, 5]}
    assert write(table, tmp_path, [1, 2, 3], version=1, newest=lambda: 1)  # as of a warehouse that was made anew


def test_constraint_when_the_rows_break_it_then_told_and_as_it_was(table: Target, tmp_path: Path):
    columns = "step VARCHAR, partition VARCHAR, sample_id BIGINT PRIMARY KEY, owner VARCHAR NOT NULL DEFAULT 'us'"
    statement(table, tmp_path, f"CREATE TABLE scores ({columns})")
    write(table, tmp_path, [1, 2], "d1")
    write(table, tmp_path, [2, 1, 3], "d1", version=2)  # the same keys, deleted and inserted
    with pytest.raises(TargetError, match="the table's constraints let these rows in"):
        write(table, tmp_path, [3], "d2", version=3)
    assert ids_by_partition(table, tmp_path) == {"d1": [1, 2, 3]}
    assert set(held(table, tmp_path)["owner"]) == {"us"}


def test_trigger_when_it_drops_rows_then_refused_and_as_it_was(tmp_path: Path, request: pytest.FixtureRequest):
    table = target_of("postgres", request)
    write(table, tmp_path, [1, 2])
    statement(
        table, tmp_path,
        "CREATE FUNCTION drops() RETURNS trigger AS 'BEGIN RETURN CASE WHEN NEW.sample_id > 3 THEN NEW END; END' "
        "LANGUAGE plpgsql; CREATE TRIGGER t BEFORE INSERT ON scores FOR EACH ROW EXECUTE FUNCTION drops()",
    )  # fmt: skip
    with pytest.raises(TargetError, match="of 3 rows the table then held 1"):
        write(table, tmp_path, [3, 2, 4], version=2)
    assert ids_by_partition(table, tmp_path) == {"d1": [1, 2]}


def test_duckdb_when_held_by_another_then_says_by_whom_and_may_pass(tmp_path: Path, process: Any):
    to = {"database": "shop.duckdb", "table": "scores"}
    holder = process(
        "import duckdb, sys\ncon = duckdb.connect(sys.argv[1])\nprint('held', flush=True)\nsys.stdin.read()",
        tmp_path / "shop.duckdb",
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(TargetBusyError, match=rf"PID {holder.pid} .* holds the file, for longer than 0\.1 s"):
        write(to, tmp_path, [1], timeout=0.1)
    holder.communicate()
    assert write(to, tmp_path, [1])


def test_duckdb_when_it_is_a_warehouse_no_database_or_in_no_folder_then_refused(tmp_path: Path):
    warehouse = Warehouse(f"duckdb:///{tmp_path}/store.duckdb")
    warehouse.commit("shop/scored", pd.DataFrame({"sample_id": [1]}))
    with pytest.raises(TargetError, match="that is a warehouse of Ballast's"):
        write({"database": "store.duckdb", "table": "scores"}, tmp_path, [1])
    (tmp_path / "text.duckdb").write_text("not one")
    with pytest.raises(TargetError, match=r"not a valid DuckDB database .* see that it is a DuckDB file"):
        write({"database": "text.duckdb", "table": "scores"}, tmp_path, [1])
    with pytest.raises(TargetError, match=r"there is no folder .*nowhere; make it, or correct `to:`"):
        write({"database": "nowhere/shop.duckdb", "table": "scores"}, tmp_path, [1])
    with pytest.raises(TargetError, match=r"sales.*; see that the schema is there"):
        write({"database": "shop.duckdb", "table": "sales.scores"}, tmp_path, [1])


def test_duckdb_when_made_anew_then_no_unfinished_file_is_left(tmp_path: Path):
    write({"database": "shop.duckdb", "table": "scores"}, tmp_path, [1])
    assert [file.name for file in tmp_path.iterdir()] == ["shop.duckdb"]


def test_postgres_when_it_does_not_answer_or_refuses_then_told_without_the_password(
    postgres_server: str, tmp_path: Path
):
    away = {"postgres": "postgresql://ann:sesame%21@127.0.0.1:1/shop", "table": "scores"}
    with pytest.raises(TargetBusyError) as error:
        write(away, tmp_path, [1])
    assert "table scores of postgresql://ann:***@127.0.0.1:1/shop" in str(error.value)
    assert "see that the server answers" in str(error.value)
    assert "sesame" not in str(error.value)
    with pytest.raises(TargetBusyError, match='database "nothing" does not exist'):
        write({"postgres": f"{postgres_server}/nothing", "table": "scores"}, tmp_path, [1])


def test_postgres_when_read_only_or_without_the_schema_then_told(postgres_server: str, tmp_path: Path):
    table = {"postgres": postgres.new_database(postgres_server, uuid4().hex), "table": "sales.scores"}
    with pytest.raises(TargetError, match='schema "sales" does not exist; see that the schema is there'):
        write(table, tmp_path, [1])
    statement(table, tmp_path, f'ALTER DATABASE "{table["postgres"][-32:]}" SET default_transaction_read_only = on')
    with pytest.raises(TargetError, match="read-only transaction"):
        write({**table, "table": "scores"}, tmp_path, [1])
