"""Which versions may go, and their going."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

import duckdb

from ballast.errors import WarehouseError
from ballast.stages import MODEL_KINDS
from ballast.warehouse.tables.aliases import kept, select_uses
from ballast.warehouse.tables.ancestry import behind
from ballast.warehouse.tables.commits import COMMIT_COLUMNS, COMMITS, GATES, JUDGED, Commit, commit_of, fetched


def check_choice(keep: int | None, older_than: timedelta | None, partitions: Sequence[tuple[str, str]] | None) -> None:
    """Raises WarehouseError where not one way of choosing is given, but none or several, or one is not positive."""
    if sum(choice is not None for choice in (keep, older_than, partitions)) != 1:
        raise WarehouseError("prune needs one of keep (a number of versions), older_than (an age) and partitions")
    if keep is not None and keep < 1:
        raise WarehouseError(f"prune: keep={keep} must be at least 1; the latest version always stays")
    if older_than is not None and older_than < timedelta(0):
        raise WarehouseError(f"prune: older_than={older_than} must not be negative")


def chosen(
    con: duckdb.DuckDBPyConnection,
    keep: int | None,
    older_than: timedelta | None,
    partitions: Sequence[tuple[str, str]] | None,
    *,
    models: bool,
) -> list[Commit]:
    """Gives the commits that may go, oldest first: old versions, or all of some (asset, partition).

    Of old versions never the latest of a partition; of the others those that are not among the newest `keep`, or older
    than `older_than`. Unless `models`, neither a model nor a version that one was made from. Never what an alias names,
    or named last, nor what that was made from.
    """
    named = {(c.asset, c.version) for c in behind(con, wanted)} if (wanted := kept(select_uses(con))) else set()
    found = _of_partitions(con, partitions) if partitions is not None else _old(con, keep, older_than, models=models)
    return [commit for commit in found if (commit.asset, commit.version) not in named]


def _old(
    con: duckdb.DuckDBPyConnection, keep: int | None, older_than: timedelta | None, *, models: bool
) -> list[Commit]:
    before = None if older_than is None else (datetime.now(UTC) - older_than).replace(tzinfo=None)
    rows = fetched(
        con,
        f"SELECT {COMMIT_COLUMNS} FROM {COMMITS} "
        "QUALIFY row_number() OVER (PARTITION BY asset, partition ORDER BY version DESC) > $1 "
        "AND ($2 IS NULL OR created_at < $2::TIMESTAMP) ORDER BY created_at, asset, version",
        [keep or 1, before],
    )
    found = [commit_of(row) for row in rows]
    if models:
        return found
    needed = _models_made_from(con)
    return [c for c in found if c.kind not in MODEL_KINDS and (c.asset, c.version) not in needed]


def _of_partitions(con: duckdb.DuckDBPyConnection, partitions: Sequence[tuple[str, str]]) -> list[Commit]:
    """Gives all commits of some (asset, partition), oldest first, without those that another model was made from."""
    rows = fetched(
        con,
        f"SELECT {COMMIT_COLUMNS} FROM {COMMITS} WHERE (asset, partition) IN "
        "(SELECT (unnest($1::VARCHAR[]), unnest($2::VARCHAR[]))) ORDER BY created_at, asset, version",
        [[asset for asset, _ in partitions], [partition for _, partition in partitions]],
    )
    found = [commit_of(row) for row in rows]
    needed = _models_made_from(con, but={(commit.asset, commit.version) for commit in found})
    return [commit for commit in found if (commit.asset, commit.version) not in needed]


def _models_made_from(con: duckdb.DuckDBPyConnection, but: Collection[tuple[str, int]] = ()) -> set[tuple[str, int]]:
    """Gives the versions that stored models were made from, leaving some models out."""
    models = fetched(
        con, f"SELECT asset, version, inputs FROM {COMMITS} WHERE kind IN (SELECT unnest(?))", [list(MODEL_KINDS)]
    )
    return {i for asset, version, inputs in models if (asset, version) not in but for i in json.loads(inputs).items()}


def delete_commits(con: duckdb.DuckDBPyConnection, gone: Sequence[Commit]) -> None:
    """Removes the records of commits and the verdicts on them."""
    values = [[commit.asset for commit in gone], [commit.version for commit in gone]]
    for records in (COMMITS, GATES, JUDGED):
        con.execute(
            f"DELETE FROM {records} WHERE (asset, version) IN (SELECT (unnest($1::VARCHAR[]), unnest($2::BIGINT[])))",
            values,
        )
