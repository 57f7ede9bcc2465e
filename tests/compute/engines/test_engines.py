"""The two verbs over rows give the same, whoever does the work."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ballast.compute.engines import Engine, EngineError, LocalEngine
from ballast.compute.progress import listening
from ballast.compute.rows import Rows
from ballast.errors import DataError

N = 900_000


@dataclass
class Sums:
    """Sums of doubles, which come out otherwise in another order."""

    total: float = 0.0
    first: list[int] = field(default_factory=list)

    def add(self, batch: pa.RecordBatch) -> None:
        if not self.first:
            self.first = [batch.column(0)[0].as_py()]
        self.total += float(np.sum(batch.column(1).to_numpy() ** 3))

    def merge(self, other: Sums) -> None:
        self.total += other.total
        self.first += other.first


@dataclass
class Faulty(Sums):
    """Cannot take some row, or ends its process at it the first time."""

    at: int = -1
    marker: str = ""

    def add(self, batch: pa.RecordBatch) -> None:
        ids = batch.column(0).to_numpy()
        if self.at in ids and self.marker and not Path(self.marker).exists():
            Path(self.marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.at in ids and not self.marker:
            raise DataError(f"row {self.at} has no place here")
        super().add(batch)


def doubled(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.record_batch({"id": batch.column(0), "twice": pa.array(batch.column(1).to_numpy() * 2)})


DOUBLED = pa.schema({"id": pa.int64(), "twice": pa.float64()})


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    rng = np.random.default_rng(0)
    file = tmp_path_factory.mktemp("rows") / "rows.parquet"
    pq.write_table(pa.table({"id": np.arange(N), "x": rng.normal(size=N) * 1e3}), file, row_group_size=150_000)
    return Rows.of_files([file])


@pytest.fixture(scope="module")
def alone(rows: Rows) -> Sums:
    return LocalEngine(1).fold(rows, Sums())


@pytest.fixture(scope="module", params=["one", "two", "ray"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "ray":
        pytest.importorskip("ray")
        made: Any = request.getfixturevalue("two_nodes")
    else:
        made = LocalEngine({"one": 1, "two": 2}[request.param])
    with made:
        yield made


def test_fold_when_others_do_the_work_then_the_sum_is_the_same_to_the_bit(
    engine: Engine, rows: Rows, alone: Sums
) -> None:
    empty = Sums()
    folded = engine.fold(rows, empty)
    assert folded.total.hex() == alone.total.hex()
    assert folded.first == [150_000 * i for i in range(6)]  # the parts, in their order
    assert empty == Sums()


def test_map_when_others_do_the_work_then_every_file_holds_the_same_bytes(
    engine: Engine, rows: Rows, tmp_path: Path
) -> None:
    mapped = engine.map(rows, doubled, tmp_path / "many", DOUBLED)
    LocalEngine(1).map(rows, doubled, tmp_path / "one", DOUBLED)
    names = sorted(p.name for p in (tmp_path / "many").iterdir())
    assert names == [f"part-{i:06d}.parquet" for i in range(6)]
    for name in names:
        assert (tmp_path / "many" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
    assert mapped.reader().read_all().column("id").equals(rows.reader().read_all().column("id"))


def test_error_of_the_work_when_raised_in_a_worker_then_it_comes_out_as_it_is(engine: Engine, rows: Rows) -> None:
    with pytest.raises(DataError, match=r"^row 400000 has no place here$"):
        engine.fold(rows, Faulty(at=400_000))
    assert len(engine.fold(rows, Sums()).first) == 6  # and the engine goes on


def test_worker_when_killed_in_the_middle_then_the_result_is_the_same(
    engine: Engine, rows: Rows, alone: Sums, tmp_path: Path
) -> None:
    if isinstance(engine, LocalEngine) and engine.workers == 1:
        pytest.skip("there is no worker but the process itself")
    marker = tmp_path / "killed"
    folded = engine.fold(rows, Faulty(at=400_000, marker=str(marker)))
    assert marker.exists()
    assert folded.total.hex() == alone.total.hex()


def test_progress_when_rows_are_folded_then_every_part_is_told(engine: Engine, rows: Rows) -> None:
    told: list[tuple[str, int, int]] = []
    with listening(lambda *what: told.append(what)):
        engine.fold(rows, Sums())
    assert told == [("row", 150_000 * i, N) for i in range(7)]


def test_local_engine_when_memory_is_little_then_it_starts_fewer_workers() -> None:
    assert LocalEngine(memory=64 * 2**20).workers == 1
    assert LocalEngine(memory=2**50).workers >= 1


def test_no_rows_when_folded_or_mapped_then_what_comes_is_empty(engine: Engine, rows: Rows, tmp_path: Path) -> None:
    none = Rows(rows.schema)
    assert engine.fold(none, Sums()) == Sums()
    assert len(engine.map(none, doubled, tmp_path / "none", DOUBLED)) == 0


def test_worker_when_lost_each_time_then_the_error_says_what_to_do(rows: Rows) -> None:
    class Deadly(Sums):
        def add(self, batch: pa.RecordBatch) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

    with LocalEngine(2) as engine, pytest.raises(EngineError, match=r"3 times.*0 of 6 parts.*--memory"):
        engine.fold(rows, Deadly())
