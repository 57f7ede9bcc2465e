"""What storing costs: one large table against plain DuckDB, many processes at once, and a thousand versions.

    python benchmarks/warehouse.py [--rounds 5] [--versions 1000] [--processes 1 4 16]

The lake with its catalog in Postgres is measured where Postgres is installed; its server is started for it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import duckdb  # noqa: E402
import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402

from ballast.warehouse import Warehouse  # noqa: E402
from tests import postgres  # noqa: E402

COMMITS = 100  # by all processes together

WRITER = """
import sys
import numpy as np, pyarrow as pa
from ballast.warehouse import Warehouse
warehouse = Warehouse(sys.argv[1], timeout=600)
table = pa.table({"sample_id": np.arange(1000), "weight": np.ones(1000)})
warehouse.latest("b/weights")
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    warehouse.commit("b/weights", table)
print("done", flush=True)
"""


def weights(rows: int) -> pa.Table:
    return pa.table({"sample_id": np.arange(rows), "weight": np.random.default_rng(0).exponential(size=rows)})


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


@contextmanager
def homes(folder: Path) -> Iterator[dict[str, Callable[[], str]]]:
    """Gives, by home, what makes the url of a new and empty warehouse."""
    with ExitStack() as stack:

        def fresh(form: str) -> Callable[[], str]:
            return lambda: form.format(folder / uuid4().hex)

        made = {
            "embedded": fresh("duckdb:///{}.duckdb"),
            "ducklake, sqlite": fresh("ducklake:sqlite:///{}.sqlite"),
        }
        try:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postgres-")))
            server = stack.enter_context(postgres.server(place))
        except BaseException as error:  # pytest's skip is no Exception
            if type(error).__name__ != "Skipped":
                raise
            print(f"ducklake, postgres: not measured ({error})")
        else:
            made["ducklake, postgres"] = lambda: (
                f"ducklake:{postgres.new_database(server, uuid4().hex)}?data_path={folder / uuid4().hex}"
            )
        yield made


def large(rounds: int, folder: Path) -> dict[str, float]:
    """Commits and reads a million weights, in turn with DuckDB alone: open, insert, close; open, select, close."""
    million = weights(1_000_000)
    spent: dict[str, list[float]] = {"commit": [], "insert": [], "read": [], "select": []}
    for _ in range(rounds):
        file = folder / f"{uuid4().hex}.duckdb"
        warehouse = Warehouse(f"duckdb:///{folder / uuid4().hex}.duckdb")
        small = million.slice(0, 1)
        warehouse.commit("b/weights", small)  # both have a file with the table in it
        with duckdb.connect(file) as con:
            con.execute("CREATE TABLE weights AS SELECT * FROM small")

        def insert(file: Path = file) -> None:
            with duckdb.connect(file) as con:
                con.register("incoming", million)
                con.execute("INSERT INTO weights SELECT * FROM incoming")

        def select(file: Path = file) -> None:
            with duckdb.connect(file, read_only=True) as con:
                con.execute("SELECT * FROM weights").to_arrow_table()

        spent["insert"].append(timed(insert))
        spent["commit"].append(timed(lambda w=warehouse: w.commit("b/weights", million)))
        spent["select"].append(timed(select))
        spent["read"].append(timed(lambda w=warehouse: w.read_arrow("b/weights")))
    figures = {f"{name}_ms": 1e3 * statistics.median(values) for name, values in spent.items()}
    both = (figures["commit_ms"] + figures["read_ms"]) / (figures["insert_ms"] + figures["select_ms"])
    figures |= {
        "commit_to_insert": figures["commit_ms"] / figures["insert_ms"],
        "read_to_select": figures["read_ms"] / figures["select_ms"],
        "together": both,
    }
    print("1,000,000 weights, embedded file, against plain DuckDB (open, statement, close):")
    for name in ("commit_ms", "insert_ms", "commit_to_insert", "read_ms", "select_ms", "read_to_select", "together"):
        print(f"  {name:20} {figures[name]:8.2f}")
    print(f"  target: together at most 1.5: {'met' if both <= 1.5 else 'missed'}")
    return figures


def rate(url: str, processes: int) -> float:
    """Gives the commits of 1000 rows per second of several processes that start together."""
    Warehouse(url).commit("b/weights", weights(1000))
    each = COMMITS // processes
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(each)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(processes)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    began = time.perf_counter()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    assert [child.stdout.readline() for child in children if child.stdout] == ["done\n"] * processes
    took = time.perf_counter() - began
    assert [child.wait() for child in children] == [0] * processes
    assert len(Warehouse(url).commits("b/weights")) == 1 + each * processes
    return each * processes / took


def growth(url: str, versions: int, folder: Path) -> dict[str, float]:
    """Commits many versions of 1000 weights; gives the time and space of the early and of the late ones."""
    warehouse, table = Warehouse(url), weights(1000)
    spent, size = [], []
    for number in range(versions):
        spent.append(timed(lambda: warehouse.commit("b/weights", table)))
        if number in (versions // 10 - 1, versions - 1):
            size.append(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
    tenth = max(1, versions // 10)
    read = timed(lambda: warehouse.read_arrow("b/weights"))
    return {
        "first_tenth_ms": 1e3 * statistics.median(spent[1 : tenth + 1]),
        "last_tenth_ms": 1e3 * statistics.median(spent[-tenth:]),
        "read_ms": 1e3 * read,
        "kb_a_version": (size[1] - size[0]) / (versions - versions // 10) / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--versions", type=int, default=1000)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 4, 16])
    options = parser.parse_args()
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures["large"] = large(options.rounds, folder)
        with homes(folder) as made:
            for home, fresh in made.items():
                rates = {n: rate(fresh(), n) for n in options.processes}
                print(f"{home}: commits a second, " + ", ".join(f"{r:.1f} by {n}" for n, r in rates.items()))
                with tempfile.TemporaryDirectory(dir=folder) as own:
                    url = fresh().replace(str(folder), own)
                    grown = growth(url, options.versions, Path(own))
                print(f"  {options.versions} versions: " + ", ".join(f"{k} {v:.1f}" for k, v in grown.items()))
                figures[home] = {"commits_a_second": rates, "growth": grown}
    path = ROOT / "benchmarks" / "results" / "warehouse.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
