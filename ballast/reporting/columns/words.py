"""How a column has changed, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from ballast.reporting.columns.values import MISSING, Categories, Kind, Numbers
from ballast.words import one_line
from ballast.words import shown as quoted

TOLD_MISSING = 0.01
"""The change of the share of missing values from which on it is told."""

SECONDS_A_YEAR = 31_556_952


def short(value: float) -> str:
    """Gives a number with three digits, as 0.825, 12.4 or 1,240."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"


def moment(seconds: float) -> str:
    """Gives a time as its day; beyond the years 1 to 9999 as its year."""
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).date().isoformat()
    except OverflowError:
        return f"year {1970 + seconds / SECONDS_A_YEAR:.0f}"


def change_of_numbers(values: Numbers, kind: Kind) -> str:
    """Gives the medians or, where these are alike, the means or the spreads; empty where all are."""
    write = moment if kind == "times" else short
    sides = values.train, values.target
    for name, of in (("median", np.median), ("mean", np.mean)):
        before, after = (write(float(of(side))) for side in sides)
        if before != after:
            return f"{name} {before} → {after}{_missing(values.missing)}"
    with np.errstate(over="ignore"):  # squares of the largest doubles
        spreads = [float(np.std(side)) for side in sides]
    before, after = map(short, spreads)
    told = before != after and kind == "numbers" and np.isfinite(spreads).all()
    spread = f"standard deviation {before} → {after}" if told else ""
    return f"{spread}{_missing(values.missing)}".removeprefix(", ")


def change_of_categories(values: Categories) -> str:
    """Gives the shares of the value whose share has changed most; empty where none has."""
    before, after = values.shares[:2]
    most = int(np.lexsort((-before, -np.round(np.abs(after - before), 12)))[0])  # of two alike the more common one
    if before[most] == after[most]:
        return ""
    name = values.names[most]
    called = "missing" if name == MISSING else f"share of {quoted(one_line(name, 60))}"
    return f"{called} {_percent(before[most], after[most])}"


def _missing(shares: tuple[float, float]) -> str:
    return f", missing {_percent(*shares)}" if abs(shares[1] - shares[0]) >= TOLD_MISSING else ""


def _percent(before: float, after: float) -> str:
    """Gives two shares with as many digits as tell them apart, three at most."""
    digits = next((d for d in range(2) if f"{before:.{d}%}" != f"{after:.{d}%}"), 1)
    return f"{before:.{digits}%} → {after:.{digits}%}"
