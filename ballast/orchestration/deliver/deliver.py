"""Writes a version of a step's table to its target."""

from __future__ import annotations

from ballast.orchestration.deliver.delivery import Delivery
from ballast.orchestration.deliver.files import write_files
from ballast.orchestration.deliver.in_duckdb import duckdb_table
from ballast.orchestration.deliver.in_postgres import postgres_table
from ballast.orchestration.deliver.tables import replace_rows


def deliver(delivery: Delivery) -> bool:
    """Makes a target hold the delivery in place of the same step's and partition's rows; gives whether it did not yet.

    Whole or not at all: a process that is killed leaves the target as it was or as it is to be.

    Raises
    ------
    TargetError
        It cannot be reached, read or written, or cannot tell the step's own rows from others; it is as it was.
    """
    if delivery.target.path is not None:
        return write_files(delivery)
    opened = duckdb_table if delivery.target.database is not None else postgres_table
    with opened(delivery) as table:
        return replace_rows(delivery, table)
