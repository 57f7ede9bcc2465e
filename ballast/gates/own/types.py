"""What a column holds that another role's column of the same name cannot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ballast.columns import kind_of, numbers_of, scale_of
from ballast.precision import coarser_of, rounded
from ballast.words import percent

if TYPE_CHECKING:
    import pandas as pd

DAY = 86_400
REPEATED_SHARE = 0.5
"""Of a column's rows: where so many hold a number that stands there again, its numbers repeat."""


def type_fault(theirs: pd.Series, ours: pd.Series, role: str) -> str:
    """Says what a column holds that the other role's cannot; empty where it is of the same type."""
    if fault := kind_fault(theirs, ours, role):
        return fault
    kind = kind_of(ours)
    if "empty" in (kind, kind_of(theirs)):
        return ""
    if kind == "number" and is_whole(theirs) and not is_whole(ours):
        count, such = broken_of(ours)
        if count:
            return fractions(count, such, role)
    if kind == "number":
        return _precision_fault(theirs, ours, role)
    if kind == "time" and whole_days(theirs) and (numbers_of(ours.dropna()) % DAY).any():
        return moments(ours.dropna().iloc[0], role)
    return ""


def kind_fault(theirs: pd.Series, ours: pd.Series, role: str) -> str:
    """Says what a column holds that the other role's cannot, as far as its type and any one value tell."""
    kind, wanted = kind_of(ours), kind_of(theirs)
    if "empty" in (kind, wanted):
        return ""
    if kind != wanted:
        return f"holds {_MEANING[kind]} ({ours.dtype}) where {role}'s holds {_MEANING[wanted]} ({theirs.dtype})"
    if kind != "time":
        return ""
    scale, wanted = scale_of(ours), scale_of(theirs)
    if scale != wanted:
        return f"holds {_SCALES[scale]} where {role}'s holds {_SCALES[wanted]}"
    zone, zone_there = (getattr(side.dtype, "tz", None) is not None for side in (ours, theirs))
    if zone != zone_there:
        return f"has a time zone, and {role}'s has none" if zone else f"has no time zone, and {role}'s has one"
    return ""


def whole_days(values: pd.Series) -> bool:
    """Says whether a column of times is one of dates."""
    return scale_of(values) == "instant" and values.dtype.kind != "M"


def is_whole(values: pd.Series) -> bool:
    """Says whether a column is of a type of whole numbers."""
    return getattr(values.dtype, "kind", "O") in "iu"


def broken_of(values: pd.Series) -> tuple[int, float]:
    """Gives how many numbers are not whole ones, and the first of them."""
    there = values.dropna().astype(float)
    broken = there[there % 1 != 0]
    return len(broken), broken.iloc[0] if len(broken) else math.nan


def fractions(rows: int, such: object, role: str) -> str:
    """Says that numbers are not whole ones as a role's are."""
    return f"holds fractions in {rows} rows (such as {such}) where {role}'s are whole numbers"


def moments(such: object, role: str) -> str:
    """Says that times are not whole days as a role's are."""
    return f"holds times of day (such as {such}) where {role}'s are whole days"


def _precision_fault(theirs: pd.Series, ours: pd.Series, role: str) -> str:
    """Says that numbers which repeat differ for how they are kept alone; empty where they do not."""
    import pandas as pd

    here, there = (numbers_of(side.dropna()) for side in (ours, theirs))
    coarser = coarser_of(ours, here, theirs, there)
    if coarser is None or pd.Series(there).duplicated(keep=False).mean() < REPEATED_SHARE:
        return ""
    alike = np.isin(rounded(here, coarser), rounded(there, coarser)) & ~np.isin(here, there)
    if alike.mean() < REPEATED_SHARE:
        return ""
    fits = bool((rounded(here, coarser) == here).all())
    return passed_through(theirs, ours, role, coarser, int(alike.sum()), len(here), float(here[alike][0]), fits)


def passed_through(
    theirs: pd.Series, ours: pd.Series, role: str, coarser: np.dtype, alike: int, n: int, such: float, fits: bool
) -> str:
    """Says that so many of n numbers are equal in a coarser type alone, which all of ours fit or not."""
    which = "this one" if fits else f"{role}'s"
    return (
        f"({ours.dtype}) and {role}'s ({theirs.dtype}) are equal as {coarser} alone in {percent(alike, n)} of the rows "
        f"(such as {such}), for {which} has passed through {coarser}: keep both in one type"
    )


_SCALES = {"instant": "dates or moments", "time of day": "times of day", "duration": "durations"}
_MEANING = {
    "number": "numbers",
    "truth": "true and false",
    "time": "times",
    "category": "text or categories",
    "nested": "lists or mappings",
}
