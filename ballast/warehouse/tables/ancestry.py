"""From which versions of which tables a version was made, all the way up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb

from ballast.warehouse.tables.commits import COMMITS, Commit, fetched, select_commits


@dataclass(frozen=True)
class Mixed:
    """A table of which some versions, made to be read together, stand on several states.

    Attributes
    ----------
    asset, partition : the table.
    versions : which version of it each of the (asset, version) that were asked about stands on.
    """

    asset: str
    partition: str | None
    versions: dict[tuple[str, int], int]


def mixed(con: duckdb.DuckDBPyConnection, read: Sequence[tuple[str, int]]) -> Mixed | None:
    """Gives a table whose versions differ among all that some versions were made from, a source first; else None.

    Versions of one content count as one, the latest of them. Of a version that was pruned only its number is known.
    """
    found = fetched(
        con,
        f"""
        WITH RECURSIVE same AS (
            SELECT asset, partition, version, inputs,
                max(version) OVER (PARTITION BY asset, partition, content_hash) AS newest
            FROM {COMMITS}
        ),
        above(root, root_version, asset, partition, version) AS (
            SELECT asset, version, asset, partition, newest FROM same
            WHERE (asset, version) IN (SELECT (unnest($1::VARCHAR[]), unnest($2::BIGINT[])))
            UNION
            SELECT root, root_version, made.key, same.partition, coalesce(same.newest, made.value)
            FROM (
                SELECT root, root_version, unnest(map_entries(inputs::MAP(VARCHAR, BIGINT))) AS made
                FROM above JOIN same USING (asset, version)
            )
            LEFT JOIN same ON same.asset = made.key AND same.version = made.value
        )
        SELECT asset, above.partition, root, root_version, max(version), bool_or(inputs::VARCHAR <> '{{}}') AS made
        FROM above LEFT JOIN same USING (asset, version)
        WHERE (asset, above.partition) IN (
            SELECT (asset, partition) FROM above GROUP BY asset, partition HAVING count(DISTINCT version) > 1
        )
        GROUP BY asset, above.partition, root, root_version
        ORDER BY made, asset, above.partition, root, root_version
        """,
        [[asset for asset, _ in read], [version for _, version in read]],
    )
    if not found:
        return None
    asset, partition = found[0][:2]
    return Mixed(asset, partition, {(r, v): on for a, p, r, v, on, _ in found if (a, p) == (asset, partition)})


def behind(con: duckdb.DuckDBPyConnection, versions: Iterable[tuple[str, int]]) -> list[Commit]:
    """Gives some (asset, version) and all that these were made from, the nearest first; what was pruned is left out."""
    waiting, of = [*versions], {(c.asset, c.version): c for c in select_commits(con)}
    found: dict[tuple[str, int], Commit] = {}
    for key in waiting:  # which grows as it goes
        if key in of and key not in found:
            found[key] = of[key]
            waiting += of[key].inputs.items()
    return [*found.values()]
