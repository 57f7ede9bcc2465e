"""How many threads the numerical libraries use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

SMALL = 2_000_000
"""Cells of data below which starting and joining threads costs more than they save."""


@contextmanager
def threads_for(n_cells: int) -> Iterator[None]:
    """Holds BLAS and OpenMP (scikit-learn's and torch's too) to one thread while work on few cells is done.

    On small data threads gain nothing, and where other processes want the cores as well they wait for one another:
    a gradient boosting of 900 rows takes 20 s on two busy cores with two threads, and 1 s with one.
    """
    from threadpoolctl import threadpool_limits

    if n_cells >= SMALL:
        yield
        return
    with threadpool_limits(limits=1):
        yield
