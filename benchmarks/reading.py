"""What reading costs beside plain DuckDB: seconds, and memory in sizes of the table.

python benchmarks/reading.py [--rows 1000000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import duckdb  # noqa: E402

from ballast.orchestration.read.sources import read_table  # noqa: E402
from ballast.orchestration.spec.data import DataSpec  # noqa: E402

COLUMNS = ", ".join(
    [
        *(f"random() AS f{k}" for k in range(9)),
        *(f"(random() * 1e6)::BIGINT AS i{k}" for k in range(5)),
        *(f"'c' || (random() * 30)::INT AS s{k}" for k in range(4)),
        "TIMESTAMP '2024-01-01' + INTERVAL (i) SECOND AS t",
    ]
)


def written(folder: Path, rows: int) -> None:
    """Writes a table of 20 columns in each format."""
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE t AS SELECT i AS id, {COLUMNS} FROM range({rows}) t(i)")
        for ending in ("parquet", "csv", "json"):
            con.execute(f"COPY t TO '{folder}/t.{ending}'")


def peak() -> int:
    """Gives the most bytes that this process has held so far."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def once(reader: str, path: Path) -> tuple[float, float, float]:
    """Reads a file; gives seconds, and the bytes of the table and of the process's peak above its start."""
    before = peak()
    began = time.perf_counter()
    if reader == "DuckDB":
        with duckdb.connect() as con:
            table = con.execute(f"FROM '{path}'").to_arrow_table()
    else:
        table = read_table(DataSpec(id="id", path=str(path)), where="benchmark: data.train", folder=path.parent)
    seconds = time.perf_counter() - began
    return seconds, table.nbytes, peak() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--once", nargs=2, metavar=("READER", "FILE"), help="what one process of the benchmark does")
    arguments = parser.parse_args()
    if arguments.once:
        print(*once(arguments.once[0], Path(arguments.once[1])))
        return
    with tempfile.TemporaryDirectory() as folder:
        written(Path(folder), arguments.rows)
        for ending in ("parquet", "csv", "json"):
            seconds = {}
            for reader in ("DuckDB", "Ballast"):
                command = [sys.executable, __file__, "--once", reader, f"{folder}/t.{ending}"]
                runs = [
                    tuple(
                        map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
                    )
                    for _ in range(arguments.rounds)
                ]
                seconds[reader] = statistics.median(run[0] for run in runs)
                memory = statistics.median(run[2] / run[1] for run in runs)
                print(
                    f"{ending:8} {reader:8} {seconds[reader]:6.2f} s   memory {memory:.1f} times the table", flush=True
                )
            print(f"{ending:8} {seconds['Ballast'] / seconds['DuckDB']:.2f} times DuckDB's seconds", flush=True)


if __name__ == "__main__":
    main()
