"""What the warehouse remembers of every commit, and of every gate that judged one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from ballast.errors import VersionNotFoundError, WarehouseError, nearest
from ballast.warehouse.lookups import remembered
from ballast.warehouse.names import PUBLIC_SCHEMA, STORE, quoted
from ballast.words import listed

COMMITS = quoted(STORE, "commits")
GATES = quoted(STORE, "gates")
JUDGED = quoted(STORE, "judged")
RETIRED = quoted(STORE, "retired")  # partitions that are stored but no longer declared


@dataclass(frozen=True)
class Commit:
    """One version of an asset: where it came from and what it held.

    `version` counts up from 1 over all partitions of an asset. `inputs` maps the upstream assets to the versions
    read, `summary` holds the figures a step wants remembered, `created_at` is UTC.
    """

    asset: str
    partition: str | None
    version: int
    run_id: str | None
    kind: str | None
    method: str | None
    parameters: dict[str, Any]
    code_version: str | None
    fingerprint: str | None
    row_count: int
    content_hash: str
    inputs: dict[str, int]
    summary: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class Verdict:
    """One gate's judgement of one version.

    `definition` is what the gate asked for, `observed` holds its figures, `run_id` is the run that judged, and
    `forced_by` the last one that went on regardless.
    """

    asset: str
    partition: str | None
    version: int
    gate: str
    passed: bool
    severity: str  # "error" or "warn"
    observed: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    run_id: str | None = None
    definition: str = ""
    forced_by: str | None = None

    @property
    def closes(self) -> bool:
        """Whether nothing may pass: it failed, and is more than a warning."""
        return not self.passed and self.severity == "error"

    @property
    def forced(self) -> bool:
        return self.forced_by is not None


COMMIT_COLUMNS = (
    "asset, partition, version, run_id, kind, method, parameters, code_version, fingerprint, row_count, "
    "content_hash, inputs, summary, created_at"
)
_VERDICT_COLUMNS = "asset, partition, version, gate, passed, severity, observed, message, run_id, definition, forced_by"

# The views name no schema "ballast": in a file "ballast.duckdb" opened by a person's shell, where the catalog is
# called "ballast" too, DuckDB would find it ambiguous.
TABLES = (
    f"CREATE SCHEMA IF NOT EXISTS {quoted(STORE)}",
    f"CREATE SCHEMA IF NOT EXISTS {quoted(PUBLIC_SCHEMA)}",
    f"CREATE TABLE IF NOT EXISTS {COMMITS} (asset VARCHAR, partition VARCHAR, version BIGINT, run_id VARCHAR, "
    "kind VARCHAR, method VARCHAR, parameters JSON, code_version VARCHAR, fingerprint VARCHAR, row_count BIGINT, "
    "content_hash VARCHAR, inputs JSON, summary JSON, created_at TIMESTAMP, layout BIGINT)",
    f"CREATE TABLE IF NOT EXISTS {GATES} (asset VARCHAR, partition VARCHAR, version BIGINT, gate VARCHAR, "
    "passed BOOLEAN, severity VARCHAR, observed JSON, message VARCHAR, run_id VARCHAR, definition VARCHAR, "
    "forced_by VARCHAR)",
    f"CREATE TABLE IF NOT EXISTS {JUDGED} (asset VARCHAR, version BIGINT, basis VARCHAR)",
    f"CREATE TABLE IF NOT EXISTS {RETIRED} (asset VARCHAR, partition VARCHAR)",
    f"CREATE OR REPLACE VIEW {quoted(PUBLIC_SCHEMA, 'commits')} AS SELECT {COMMIT_COLUMNS} FROM {COMMITS}",
    f"CREATE OR REPLACE VIEW {quoted(PUBLIC_SCHEMA, 'gates')} AS SELECT {_VERDICT_COLUMNS}, "
    f"forced_by IS NOT NULL AS forced FROM {GATES}",
)


def fetched(con: duckdb.DuckDBPyConnection, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Gives the rows of a query on the records, none where the file holds no records yet."""
    try:
        return con.execute(query, values).fetchall()
    except duckdb.CatalogException:
        return []


def looked_up(con: duckdb.DuckDBPyConnection, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Gives the rows of a short query on the records as ``fetched`` does, those of before while nothing can change."""
    return remembered(con, (query, repr(values)), lambda: fetched(con, query, values))


def plain(what: str, value: Mapping[str, Any] | None) -> dict[str, Any]:
    """Gives a mapping as JSON keeps it: numpy's numbers and arrays become plain ones, keys text."""
    try:
        return json.loads(json.dumps(dict(value or {}), default=_plain))
    except (TypeError, ValueError) as error:
        raise WarehouseError(f"{what} must hold plain numbers, texts, lists and mappings: {error}") from error


def _plain(value: object) -> object:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{value!r} is a {type(value).__name__}")


def insert_commit(con: duckdb.DuckDBPyConnection, commit: Commit, layout: int) -> None:
    """Writes a commit's record."""
    con.execute(
        f"INSERT INTO {COMMITS} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            commit.asset,
            commit.partition,
            commit.version,
            commit.run_id,
            commit.kind,
            commit.method,
            json.dumps(commit.parameters),
            commit.code_version,
            commit.fingerprint,
            commit.row_count,
            commit.content_hash,
            json.dumps(commit.inputs),
            json.dumps(commit.summary),
            commit.created_at.astimezone(UTC).replace(tzinfo=None),
            layout,
        ],
    )


def select_commits(
    con: duckdb.DuckDBPyConnection,
    asset: str | None = None,
    *,
    version: int | None = None,
    partition: str | None = None,
    limit: int | None = None,
) -> list[Commit]:
    """Gives the commits that agree with all that is given, newest first."""
    newest = "created_at" if asset is None else "version"  # clocks of several machines may disagree
    rows = fetched(
        con,
        f"SELECT {COMMIT_COLUMNS} FROM {COMMITS} "
        "WHERE ($1 IS NULL OR asset = $1) AND ($2 IS NULL OR version = $2) AND ($3 IS NULL OR partition = $3) "
        f"ORDER BY {newest} DESC, version DESC LIMIT $4",
        [asset, version, partition, limit],
    )
    return [commit_of(row) for row in rows]


def commit_of(row: tuple[Any, ...]) -> Commit:
    """Gives the commit of a row of COMMIT_COLUMNS."""
    values = dict(zip(_names(COMMIT_COLUMNS), row, strict=True))
    for name in ("parameters", "inputs", "summary"):
        values[name] = json.loads(values[name])
    values["created_at"] = values["created_at"].replace(tzinfo=UTC)
    return Commit(**values)


def _names(columns: str) -> list[str]:
    return columns.split(", ")


def replace_verdicts(con: duckdb.DuckDBPyConnection, verdicts: Sequence[Verdict]) -> None:
    """Writes verdicts; an older one of the same asset, version and gate goes, but not that it was forced."""
    older = {
        (v.asset, v.version, v.gate): v.forced_by
        for v in select_verdicts(con, list({(v.asset, v.version) for v in verdicts}))
    }
    columns = _names(_VERDICT_COLUMNS)
    rows = [
        {
            **{name: getattr(verdict, name) for name in columns},
            "passed": bool(verdict.passed),
            "observed": json.dumps(plain(f"the figures of gate {verdict.gate!r}", verdict.observed)),
            "forced_by": verdict.forced_by or older.get((verdict.asset, verdict.version, verdict.gate)),
        }
        for verdict in verdicts
    ]
    con.register("incoming", pa.Table.from_pylist(rows))
    incoming = quoted("temp", "incoming")
    if older:
        con.execute(
            f"DELETE FROM {GATES} WHERE (asset, version, gate) IN (SELECT (asset, version, gate) FROM {incoming})"
        )
    con.execute(f"INSERT INTO {GATES} BY NAME SELECT * FROM {incoming}")
    con.unregister("incoming")


def check_distinct(verdicts: Sequence[Verdict]) -> None:
    """Raises WarehouseError where two verdicts are by one gate on one version."""
    seen = set()
    for verdict in verdicts:
        key = (verdict.asset, verdict.version, verdict.gate)
        if key in seen:
            raise WarehouseError(
                f"two verdicts by gate {verdict.gate!r} on {verdict.asset!r} version {verdict.version}: one "
                "would hide the other; give the gates different names"
            )
        seen.add(key)


def replace_suite(
    con: duckdb.DuckDBPyConnection, asset: str, version: int, verdicts: Sequence[Verdict], basis: str
) -> None:
    """Writes the verdicts of all gates behind a version, in place of all that there were, and what they rest on."""
    con.execute(
        f"DELETE FROM {GATES} WHERE asset = $1 AND version = $2 AND gate NOT IN (SELECT unnest($3::VARCHAR[]))",
        [asset, version, [v.gate for v in verdicts]],
    )
    if verdicts:
        replace_verdicts(con, verdicts)
    con.execute(f"DELETE FROM {JUDGED} WHERE asset = ? AND version = ?", [asset, version])
    con.execute(f"INSERT INTO {JUDGED} VALUES (?, ?, ?)", [asset, version, basis])


def select_basis(con: duckdb.DuckDBPyConnection, asset: str, version: int) -> str | None:
    """Gives what the verdicts on a version were last judged by, None where nothing tells."""
    found = looked_up(con, f"SELECT basis FROM {JUDGED} WHERE asset = ? AND version = ?", [asset, version])
    return found[0][0] if found else None


def select_latest(con: duckdb.DuckDBPyConnection, wanted: Sequence[tuple[str, str | None]]) -> list[Commit | None]:
    """Gives the newest commit of each asset and partition wanted (of any partition where that is None)."""
    rows = looked_up(
        con,
        f"SELECT {COMMIT_COLUMNS} FROM {COMMITS} WHERE asset IN (SELECT unnest($1::VARCHAR[])) "
        "QUALIFY row_number() OVER (PARTITION BY asset, partition ORDER BY version DESC) = 1 ORDER BY version",
        [[asset for asset, _ in wanted]],
    )
    newest: dict[tuple[str, str | None], Commit] = {}
    for commit in map(commit_of, rows):
        newest[commit.asset, commit.partition] = newest[commit.asset, None] = commit
    return [newest.get(key) for key in wanted]


def select_verdicts(con: duckdb.DuckDBPyConnection, versions: Sequence[tuple[str, int]]) -> list[Verdict]:
    """Gives the verdicts on versions of assets, by asset and gate."""
    rows = looked_up(
        con,
        f"SELECT {_VERDICT_COLUMNS} FROM {GATES} WHERE (asset, version) IN "
        "(SELECT (unnest($1::VARCHAR[]), unnest($2::BIGINT[]))) ORDER BY asset, gate",
        [[asset for asset, _ in versions], [version for _, version in versions]],
    )
    return [_verdict(row) for row in rows]


def _verdict(row: tuple[Any, ...]) -> Verdict:
    values = dict(zip(_names(_VERDICT_COLUMNS), row, strict=True))
    values["observed"] = json.loads(values["observed"])
    return Verdict(**values)


def pipelines(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Gives the pipelines that have a version of some step, in order."""
    return [name for (name,) in fetched(con, f"SELECT DISTINCT split_part(asset, '/', 1) FROM {COMMITS} ORDER BY 1")]


def stored_partitions(con: duckdb.DuckDBPyConnection, assets: Sequence[str]) -> list[tuple[str, str]]:
    """Gives each (asset, partition) of some assets that has a version, in order."""
    query = (
        f"SELECT DISTINCT asset, partition FROM {COMMITS} "
        "WHERE asset IN (SELECT unnest($1::VARCHAR[])) AND partition IS NOT NULL ORDER BY ALL"
    )
    return [(asset, partition) for asset, partition in looked_up(con, query, [list(assets)])]


def retired(con: duckdb.DuckDBPyConnection, asset: str) -> set[str]:
    """Gives the partitions of an asset that are marked as retired; none in a file of an older Ballast."""
    return {partition for (partition,) in looked_up(con, f"SELECT partition FROM {RETIRED} WHERE asset = ?", [asset])}


def replace_retired(
    con: duckdb.DuckDBPyConnection, assets: Sequence[str], partitions: Sequence[tuple[str, str]]
) -> None:
    """Marks these (asset, partition), and no others of the assets, as retired."""
    con.execute(f"DELETE FROM {RETIRED} WHERE asset IN (SELECT unnest($1::VARCHAR[]))", [list(assets)])
    con.execute(
        f"INSERT INTO {RETIRED} SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[])",
        [[asset for asset, _ in partitions], [partition for _, partition in partitions]],
    )


def not_found(
    con: duckdb.DuckDBPyConnection | None,
    where: str,
    asset: str,
    *,
    version: int | None = None,
    partition: str | None = None,
    as_of: datetime | None = None,
    run: str | None = None,
) -> VersionNotFoundError:
    """Gives the error that says what there is instead of the version asked for."""
    if con is None:
        return VersionNotFoundError(
            f"{where} has no asset {asset!r}: nothing was committed yet; run the pipeline first"
        )
    query = f"SELECT version, partition, created_at, run_id FROM {COMMITS} WHERE asset = ? ORDER BY version"
    history = fetched(con, query, [asset])
    if not history:
        assets = [row[0] for row in fetched(con, f"SELECT DISTINCT asset FROM {COMMITS} ORDER BY asset")]
        known = f"it holds {listed(assets, 20)}" if assets else "it holds nothing yet; run the pipeline first"
        return VersionNotFoundError(f"{where} has no asset {asset!r}{nearest(asset, assets)}: {known}")
    partitions = sorted({row[1] for row in history if row[1] is not None})
    if partition is not None and partition not in partitions:
        gone = retired(con, asset)
        named = [f"{key} (retired)" if key in gone else key for key in partitions]
        known = f"its partitions are {listed(named, 20)}" if partitions else "it has no partitions"
        return VersionNotFoundError(
            f"asset {asset!r} has no partition {partition!r}{nearest(partition, partitions)}: {known}"
        )
    of = "" if partition is None else f" of partition {partition!r}"
    history = [row for row in history if partition is None or row[1] == partition]
    if as_of is not None:
        return VersionNotFoundError(
            f"asset {asset!r} had no version{of} at {as_of} UTC; the oldest that is stored is of {history[0][2]} UTC"
        )
    if run is not None:
        runs = list(dict.fromkeys(row[3] for row in reversed(history) if row[3] is not None))
        return VersionNotFoundError(
            f"asset {asset!r} has no version{of} committed by run {run!r}{nearest(run, runs)}; the newest were by "
            f"{listed(runs) or 'no run'} (a run that finds its result stored commits nothing)"
        )
    versions = [row[0] for row in history]
    closest = min(versions, key=lambda known: abs(known - (version or 0)))
    return VersionNotFoundError(
        f"asset {asset!r} has no version {version}{of}: there are {len(versions)}, from {versions[0]} to "
        f"{versions[-1]}; the nearest is {closest}"
    )
