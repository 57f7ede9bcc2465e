"""Which model an alias names, such as digits/production, and all that it has named before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import duckdb

from ballast.errors import OutdatedError
from ballast.warehouse.names import PUBLIC_SCHEMA, STORE, quoted
from ballast.warehouse.tables.commits import fetched

ALIASES = quoted(STORE, "aliases")
_COLUMNS = "alias, number, model, version, since, way, who, run_id, why, forced"

TABLES = (
    f"CREATE TABLE IF NOT EXISTS {ALIASES} (alias VARCHAR, number BIGINT, model VARCHAR, version BIGINT, "
    "since TIMESTAMP, way VARCHAR, who VARCHAR, run_id VARCHAR, why VARCHAR, forced BOOLEAN)",
    f"CREATE OR REPLACE VIEW {quoted(PUBLIC_SCHEMA, 'aliases')} AS SELECT {_COLUMNS} FROM {ALIASES}",
)


@dataclass(frozen=True)
class Use:
    """A model's version that an alias names from a time on.

    `number` counts an alias's uses from 1. `way` is how it came: by a pipeline's rule, by hand, or as a rollback to
    what the alias named before. `forced` says that gates were closed behind it. `since` is UTC.
    """

    alias: str
    number: int
    model: str
    version: int
    since: datetime
    way: Literal["rule", "hand", "rollback"]
    who: str
    run_id: str | None = None
    why: str = ""
    forced: bool = False

    @property
    def named(self) -> tuple[str, int]:
        return self.model, self.version

    def __str__(self) -> str:
        return f"{self.model} version {self.version}"


def select_uses(con: duckdb.DuckDBPyConnection, alias: str | None = None) -> list[Use]:
    """Gives the uses of an alias, or of all, the oldest first; none in a file of an older Ballast."""
    rows = fetched(
        con, f"SELECT {_COLUMNS} FROM {ALIASES} WHERE $1 IS NULL OR alias = $1 ORDER BY alias, number", [alias]
    )
    named = [dict(zip(_COLUMNS.split(", "), row, strict=True)) for row in rows]
    return [Use(**{**row, "since": row["since"].replace(tzinfo=UTC)}) for row in named]


def insert_use(con: duckdb.DuckDBPyConnection, use: Use) -> None:
    """Writes the next use of an alias; OutdatedError where another is in its place, so that of two one wins."""
    found = select_uses(con, use.alias)
    if found and found[-1].number >= use.number:
        won = found[-1]
        raise OutdatedError(
            f"{use.alias} was moved meanwhile to {won} ({won.way}, by {won.who}: {won.why}), so that {use} stays out; "
            f"look at `ballast history {use.alias}` and promote it again if that is still right"
        )
    values = [use.alias, use.number, use.model, use.version, use.since.astimezone(UTC).replace(tzinfo=None)]
    con.execute(
        f"INSERT INTO {ALIASES} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [*values, use.way, use.who, use.run_id, use.why, use.forced],
    )


def standing(uses: Sequence[Use]) -> list[Use]:
    """Gives of an alias's history what stands: the one in use last, before it what a rollback would go to, and so on.

    >>> of = [Use("a/b", n, "a/m", v, datetime.now(UTC), way, "me") for n, v, way in
    ...       [(1, 1, "rule"), (2, 2, "rule"), (3, 5, "hand"), (4, 2, "rollback")]]
    >>> [use.version for use in standing(of)]
    [1, 2]
    """
    found: list[Use] = []
    for use in uses:
        if use.way == "rollback":
            del found[-2:]
        found.append(use)
    return found


def kept(uses: Sequence[Use]) -> set[tuple[str, int]]:
    """Gives the models' versions that no prune may take: what each alias names, named before, or named last."""
    by_alias: dict[str, list[Use]] = {}
    for use in uses:
        by_alias.setdefault(use.alias, []).append(use)
    return {use.named for history in by_alias.values() for use in [*standing(history)[-2:], *history[-2:]]}
