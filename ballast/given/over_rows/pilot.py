"""Some rows of a table, from which what all batches have in common is taken."""

from __future__ import annotations

import pyarrow as pa

from ballast.compute.engines.engine import Engine
from ballast.compute.rows import Rows
from ballast.compute.states.drawn import Drawn
from ballast.errors import DataError

PILOT_ROWS = 10_000
"""Rows from which centres, bandwidths and bins are taken."""


def pilot(rows: Rows, engine: Engine, *, id: str, size: int = PILOT_ROWS, seed: int = 0) -> pa.RecordBatch:
    """Gives rows of a table that their ids draw, the same whatever parts they lie in; all where there are no more.

    DataError for a table without rows. Cost: a pass over its columns.
    """
    drawn = engine.fold(rows, Drawn(size, id, seed=seed, purpose="pilot")).table()
    if drawn is None:
        raise DataError("the table has no rows, so that nothing can be learnt from it")
    return pa.record_batch([column.combine_chunks() for column in drawn.columns], schema=drawn.schema)
