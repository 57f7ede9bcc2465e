"""Tables on the terminal, and the answer to a query as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from ballast.cli.console import harmless

if TYPE_CHECKING:
    import pandas as pd


MOST_ROWS = 200
_NARROWEST = 10  # characters of the terminal that a column needs, its frame included


def print_fitting(
    console: Console, head: Sequence[str], rows: Sequence[Sequence[str]], *, spare: Sequence[str] = ()
) -> None:
    """Prints a table of which no column is cut: the first one is folded where the terminal has no room for all.

    Parameters
    ----------
    head : the columns' names; one that ends in " >" stands to the right.
    rows : the cells, in rich's markup.
    spare : columns to leave out, the first one first, as long as the table does not fit.

    Without a terminal it is plain text, and nothing is left out or folded.
    """
    names, right = [name.removesuffix(" >") for name in head], [name.endswith(" >") for name in head]
    cells = [[Text.from_markup(harmless(cell)) for cell in row] for row in (names, *rows)]
    lengths = [max(cell.cell_len for cell in column) for column in zip(*cells, strict=True)]
    kept = list(range(len(head)))
    if not console.is_terminal:
        for row in cells:
            sides = zip(row, lengths, right, strict=True)
            line = "  ".join(cell.plain.rjust(n) if to_right else cell.plain.ljust(n) for cell, n, to_right in sides)
            console.print(line.rstrip(), markup=False, highlight=False, soft_wrap=True)
        return
    for name in spare:
        if sum(lengths[j] + 2 for j in kept) > console.width:
            kept.remove(names.index(name))
    columns = (
        Column(names[j], justify="right" if right[j] else "left", no_wrap=j != kept[0], overflow="fold") for j in kept
    )
    table = Table(*columns, box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for row in cells[1:]:
        table.add_row(*(row[j] for j in kept))
    console.print(table)


def print_frame(console: Console, frame: pd.DataFrame) -> None:
    """Prints a table; one whose columns do not stand side by side on the terminal, a row after the other."""
    names = [escape(str(name)) for name in frame.columns]
    rows = ([escape(str(value)) for value in row] for row in frame.head(MOST_ROWS).itertuples(index=False))
    if _NARROWEST * len(names) <= console.width:
        table = Table(*(Column(name, overflow="fold") for name in names), header_style="bold")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    else:
        for number, row in enumerate(rows, 1):
            table = Table(Column(style="bold"), Column(overflow="fold"), title=f"row {number}", show_header=False)
            for pair in zip(names, row, strict=True):
                table.add_row(*pair)
            console.print(table)
    if len(frame) > MOST_ROWS:
        console.print(f"{MOST_ROWS} of {len(frame):,} rows; add LIMIT, or --csv for all")


def csv_of(frame: pd.DataFrame) -> str:
    """Gives a table as CSV that a spreadsheet only shows.

    A text, or a column's name, that begins like a formula gets an apostrophe in front; numbers stay numbers.
    """
    from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype, is_timedelta64_dtype

    texts = frame.rename(columns=_no_formula)
    for place, kind in enumerate(texts.dtypes):
        if not (is_numeric_dtype(kind) or is_datetime64_any_dtype(kind) or is_timedelta64_dtype(kind)):
            column: Any = texts.iloc[:, place]
            texts.isetitem(place, column.astype(object).map(_no_formula))
    return texts.to_csv(index=False)


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four are wide


def _no_formula(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
