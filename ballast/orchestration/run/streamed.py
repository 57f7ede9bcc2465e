"""Tests of tables that do not fit in memory: what their columns hold is added up, part by part, from their files."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from sklearn.base import clone

from ballast.compute.engines import LocalEngine
from ballast.compute.memory import default_budget, in_bytes, in_words
from ballast.compute.rows import Rows
from ballast.given.over_rows.learning import Learnt
from ballast.orchestration.provide.table import columns_of
from ballast.warehouse.tables.frames import pandas_frame

if TYPE_CHECKING:
    from ballast.orchestration.run.inputs import Inputs

MEMORY = "BALLAST_MEMORY"
"""The environment variable that says how much memory a step may use."""
CELL_BYTES = 40
"""What a cell takes in memory at most while a step works: in Arrow, in pandas, and a copy for the method."""


def budget() -> int:
    """Gives how many bytes a step may use: what the environment says, else half of what there is.

    Raises ParameterError for what is not an amount of memory.
    """
    written = os.environ.get(MEMORY, "")
    return in_bytes(written, MEMORY) if written else default_budget()


def streamed_rows(inputs: Inputs) -> dict[str, Rows] | None:
    """Gives the tables that a node reads, by name, where they do not fit in memory and it can do with their parts.

    None where they fit, are not kept as files, or the node needs all rows at once.
    """
    node = inputs.node
    if node.stage != "test" or node.step is None or node.step.sample is not None:
        return None
    if not inputs.run.plan.method_of(node.name).stream_points or {b.source for b in node.bindings} != {"table"}:
        return None
    cells = sum(commit.row_count * commit.summary.get("columns", 1) for commit in inputs.commits.values())
    if cells * CELL_BYTES <= budget():
        return None
    found = {}
    for name, commit in inputs.commits.items():
        files = inputs.run.warehouse.files(commit.asset, version=commit.version)
        if files is None:
            return None
        found[name] = Rows.of_files(files)
    return found


def tested(inputs: Inputs, rows: Mapping[str, Rows]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Gives the report of a test over the parts of its tables, and what is to be remembered of it."""
    run, began = inputs.run, time.perf_counter()
    total, parts = (sum(map(count, rows.values())) for count in (len, lambda one: len(one.parts)))
    method = run.plan.method_of(inputs.node.name)
    with LocalEngine(memory=budget()) as engine:
        asset = run.plan.asset(inputs.node.name)
        run.log(
            f"{asset}: {total:,} rows are more than {in_words(budget())} of memory hold ({MEMORY}); they are added up "
            f"in {parts} parts by {engine.workers} processes"
        )
        with run.warehouse.staging(asset):  # while it is there, no prune removes what is read
            for binding in inputs.node.bindings:
                table = rows[binding.role].select(columns_of(inputs, binding.role, rows[binding.role].schema.names))
                method.merge(engine.fold(table, Learnt(clone(method)), _Frame(binding.term)).method)
    report = method.finalize()
    seconds = time.perf_counter() - began
    summary = {"rows": total, "parts": parts, "workers": engine.workers, "rows_per_second": round(total / seconds)}
    return report.table, {**report.remembered, "streamed": summary}


@dataclass(frozen=True)
class _Frame:
    """Makes of a batch the table that a call takes."""

    term: str

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pd.DataFrame]:
        return {self.term: pandas_frame(pa.table(batch))}
