"""What is told of the columns of a source beside their values: what they look like, what they lack, where rows go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager

import pyarrow as pa

from ballast.orchestration.plan.partitions import outside
from ballast.orchestration.read.folders import none_outside
from ballast.orchestration.read.looks import looks
from ballast.orchestration.read.reading import Source, Text
from ballast.orchestration.spec.occasions import DimensionSpec, PartitionsSpec
from ballast.warehouse.names import quoted
from ballast.words import listed, plural


def told_of(source: Source, table: pa.Table, added: Iterable[str], where: str) -> dict[str, str]:
    """Gives what there is to tell by column of a table that was read; `added` are features that training lacks."""
    ignored = dict.fromkeys(added, "ignored: training does not have it")
    return together(source.told, _blank(source), _looks(source, table, where), ignored)


def together(*told: Mapping[str, str]) -> dict[str, str]:
    """Gives what several tell by column, one thing after another."""
    names = dict.fromkeys(name for some in told for name in some)
    return {name: "; ".join(some[name] for some in told if name in some) for name in names}


def outside_of(
    source: Source, declared: PartitionsSpec, whole: Callable[[], AbstractContextManager[Source]]
) -> dict[str, str]:
    """Gives how many rows are in none of the partitions, by the columns that tell them apart.

    `whole` opens the source with all its files, where the folders of those that are not read do not say it.
    """
    if source.is_whole:
        return together(*(_outside(source, column, dimension) for column, dimension in declared.dimensions.items()))
    if none_outside(source.con, source.everywhere, declared, source.kinds, source.where):
        return {}
    with whole() as all_of_it:
        return outside_of(all_of_it, declared, whole)


def _blank(source: Source) -> dict[str, str]:
    """Gives the columns that some files lack, with these files and their rows."""
    if source.files is None:
        return {}
    rows = {name: source.rows_of(name) for name in dict.fromkeys(n for names in source.absent.values() for n in names)}
    found = {}
    for column, names in source.absent.items():
        files = f"{len(names)} of {len(source.files.names)} files ({listed(map(source.files.shown, names), most=3)})"
        n = sum(rows[name] for name in names)
        whose, have = "its" if len(names) == 1 else "their", "has" if n == 1 else "have"
        found[column] = f"blank: missing in {files}: {whose} {plural(n, 'row')} {have} no value"
    return {column: what for column, what in found.items() if column not in source.spec.drop}


def _looks(source: Source, table: pa.Table, where: str) -> dict[str, str]:
    """Gives the columns of a file that are text though they look like dates, or like numbers with thousands."""
    if not isinstance(source, Text):
        return {}
    unasked = {source.spec.id, *source.spec.types, *source.spec.drop}
    found = {}
    for name, kind in source.kinds.items():
        if kind == "VARCHAR" and name not in unasked:
            seen = looks(source.con, table, name, where.rpartition(": ")[2])
            found |= {name: f"kept as text: {seen}"} if seen is not None else {}
    return found


def _outside(source: Source, name: str, declared: DimensionSpec) -> dict[str, str]:
    """Gives how many of a source's rows are in none of the partitions of a column, and why."""
    kinds = outside(declared, quoted(name), source.kinds[name], source.where)
    values = [value for _, bound in kinds.values() for value in bound]
    rows, *found = source.counts(name, [sql for sql, _ in kinds.values()], values)
    said = [f"{n} {why}" for why, n in zip(kinds, found, strict=True) if n]
    counts = f"{sum(found)} of {rows} rows are in none: {', '.join(said)}"
    return {name: f"outside the partitions: {counts}"} if said else {}
