"""How many rows to draw."""

from __future__ import annotations


def n_rows(asked: int | float | None, n: int) -> int:
    """Gives a number of rows from a count, a share of ``n`` (at least one row), or None for ``n``."""
    if asked is None:
        return n
    return max(1, round(asked * n)) if isinstance(asked, float) else int(asked)
