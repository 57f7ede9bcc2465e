"""The types of a text file's columns: the narrowest that holds every value of the whole file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from ballast.errors import DataError
from ballast.orchestration.read.dialect import TextFiles
from ballast.orchestration.read.query import executed
from ballast.orchestration.read.text import (
    CANDIDATES,
    Written,
    doubtful,
    is_quick,
    not_sniffed,
    out_of_range,
    unfit,
    value,
)
from ballast.warehouse.names import literal, quoted

_SAMPLE = 1_000
_AT_ONCE = 64
"""Columns that one query looks at, so that its plan stays small."""
_LONG_NUMBER = "[+-]?[0-9]{16,}"


@dataclass(frozen=True)
class Typed:
    """The types of a text file's columns, and how their values are written.

    `sniffed` names the columns whose type nothing but their texts says, of these `unseen` those without a value so far,
    and `explicit` those that the user has given one.
    """

    kinds: Mapping[str, str]
    how: Written
    sniffed: frozenset[str] = frozenset()
    explicit: frozenset[str] = frozenset()
    unseen: frozenset[str] = frozenset()

    def value(self, name: str, text: str) -> str:
        return value(text, self.kinds[name], self._how(name))

    def unfit(self, name: str, text: str, made: str) -> str:
        rule = not_sniffed if name in self.sniffed else unfit
        return rule(text, made, self.kinds[name], self._how(name))

    def is_quick(self, name: str) -> bool:
        return is_quick(self.kinds[name], self._how(name))

    def doubtful(self, name: str, text: str, made: str, missing: Sequence[str]) -> str:
        return doubtful(text, made, self.kinds[name], self._how(name), missing)

    def _how(self, name: str) -> Written:
        return replace(self.how, strict=name not in self.explicit)


def guessed(con: duckdb.DuckDBPyConnection, text: TextFiles, typed: Typed, where: str) -> Typed:
    """Gives `typed` with the types of all other columns, as the first rows have them."""
    names = [name for name in text.names if name not in typed.kinds]
    executed(
        con, f"CREATE OR REPLACE TEMP TABLE first_rows AS FROM {text.sql} LIMIT {_SAMPLE}", where, "cannot be read"
    )
    found, how = _sniffed(con, text, names, typed.how, where, "first_rows")
    texts = [name for name in names if found[name] == "VARCHAR"]
    counts = _counts(con, "first_rows", dict.fromkeys(texts, ()), how, where)
    unseen = frozenset(name for name in texts if not counts[name][""])
    return replace(typed, kinds={**typed.kinds, **found}, how=how, sniffed=frozenset(names), unseen=unseen)


def widened(con: duckdb.DuckDBPyConnection, text: TextFiles, typed: Typed, where: str) -> Typed:
    """Gives `typed` with types that hold every row: its own where they do, else the next that does."""
    names = [name for name in text.names if name in typed.sniffed]
    counts = _counts(con, text.sql, {name: (typed.kinds[name],) for name in names}, typed.how, where)
    wrong = [name for name in names if name in typed.unseen or counts[name][typed.kinds[name]]]
    found, how = _sniffed(con, text, wrong, typed.how, where, text.sql)
    if how != typed.how:  # a decimal comma that the first rows did not show: all columns are to be looked at again
        found, how = _sniffed(con, text, names, how, where, text.sql)
    return replace(typed, kinds={**typed.kinds, **found}, how=how, unseen=frozenset())


def kind_of(con: duckdb.DuckDBPyConnection, value: str, where: str) -> str:
    """Gives the type that a text would have on its own."""
    counts = _counts(con, f"(SELECT {literal(value)} AS one)", {"one": CANDIDATES}, Written(), where)["one"]
    return next(kind for kind in CANDIDATES if not counts[kind])


def _sniffed(
    con: duckdb.DuckDBPyConnection, text: TextFiles, names: Sequence[str], how: Written, where: str, rows: str
) -> tuple[dict[str, str], Written]:
    """Gives for each column the first of its candidates that holds all `rows`, text where there are no values."""
    counts = _counts(con, rows, {name: text.candidates[name] for name in names}, how, where)
    kinds = {
        name: next((k for k in text.candidates[name] if not counts[name][k]), "VARCHAR")
        if counts[name][""]
        else "VARCHAR"
        for name in names
    }
    texts = [name for name, kind in kinds.items() if kind == "VARCHAR" and counts[name][""]]
    if text.delimiter and _has_decimal_comma(con, text, rows, texts, how, where):
        return _sniffed(con, text, names, replace(how, comma=True), where, rows)
    _refuse_numbers_of_no_float(con, text, [name for name in texts if "DOUBLE" in text.candidates[name]], rows, where)
    return kinds, how


def _counts(
    con: duckdb.DuckDBPyConnection, rows: str, asked: Mapping[str, Sequence[str]], how: Written, where: str
) -> dict[str, dict[str, int]]:
    """Gives by column and type how many texts the type does not hold, and under "" how many texts there are."""
    found: dict[str, dict[str, int]] = {}
    for some in _portions(list(asked)):
        inner, outer, keys = [], [], []
        for i, name in enumerate(some):
            inner.append(f"{quoted(name)} AS t{i}")
            outer.append(f"count(t{i})")
            keys.append((name, ""))
            for j, kind in enumerate(asked[name]):
                inner.append(f"{value(quoted(name), kind, how)} AS v{i}_{j}")
                outer.append(f"count(*) FILTER (WHERE {not_sniffed(f't{i}', f'v{i}_{j}', kind, how)})")
                keys.append((name, kind))
        sql = f"SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner)} FROM {rows})"
        for (name, kind), n in zip(keys, executed(con, sql, where, "cannot be read").fetchall()[0], strict=True):
            found.setdefault(name, {})[kind] = n
    return found


def _portions(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), _AT_ONCE):
        yield names[start : start + _AT_ONCE]


def _numbers_with(con: duckdb.DuckDBPyConnection, rows: str, name: str, mark: str, where: str) -> bool:
    """Gives whether every text is a number, some with a mark for the decimals."""
    column = quoted(name)
    number = f"[+-]?[0-9]*([{mark}][0-9]+)?([eE][+-]?[0-9]+)?"
    every = f"bool_and(regexp_full_match({column}, '{number}'))"
    sql = f"SELECT {every} AND bool_or(contains({column}, '{mark}')) FROM {rows}"
    return bool(executed(con, sql, where, "cannot be read").fetchall()[0][0])


def _may_be_thousands(con: duckdb.DuckDBPyConnection, rows: str, name: str, where: str) -> bool:
    sql = f"SELECT bool_and(regexp_full_match({quoted(name)}, '[+-]?[0-9]{{1,3}}(,[0-9]{{3}})*')) FROM {rows}"
    return bool(executed(con, sql, where, "cannot be read").fetchall()[0][0])


def _has_decimal_comma(
    con: duckdb.DuckDBPyConnection, text: TextFiles, rows: str, texts: Sequence[str], how: Written, where: str
) -> bool:
    """Gives whether numbers are still to be read with a decimal comma; DataError where the file does not say it."""
    found = [name for name in texts if _numbers_with(con, rows, name, "." if how.comma else ",", where)]
    if not found:
        return False
    both = how.comma and "others have a decimal comma"
    thousands = all(_may_be_thousands(con, rows, name, where) for name in found) and "it may part thousands"
    quoted_numbers = text.delimiter == "," and "a comma parts the columns as well"
    if why := both or thousands or quoted_numbers:
        mark = "a point" if how.comma else "a comma"
        raise DataError(
            f"{where}: the numbers in column {found[0]!r} are written with {mark}, and {why}; say how they are meant "
            f"with `options: {{decimal: ','}}`, or with `types: {{{found[0]}: text}}`"
        )
    return True


def _refuse_numbers_of_no_float(
    con: duckdb.DuckDBPyConnection, text: TextFiles, texts: Sequence[str], rows: str, where: str
) -> None:
    """Raises DataError for a column of numbers of which a float would round some whole ones, or has no room for."""
    for name in texts:
        column = quoted(name)
        sql = (
            f"SELECT bool_and(TRY_CAST({column} AS DOUBLE) IS NOT NULL), "
            f"max({column}) FILTER (WHERE regexp_full_match({column}, '{_LONG_NUMBER}') "
            f"OR {out_of_range(column, f'TRY_CAST({column} AS DOUBLE)')}), "
            f"bool_or(regexp_full_match({column}, '[+-]?0[0-9].*')) FROM {rows}"
        )
        numbers, long, led = executed(con, sql, where, "cannot be read").fetchall()[0]
        if numbers and long is not None and not led:
            raise DataError(
                f"{where}: column {name!r} holds numbers, of which a float would change some (such as {long}); say "
                f"what they are with `types: {{{name}: text}}`, decimal or double"
            )
