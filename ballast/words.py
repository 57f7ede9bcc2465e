"""Text for people: names in lists, counts, shares, and any value short and on one line."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from typing import Any

SHOWN = 5
"""How many columns, ids or classes a message names before it says how many more there are."""

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80
_SHORT.maxlist = _SHORT.maxdict = _SHORT.maxtuple = _SHORT.maxset = 4
_SHORT.maxlevel = 3


def listed(values: Iterable[Any], most: int = SHOWN, by: str = ", ") -> str:
    """Gives "a, b, c" of few values and "a, b, c, d, e and 7 more" of many; an empty text of none."""
    texts = [str(value) for value in values]
    more = len(texts) - most
    return by.join(texts[:most]) + (f" and {more} more" if more > 0 else "")


def in_words(values: Iterable[Any], last: str = "and") -> str:
    """Gives "a", "a and b" or "a, b and c": all values, `last` before the last one; an empty text of none."""
    *before, end = [str(value) for value in values] or [""]
    return f"{', '.join(before)} {last} {end}" if before else end


def plural(n: int, noun: str) -> str:
    """Gives "1 row" or "3 rows": a number and its noun, whose plural ends in s (or es, after an s)."""
    ending = "" if n == 1 else "es" if noun.endswith("s") else "s"
    return f"{n} {noun}{ending}"


def percent(part: float, whole: float) -> str:
    """Gives "12.5 %", three digits at most; "no rows" of a whole that is empty."""
    return f"{100 * part / whole:.3g} %" if whole else "no rows"


def spaced(name: object) -> str:
    """Gives a name as words: "effective_share" as "effective share"."""
    return str(name).replace("_", " ")


def shown(value: Any) -> str:
    """Gives a value as Python writes it, its inner parts left out where it is long."""
    return _SHORT.repr(value)


def one_line(text: str, most: int = 450) -> str:
    """Gives a text of at most `most` characters: its middle left out, what is not printable written as an escape."""
    if len(text) > most:
        half = (most - 5) // 2
        text = f"{text[:half]} ... {text[-half:]}"
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= most else one_line(shown, most)
