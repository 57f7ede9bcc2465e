"""Rows dealt into buckets by their ids, so that who learns from them in turn sees all of the table from the start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ballast.compute.chance import folds
from ballast.compute.engines.engine import Engine
from ballast.compute.rows import FilePart, Part, Rows

BUCKET_ROWS = 2**18
"""Rows of a bucket, about: it is held in memory, in an order that the ids draw anew in each epoch."""
DEALT = "deal"
"""What the ids are drawn for."""


def deal(rows: Rows, engine: Engine, folder: str | Path, *, id: str, seed: int = 0) -> list[Rows]:
    """Writes the rows into Parquet files of a folder, one a part, and gives them by bucket.

    A bucket is a sample of all rows, which their ids draw, even where the table is sorted by its label or by day: where
    a row lay decides nothing. Cost: the table is read and written once.
    """
    n_buckets = max(1, round(len(rows) / BUCKET_ROWS))
    Path(folder).mkdir(parents=True, exist_ok=True)
    dealing = _Dealing(rows.without_parts(), str(folder), id, n_buckets, seed)
    buckets: list[list[Part]] = [[] for _ in range(n_buckets)]
    for file, counts in engine.over(dealing, rows):
        for group, (bucket, count) in enumerate(counts):
            buckets[bucket].append(FilePart(file, (group,), (count,)))
    return [Rows(rows.schema, tuple(parts)) for parts in buckets]


@dataclass(frozen=True)
class _Dealing:
    """Writes the rows of a part bucket by bucket; gives the file, and the bucket and rows of each row group."""

    rows: Rows
    folder: str
    id: str
    n_buckets: int
    seed: int

    def __call__(self, numbered: tuple[int, Part]) -> tuple[str, list[tuple[int, int]]]:
        number, part = numbered
        table = pa.Table.from_batches(self.rows.batches(part), self.rows.schema)
        bucket = folds(table.column(self.id), self.n_buckets, seed=self.seed, purpose=DEALT)
        order = np.argsort(bucket, kind="stable")
        found, starts = np.unique(bucket[order], return_index=True)
        ends = [*starts[1:], len(order)]
        file = Path(self.folder) / f"dealt-{number:06d}.parquet"
        begun = file.with_suffix(".begun")
        with pq.ParquetWriter(begun, table.schema, compression="lz4") as writer:
            for start, end in zip(starts, ends, strict=True):
                writer.write_table(table.take(pa.array(order[start:end])), row_group_size=max(int(end - start), 1))
        begun.replace(file)
        return str(file), [(int(b), int(e - s)) for b, s, e in zip(found, starts, ends, strict=True)]
