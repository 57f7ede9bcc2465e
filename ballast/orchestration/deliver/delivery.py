"""One table of predictions on its way to a target, the columns that name its rows there, and what may go wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.types as pt

from ballast.errors import BallastError
from ballast.orchestration.spec.targets import TargetSpec
from ballast.warehouse.homes.urls import without_password

STEP, PARTITION, VERSION, RUN, MODEL = "step", "partition", "version", "run_id", "model"
"""The columns by which a target's rows say whose they are, of which version, and by which model."""


class TargetError(BallastError):
    """A table could not be written to its target; it is stored in the warehouse, and the next run writes it."""


class TargetBusyError(TargetError):
    """A target did not answer, or somebody held it for longer than the time allowed."""

    passing = True


@dataclass(frozen=True)
class Delivery:
    """A version of a step's table, and where it goes.

    Attributes
    ----------
    step : with its pipeline, as "churn/scored". partition : its key, None of a step that is not split.
    model : the step whose model predicted, also where the pipeline names it by an alias; its version is in the table.
    folder : what the target's path counts from. timeout : seconds to wait for whoever holds the target.
    newest : gives the newest version that is stored of the same partition.
    """

    target: TargetSpec
    step: str
    partition: str | None
    version: int
    run_id: str
    model: str
    table: pa.Table
    folder: Path
    timeout: float
    newest: Callable[[], int]

    @property
    def where(self) -> str:
        """The target in words, without a password."""
        to = self.target
        if to.path is not None:
            return to.path
        place = to.database if to.database is not None else without_password(str(to.postgres))
        return f"table {to.table} of {place}"

    def error(self, why: str, *, busy: bool = False) -> TargetError:
        """Gives the error that says which step, which target, why, and what of it is safe."""
        return (TargetBusyError if busy else TargetError)(
            f"{self.step} is not written to {self.where}: {why}. Version {self.version} of it is in the warehouse, and "
            "the next run writes it"
        )

    def rows(self) -> pa.Table:
        """Gives the rows as a target holds them: text, integers, doubles and truths, and whose they are.

        Raises TargetError for a column of another type.
        """
        n = self.table.num_rows
        named = {
            STEP: pa.repeat(pa.scalar(self.step), n),
            PARTITION: pa.repeat(pa.scalar(self.partition, pa.string()), n),
            VERSION: pa.repeat(pa.scalar(self.version, pa.int64()), n),
            RUN: pa.repeat(pa.scalar(self.run_id), n),
            MODEL: pa.repeat(pa.scalar(self.model), n),
        }
        own = {name: self._plain(name) for name in self.table.column_names}
        return pa.table({**own, **named})

    def _plain(self, name: str) -> pa.ChunkedArray:
        column = self.table.column(name)
        kind = column.type.value_type if pt.is_dictionary(column.type) else column.type
        plain = next((made for holds, made in _PLAIN if holds(kind)), None)
        if plain is None:
            raise self.error(f"column {name} is {kind}, and a target takes text, numbers and truths alone")
        return column.cast(plain)


_PLAIN: tuple[tuple[Callable[[pa.DataType], bool], pa.DataType], ...] = (
    (pt.is_uint64, pa.decimal128(20, 0)),
    (pt.is_integer, pa.int64()),
    (pt.is_floating, pa.float64()),
    (pt.is_boolean, pa.bool_()),
    (lambda kind: pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind), pa.string()),
    (pt.is_null, pa.string()),
)
"""What a column becomes, of which type it is; every value of the one is a value of the other."""
