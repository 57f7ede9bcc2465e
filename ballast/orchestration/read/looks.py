"""What columns that stay text look like, where an option or a change of the file would give them a type."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import islice, product

import duckdb
import pyarrow as pa

from ballast.warehouse.names import literal, quoted
from ballast.words import percent

_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y-%m-%d",
         "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y")  # fmt: skip
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_FORMATS = tuple(map("".join, product(_DAYS, _CLOCKS)))
_NUMBER = "[+-]?(0|[1-9][0-9]{0,2}([., '][0-9]{3})*)([.,][0-9]+)?"
_THOUSANDS = "[0-9][., '][0-9]{3}([.,].*)?"
_FIRST = 20
"""Values that are tried before all are."""
_MOST = 0.9
"""Share of the values from which a column looks like something."""


def looks(con: duckdb.DuckDBPyConnection, table: pa.Table, name: str, key: str) -> str | None:
    """Gives what a column of text looks like, with the share of rows and the option of ``data.<role>`` (`key`)."""
    column = table[name].drop_null()
    formats = [f for f in _FORMATS if any(_is_written(text.as_py(), f) for text in islice(column, _FIRST))]
    text = quoted(name)
    tests = {f: f"count(try_strptime({text}, {literal(f)}))" for f in formats}
    if not formats and any(re.fullmatch(_NUMBER, value.as_py()) for value in islice(column, _FIRST)):
        some = f"bool_or(regexp_matches({text}, {literal(_THOUSANDS + '$')}))"
        tests = {
            _NUMBER: f"count(*) FILTER (WHERE regexp_full_match({text}, {literal(_NUMBER)})) * CAST({some} AS INT)"
        }
    if not tests:
        return None
    con.register("texts", pa.table({name: column}))
    sql = f"SELECT {', '.join(tests.values())} FROM texts"
    counts = dict(zip(tests, con.execute(sql).fetchall()[0], strict=True))
    most = max(counts.values())
    if most < _MOST * len(column):
        return None
    share = f"in {percent(most, len(column))} of {len(column):,} rows with a value"
    written = [f for f in formats if counts[f] == most]
    if not written:
        return f"looks like numbers with a mark between thousands {share}; it is text unless the file has them without"
    ways = " or ".join(written)
    return f"looks like dates written as {ways} {share}; it is text until {key}.options.date_format names it"


def _is_written(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True
