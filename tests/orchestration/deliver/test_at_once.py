"""Two processes at one partition, and one that is killed between delete and insert."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pyarrow import csv, parquet

from tests import postgres
from tests.orchestration.deliver.targets import ids_by_partition, statement, write

DELIVERS = """
import json, sys
from pathlib import Path
from tests.orchestration.deliver.targets import write
to, folder, version, ids = json.loads(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
print("ready", flush=True)
sys.stdin.readline()
for n in range(int(sys.argv[5])):
    write(to, folder, ids[:: (-1) ** n], "d1", version=version + 2 * n, run_id=f"run {version}", timeout=60)
"""
"""Writes ids to a target once a line comes, as often as it is told, forwards and backwards in turn."""

STOPS_BEFORE_INSERT = """
import sys
from ballast.orchestration.deliver import in_duckdb
class Stopping(in_duckdb._Table):
    def insert(self, rows):
        print("deleted", flush=True)
        sys.stdin.readline()
in_duckdb._Table = Stopping
"""

Process = Callable[..., "subprocess.Popen[str]"]


def line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def told(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("go\n")
    child.stdin.flush()


def test_partition_when_two_processes_write_it_at_once_then_its_rows_once_of_one_of_them(
    to: Any, tmp_path: Path, process: Process
):
    write(to, tmp_path, [90, 91], "d2")
    rows = {1: [1, 2, 3], 2: [4, 5, 6, 7]}
    children = [
        process(DELIVERS, json.dumps(to), tmp_path, version, json.dumps(ids), 5) for version, ids in rows.items()
    ]
    assert [line(child) for child in children] == ["ready", "ready"]
    for child in children:
        told(child)
    ends = [child.communicate(timeout=100) for child in children]
    assert [child.returncode for child in children] == [0, 0], ends
    found = ids_by_partition(to, tmp_path)
    assert found.pop("d2") == [90, 91]
    assert found["d1"] in rows.values()


def test_postgres_when_the_process_is_killed_between_delete_and_insert_then_as_before(
    postgres_server: str, tmp_path: Path, process: Process
):
    to = {"postgres": postgres.new_database(postgres_server, f"killed{time.time_ns()}"), "table": "scores"}
    write(to, tmp_path, [1, 2, 3], "d1")
    write(to, tmp_path, [9], "d2")
    statement(
        to, tmp_path,
        "CREATE FUNCTION waits() RETURNS trigger AS 'BEGIN PERFORM pg_sleep(300); RETURN NEW; END' LANGUAGE plpgsql; "
        "CREATE TRIGGER waits BEFORE INSERT ON scores FOR EACH ROW EXECUTE FUNCTION waits()",
    )  # fmt: skip
    child = process(DELIVERS, json.dumps(to), tmp_path, 2, json.dumps([4, 5]), 1)
    assert line(child) == "ready"
    told(child)
    with psycopg.connect(to["postgres"], autocommit=True) as con:
        waiting = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        while not con.execute(f"SELECT 1 {waiting}".encode()).fetchall():  # it has deleted, and inserts
            assert child.poll() is None
            time.sleep(0.02)
        child.kill()
        child.wait()
        con.execute(f"SELECT pg_terminate_backend(pid) {waiting}".encode())  # the server would see it after its sleep
        con.execute("DROP TRIGGER waits ON scores")
    assert ids_by_partition(to, tmp_path) == {"d1": [1, 2, 3], "d2": [9]}
    write(to, tmp_path, [4, 5], "d1", version=2)
    assert ids_by_partition(to, tmp_path) == {"d1": [4, 5], "d2": [9]}


def test_duckdb_when_the_process_is_killed_between_delete_and_insert_then_as_before(tmp_path: Path, process: Process):
    to = {"database": "shop.duckdb", "table": "scores"}
    write(to, tmp_path, [1, 2, 3], "d1")
    write(to, tmp_path, [9], "d2")
    child = process(STOPS_BEFORE_INSERT + DELIVERS, json.dumps(to), tmp_path, 2, json.dumps([4, 5]), 1)
    assert line(child) == "ready"
    told(child)
    assert line(child) == "deleted"
    child.kill()
    child.wait()
    assert ids_by_partition(to, tmp_path) == {"d1": [1, 2, 3], "d2": [9]}
    write(to, tmp_path, [4, 5], "d1", version=2)
    assert ids_by_partition(to, tmp_path) == {"d1": [4, 5], "d2": [9]}


@pytest.mark.full
@pytest.mark.parametrize("name", ["scores/", "scores.parquet", "scores.csv"])
def test_file_when_the_process_is_killed_anywhere_then_whole(name: str, tmp_path: Path, process: Process):
    write(name, tmp_path, [0], "d1")
    file = tmp_path / (f"{name}d1.parquet" if name.endswith("/") else name)
    states = [[0]]
    for number in range(1, 5):
        ids = list(range(2000 * number, 2000 * number + 2000))
        states += [ids, ids[::-1]]
        child = process(DELIVERS, json.dumps(name), tmp_path, number, json.dumps(ids), 500)
        assert line(child) == "ready"
        told(child)
        time.sleep(0.02 * number)  # somewhere in the midst of writing; nothing rests on where
        child.kill()
        child.wait()
        table = csv.read_csv(file) if name.endswith(".csv") else parquet.read_table(file)
        assert table.column("sample_id").to_pylist() in states
