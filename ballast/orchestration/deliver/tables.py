"""Predictions in a table of a database: a step's own rows are deleted and inserted in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from ballast.orchestration.deliver.delivery import MODEL, PARTITION, RUN, STEP, VERSION, Delivery
from ballast.warehouse.names import quoted


@dataclass(frozen=True)
class Kind:
    """What a database makes of a type of column: of which type a new one is, and which types of one hold its values."""

    made: str
    taken: frozenset[str]


class Transaction(Protocol):
    """A transaction that is open, to whose end no other one of Ballast's touches the same table."""

    kinds: Mapping[pa.DataType, Kind]
    """By the types of ``Delivery.rows``."""
    name: str
    """The table's name, quoted."""
    longest: int
    """Bytes of a column's name at most; of a longer one the end would be cut off."""

    def columns(self) -> dict[str, str]:
        """Gives the type of each of the table's columns; none where there is no such table."""
        ...

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs a statement, in which $1 is the first bound value; gives the rows that it has."""
        ...

    def insert(self, rows: pa.Table) -> None:
        """Adds rows, their columns by name."""
        ...


def replace_rows(delivery: Delivery, within: Transaction) -> bool:
    """Puts the rows in place of those that the table holds of the same step and partition; gives whether it had to.

    Raises TargetError where the table cannot say which rows these are, or cannot hold what is to be written; nothing
    is changed then, for the transaction is not committed.
    """
    rows = delivery.rows()
    held = within.columns()
    if held:
        _check_named(delivery, within, held)
        if _stands(delivery, within, held, rows.num_rows):
            return False
    _fit(delivery, within, held, rows)
    own, values = _own(delivery)
    within.execute(f"DELETE FROM {within.name} WHERE {own}", values)
    others = _count(within)
    within.insert(rows)
    found, total = _count(within, own, values), _count(within)
    if found != rows.num_rows or total != others + found:
        raise delivery.error(
            f"of {rows.num_rows} rows the table then held {found}, and {total - others} more in all; see which trigger "
            "or rule of the table changes rows"
        )
    return True


def _own(delivery: Delivery) -> tuple[str, list[Any]]:
    """Gives the condition of the rows that are the delivery's own, and its bound values."""
    if delivery.partition is None:
        return f"{quoted(STEP)} = $1 AND {quoted(PARTITION)} IS NULL", [delivery.step]
    return f"{quoted(STEP)} = $1 AND {quoted(PARTITION)} = $2", [delivery.step, delivery.partition]


def _count(within: Transaction, condition: str = "true", values: Sequence[Any] = ()) -> int:
    return within.execute(f"SELECT count(*) FROM {within.name} WHERE {condition}", values)[0][0]


def _check_named(delivery: Delivery, within: Transaction, held: Mapping[str, str]) -> None:
    """Raises TargetError where the table's columns cannot tell a step's rows of a partition from others."""
    text = within.kinds[pa.string()]
    for name in (STEP, PARTITION):
        wrong = f"is {held[name]}" if name in held else "is missing"
        if held.get(name) not in text.taken:
            raise delivery.error(
                f"the table's column {name} {wrong}, and {text.made} is needed to tell the step's own rows from others "
                f"(it has {_listed(held)}); add {STEP} and {PARTITION} as {text.made}, or name another table"
            )
    otherwise = "IS NOT NULL" if delivery.partition is None else "IS NULL"
    condition = f"{quoted(STEP)} = $1 AND {quoted(PARTITION)} {otherwise}"
    if n := _count(within, condition, [delivery.step]):
        now, then = ("no partitions", "had some") if delivery.partition is None else ("partitions", "had none")
        raise delivery.error(
            f"the step has {now}, and the table holds {n} rows of it from when it {then}, which would count twice: "
            f"delete those with {STEP} = '{delivery.step}' and {PARTITION} {otherwise}"
        )


def _stands(delivery: Delivery, within: Transaction, held: Mapping[str, str], n: int) -> bool:
    """Says whether the table holds just these rows already, or those of a newer version that another run has stored."""
    if not {VERSION, RUN, MODEL, *delivery.table.column_names} <= held.keys():
        return False
    own, values = _own(delivery)
    version = f"CAST({quoted(VERSION)} AS VARCHAR)"
    of_this = f"{own} AND {version} = ${len(values) + 1} AND {quoted(RUN)} = ${len(values) + 2}"
    if _count(within, own, values) == n == _count(within, of_this, [*values, str(delivery.version), delivery.run_id]):
        return True
    newest = delivery.newest()
    found = within.execute(f"SELECT DISTINCT {version} FROM {within.name} WHERE {own}", values)
    return newest > delivery.version and found == [(str(newest),)]


def _fit(delivery: Delivery, within: Transaction, held: Mapping[str, str], rows: pa.Table) -> None:
    """Makes the table, or adds the columns that it lacks; TargetError where one that it has cannot hold the values."""
    made = {field.name: within.kinds[field.type] for field in rows.schema}
    if long := [name for name in made if len(name.encode()) > within.longest]:
        raise delivery.error(
            f"the name of column {long[0]} has more than the {within.longest} bytes that the database takes; shorten "
            "that of the class or step behind it"
        )
    if not held:
        columns = ", ".join(f"{quoted(name)} {kind.made}" for name, kind in made.items())
        within.execute(f"CREATE TABLE {within.name} ({columns})")
        return
    wrong = [name for name, kind in made.items() if name in held and held[name] not in kind.taken]
    if wrong and rows.num_rows:  # of no rows a column may not know its type
        wanted = {name: kind.made for name, kind in made.items()}
        raise delivery.error(
            f"the table's column {wrong[0]} is {held[wrong[0]]}, which cannot hold every {wanted[wrong[0]]} as it is; "
            f"the predictions have {_listed(wanted)}, the table has {_listed(held)}: change the column, or name "
            "another table"
        )
    for name, kind in made.items():
        if name not in held:
            within.execute(f"ALTER TABLE {within.name} ADD COLUMN {quoted(name)} {kind.made}")


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in columns.items())
