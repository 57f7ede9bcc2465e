"""Rows beyond memory: rows a second, memory of all processes together, and each step beside one pass of DuckDB.

    python benchmarks/scale.py [--rows 1e6 1e7] [--workers 1 2] [--engine local ray] [--folder .benchmarks/scale]

Training rows and target are Parquet files of 18 numbers with 8 % missing and two categories, made on first use. On
them: states of every column, the encoder, weights by relative_least_squares and black_box_shift, the weights as
Parquet, a weighted SGDClassifier, its predictions of the target and their metrics. A step's passes are its seconds
over those of one DuckDB query, on as many threads, over the same columns of the tables that it reads. The checksum is
of the weights, the model and the metrics: it does not depend on workers or engine. Memory is the most that the process
and its children hold together (PSS). Prints a table, writes ``results/scale.json``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers are single-threaded, and so is what they are compared with
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import duckdb  # noqa: E402
import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from sklearn.linear_model import SGDClassifier  # noqa: E402

import ballast  # noqa: E402
from ballast.compute.engines import Engine  # noqa: E402
from ballast.compute.states.columns import ColumnStates  # noqa: E402
from ballast.given.over_rows import (  # noqa: E402
    Columns,
    Encoded,
    Judged,
    LocalEngine,
    RayEngine,
    Rows,
    deal,
    fit_encoder,
    fit_learner,
    fit_weigher,
    pilot,
    predict,
    weigh,
)
from ballast.methods.features.encoder import FeatureEncoder  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "scale.json"
FILE_ROWS, GROUP_ROWS = 1_000_000, 131_072
NUMBERS, CATEGORIES = [f"x{j}" for j in range(18)], ["c0", "c1"]
DESCRIBED = [*NUMBERS, *CATEGORIES]
CLASSES = 4


def make(n: int, folder: Path, shift: float) -> Path:
    """Writes n rows of 20 columns, a label and class probabilities; the numbers lie `shift` higher in the target."""
    if (folder / "done").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(max(1, n // FILE_ROWS)):
        rng, rows = np.random.default_rng([number, int(shift * 10)]), min(n, FILE_ROWS)
        columns: dict[str, Any] = {"id": np.arange(number * FILE_ROWS, number * FILE_ROWS + rows)}
        shares = np.array([1, 1, 1, 1 + 4 * shift])
        label = rng.choice(CLASSES, rows, p=shares / shares.sum())
        for j, name in enumerate(NUMBERS):
            x = rng.standard_normal(rows, np.float32) + np.float32(shift) + (label == j)  # the first tell the classes
            columns[name] = pa.array(x, mask=rng.random(rows) < 0.08)
        for name in CATEGORIES:
            columns[name] = pa.array(rng.integers(0, 12, rows)).cast(pa.string()).dictionary_encode()
        columns["label"] = label
        guessed = np.where(rng.random(rows) < 0.8, label, rng.integers(0, CLASSES, rows))
        probs = np.where(np.arange(CLASSES) == guessed[:, None], 1 - 0.1 * (CLASSES - 1), 0.1)
        columns |= {f"p{k}": probs[:, k] for k in range(CLASSES)}
        pq.write_table(pa.table(columns), folder / f"{number:04d}.parquet", row_group_size=GROUP_ROWS)
    (folder / "done").touch()
    return folder


PROBS = [f"p{k}" for k in range(CLASSES)]
LABELLED = Columns({"y": "label", "probs": PROBS})
UNLABELLED = Columns({"probs_target": PROBS})
JUDGED = Columns({"y": "label", "prediction": "prediction", "probs": [f"p_{k}" for k in range(CLASSES)]})


class Chain:
    """The steps in turn, each timed beside a pass of DuckDB over what it reads."""

    def __init__(self, source: Path, target: Path, engine: Engine, out: Path) -> None:
        self.files = [sorted(folder.glob("*.parquet")) for folder in (source, target)]
        self.train, self.target = (Rows.of_files(names) for names in self.files)
        self.engine, self.out = engine, out
        self.seconds: dict[str, float] = {}
        self.passes: dict[str, float] = {}

    def step(self, name: str, work: Callable[[], Any], columns: list[str], *tables: list[Path]) -> Any:
        begun = time.perf_counter()
        made = work()
        taken = self.seconds[name] = time.perf_counter() - begun
        self.passes[name] = taken / sum(one_pass(names, columns, self.engine.workers) for names in tables)
        per_second = len(self.train) / taken
        print(f"    {name:24} {taken:8.1f} s {per_second:12,.0f} rows/s {self.passes[name]:6.1f} passes", flush=True)
        return made

    def run(self) -> str:
        """Gives the checksum of what comes out."""
        engine, out, own = self.engine, self.out, self.files[0]
        read, of_target = (rows.select(["id", *DESCRIBED]) for rows in (self.train, self.target))
        self.step("columns", lambda: engine.fold(read, ColumnStates(read.schema)), DESCRIBED, own)
        encoder = self.step("encoder", lambda: fit_encoder(FeatureEncoder(), read, engine, id="id"), DESCRIBED, own)
        X, X_target = (Encoded(encoder)(pilot(rows, engine, id="id"))["X"] for rows in (read, of_target))
        samples = [(read, Encoded(encoder)), (of_target, Encoded(encoder, "X_target"))]
        ratio, first = ballast.method("relative_least_squares"), {"X": X, "X_target": X_target}
        weigher = self.step(
            "relative_least_squares", lambda: fit_weigher(ratio, samples, first, engine), DESCRIBED, *self.files
        )
        weights = self.step(
            "weights as Parquet",
            lambda: weigh(weigher, read, Encoded(encoder), engine, out / "weights", id="id"), DESCRIBED, own,
        )  # fmt: skip
        self.black_box_shift()
        model = self.step("weighted SGDClassifier", lambda: self.trained(encoder, weights), DESCRIBED, own)
        judged = self.step("predictions, metrics", lambda: self.judged(model, encoder), DESCRIBED, self.files[1])
        print("    " + ", ".join(f"{row.metric} {row.value:.4f}" for row in judged.itertuples()))
        digest = hashlib.sha256(model.coef_.tobytes() + judged.to_json(double_precision=15).encode())
        for batch in weights.reader():
            digest.update(batch.column("weight").to_numpy().tobytes())
        return digest.hexdigest()[:16]

    def black_box_shift(self) -> None:
        named, engine = ["id", "label", *PROBS], self.engine
        train, target = (rows.select(named) for rows in (self.train, self.target))
        first = {**LABELLED(pilot(train, engine, id="id")), **UNLABELLED(pilot(target, engine, id="id"))}
        samples = [(train, LABELLED), (target, UNLABELLED)]
        work = ballast.method("black_box_shift")
        self.step("black_box_shift", lambda: fit_weigher(work, samples, first, engine), named[1:], *self.files)

    def trained(self, encoder: FeatureEncoder, weights: Rows) -> SGDClassifier:
        weighed = self.train.select(["id", *DESCRIBED, "label"]).beside(weights.select(["weight"]))
        buckets = deal(weighed, self.engine, self.out / "dealt", id="id")
        given = Encoded(encoder, columns={"y": "label", "sample_weight": "weight"})
        model = SGDClassifier(loss="log_loss", average=True, random_state=0)
        return fit_learner(model, buckets, given, self.engine, id="id", classes=np.arange(CLASSES))

    def judged(self, model: SGDClassifier, encoder: FeatureEncoder) -> Any:
        rows = self.target.select(["id", *DESCRIBED])
        found = predict(model, rows, Encoded(encoder), self.engine, self.out / "predictions", id="id", kind=pa.int64())
        beside = self.target.select(["label"]).beside(found)
        return self.engine.fold(beside, Judged(np.arange(CLASSES)), JUDGED).table()


def one_pass(files: list[Path], columns: list[str], threads: int) -> float:
    """Gives the seconds of one DuckDB query that reads every value of some columns."""
    with duckdb.connect() as con:
        con.execute(f"SET threads = {threads}")
        asked = ", ".join(f"count(DISTINCT {c})" if c in CATEGORIES else f"avg({c})" for c in columns)
        begun = time.perf_counter()
        con.execute(f"SELECT {asked} FROM read_parquet(?)", [[str(f) for f in files]]).fetchall()
        return time.perf_counter() - begun


class Memory:
    """The most that this process and its children hold together meanwhile, in bytes."""

    def __enter__(self) -> Memory:
        self.peak, self._ended = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.25):
            self.peak = max(self.peak, sum(map(_pss, _with_children(os.getpid()))))


def _with_children(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(p for child in children for p in _with_children(int(child)))]


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=float, nargs="+", default=[1e6, 1e7])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--engine", nargs="+", default=["local"], choices=["local", "ray"])
    parser.add_argument("--folder", type=Path, default=ROOT / ".benchmarks" / "scale")
    given = parser.parse_args()
    results = []
    for n in map(int, given.rows):
        source, target = make(n, given.folder / f"s{n}", 0.0), make(n, given.folder / f"t{n}", 0.3)
        for name in given.engine:
            for workers in given.workers if name == "local" else [os.cpu_count() or 1]:
                print(f"{n:,} + {n:,} rows, {name}, {workers} worker(s)", flush=True)
                out = Path(tempfile.mkdtemp(dir=given.folder))
                engine: Engine = LocalEngine(workers) if name == "local" else RayEngine()
                chain = Chain(source, target, engine, out)
                with Memory() as memory, engine:
                    checksum = chain.run()
                written = sum(file.stat().st_size for file in out.rglob("*.parquet"))
                shutil.rmtree(out)
                total = sum(chain.seconds.values())
                print(
                    f"    {'all':24} {total:8.1f} s {n / total:12,.0f} rows/s; peak {memory.peak / 2**30:.2f} GiB; "
                    f"{written / 2**20:,.0f} MiB written; checksum {checksum}",
                    flush=True,
                )
                figures = {"seconds": chain.seconds, "passes": chain.passes, "peak": memory.peak, "written": written}
                results.append({"rows": n, "engine": name, "workers": workers, **figures, "checksum": checksum})
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
