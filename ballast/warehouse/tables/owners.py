"""Who owns a pipeline's name: the project whose runs store under it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from ballast.warehouse.names import STORE, quoted
from ballast.warehouse.tables.commits import fetched

OWNERS = quoted(STORE, "owners")

TABLES = (
    f"CREATE TABLE IF NOT EXISTS {OWNERS} "
    "(pipeline VARCHAR, project VARCHAR, host VARCHAR, folder VARCHAR, since TIMESTAMP)",
)


@dataclass(frozen=True)
class Owner:
    """Where a pipeline of this name is declared.

    `folder` is the one of its file: from the project's root where the warehouse lies within the project, so that the
    two move together, else absolute and of `host`. `project` is the name in the project's pyproject.toml, if it has
    one. `since` is UTC.
    """

    pipeline: str
    project: str | None
    host: str
    folder: str
    since: datetime

    def __str__(self) -> str:
        project = "a project" if self.project is None else f"project {self.project!r}"
        return f"{project} in {self.folder} on {self.host}, since {self.since:%Y-%m-%d %H:%M} UTC"


def select_owner(con: duckdb.DuckDBPyConnection, pipeline: str) -> Owner | None:
    """Gives the owner of a name, whatever its capitals, which SQL ignores."""
    found = fetched(
        con,
        f"SELECT pipeline, project, host, folder, since FROM {OWNERS} WHERE lower(pipeline) = lower(?)",
        [pipeline],
    )
    return Owner(*found[0][:-1], since=found[0][-1].replace(tzinfo=UTC)) if found else None


def replace_owner(con: duckdb.DuckDBPyConnection, owner: Owner) -> None:
    """Makes somebody the owner of a name."""
    con.execute(f"DELETE FROM {OWNERS} WHERE lower(pipeline) = lower(?)", [owner.pipeline])
    since = owner.since.astimezone(UTC).replace(tzinfo=None)
    con.execute(
        f"INSERT INTO {OWNERS} VALUES (?, ?, ?, ?, ?)",
        [owner.pipeline, owner.project, owner.host, owner.folder, since],
    )
