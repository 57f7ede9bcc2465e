"""Two verbs over the parts of a table: fold them into a state, or map each to a file of its own."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from ballast.compute.progress import tell
from ballast.compute.rows import Part, Rows
from ballast.errors import BallastError

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class EngineError(BallastError):
    """The processes or machines that were to do the work could not be had, or were lost."""

    passing = True


class State(Protocol):
    """What rows come to: an empty one is the start, batches are added, and those of several parts merged in order."""

    def add(self, batch: Any, /) -> Any: ...

    def merge(self, other: Self, /) -> Any: ...


Folded = TypeVar("Folded", bound=State)


class Engine(ABC):
    """Where work on the parts of a table is done.

    What comes out does not depend on it, nor on how many work: the parts are the table's, each is worked on by a single
    thread, and the states of parts are merged in the order of these.
    """

    name: str
    workers: int

    @abstractmethod
    def each(self, work: Callable[[Item], Outcome], items: Sequence[Item]) -> Iterator[Outcome]:
        """Gives what `work` gives for each item, in their order, whoever is done first; a few are ahead of the reader.

        An error of the work comes out as it is. Raises EngineError where workers were lost for good.
        """

    def fold(self, rows: Rows, state: Folded, through: Callable[[pa.RecordBatch], Any] | None = None) -> Folded:
        """Gives the state that all rows come to from an empty one, which stays as it is.

        What is added is each batch, or what `through` makes of it where the work is done. Tells how many rows are done
        (``ballast.compute.progress``).
        """
        folded = copy.deepcopy(state)
        for part in self.over(Folding(rows.without_parts(), state, through), rows):
            folded.merge(part)
        return folded

    def map(
        self, rows: Rows, work: Callable[[pa.RecordBatch], pa.RecordBatch], folder: str | Path, schema: pa.Schema
    ) -> Rows:
        """Writes what becomes of each batch into Parquet files of a folder, one a part, and gives them as rows.

        A folder that workers on other machines do not see is told by what they wrote being missing.
        """
        Path(folder).mkdir(parents=True, exist_ok=True)
        files = list(self.over(Mapping(rows.without_parts(), work, str(folder), schema), rows))
        if lost := [name for name in files if not Path(name).exists()]:
            raise EngineError(
                f"{len(lost)} of {len(files)} files that workers wrote are not here ({lost[0]}); put {folder} on "
                "storage that all machines of the cluster see under the same name"
            )
        return Rows.of_files(files, schema)

    def over(self, work: Callable[[tuple[int, Part]], Outcome], rows: Rows) -> Iterator[Outcome]:
        """Gives what `work` gives for each part and its number, in their order, and tells how many rows are done."""
        done, total = 0, len(rows)
        tell("row", done, total)
        for part, outcome in zip(rows.parts, self.each(work, list(enumerate(rows.parts))), strict=True):
            yield outcome
            done += part.rows
            tell("row", done, total)

    def close(self) -> None:  # noqa: B027 (there may be none)
        """Lets go of the workers; an engine that is used again afterwards gets others."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class Folding:
    """Folds one part of rows, in whatever process."""

    rows: Rows
    state: Any
    through: Callable[[pa.RecordBatch], Any] | None

    def __call__(self, numbered: tuple[int, Part]) -> Any:
        folded = copy.deepcopy(self.state)
        for batch in self.rows.batches(numbered[1]):
            folded.add(batch if self.through is None else self.through(batch))
        return folded


@dataclass(frozen=True)
class Mapping:
    """Writes what becomes of one part of rows into a file, in whatever process."""

    rows: Rows
    work: Callable[[pa.RecordBatch], pa.RecordBatch]
    folder: str
    schema: pa.Schema

    def __call__(self, numbered: tuple[int, Part]) -> str:
        number, part = numbered
        file = Path(self.folder) / f"part-{number:06d}.parquet"
        begun = file.with_suffix(".begun")  # one that is not whole has another name, and a second try writes it anew
        with pq.ParquetWriter(begun, self.schema, compression="zstd") as writer:
            for batch in self.rows.batches(part):
                writer.write_batch(self.work(batch))
        begun.replace(file)
        return str(file)


def alone(work: Callable[[Item], Outcome], item: Item) -> Outcome:
    """Does work with the numerical libraries held to one thread, so that the same sums come out whoever adds them."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        return work(item)
