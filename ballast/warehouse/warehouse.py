"""The one way to the store: weight tables, scores, matrices and reports, all their versions, in a DuckDB file."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from ballast.errors import WarehouseError
from ballast.warehouse import commits, layouts, queries
from ballast.warehouse.commits import Commit, Verdict
from ballast.warehouse.hashing import content_hash
from ballast.warehouse.locking import connection
from ballast.warehouse.names import view_of
from ballast.warehouse.tables import PARTITION_COLUMN, VERSION_COLUMN, arrow_table, pandas_frame, storable


class _Held(threading.local):
    """The connection that a thread's calls share within ``reading`` or ``writing``."""

    connection: duckdb.DuckDBPyConnection | None = None
    writes: bool = False


class Warehouse:
    """A DuckDB file that keeps every version of every asset.

    No connection outlives a call, so many processes and people share the file; a call waits its turn.

    Parameters
    ----------
    url
        "duckdb:///relative/to/here.duckdb" or "duckdb:////absolute.duckdb". File and folders are made by the
        first commit.
    timeout
        Seconds a call waits for whoever holds the file.
    """

    def __init__(self, url: str = "duckdb:///ballast.duckdb", *, timeout: float = 120.0) -> None:
        self.url = url
        self.path = _path(url)
        self.timeout = timeout
        self._held = _Held()

    def __repr__(self) -> str:
        return f"Warehouse({self.url!r})"

    def commit(
        self,
        asset: str,
        frame: pd.DataFrame | pa.Table,
        *,
        partition: str | None = None,
        method: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        code_version: str | None = None,
        fingerprint: str | None = None,
        inputs: Mapping[str, int] | None = None,
        run_id: str | None = None,
        kind: str | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> Commit:
        """Stores a frame as the next version of an asset, whole or not at all.

        Parameters
        ----------
        asset
            "pipeline/step" or "pipeline/step/part"; people read it as the view pipeline.step_part.
        frame
            Any number of rows, also none. An Arrow FixedSizeList column becomes a DuckDB array. The index of a
            DataFrame is kept only if it has a name.
        summary
            Figures worth remembering, such as {"effective_sample_size": 812.4}.

        Raises
        ------
        WarehouseError
            The name or a column cannot be stored, the view is another asset's, the disk is full or read-only.
        WarehouseLockedError
            Somebody held the file for longer than `timeout`.
        """
        view_of(asset)
        table = arrow_table(asset, frame, partitioned=partition is not None)
        stored = storable(asset, table)
        draft = Commit(
            asset=asset,
            partition=partition,
            version=0,
            run_id=run_id,
            kind=kind,
            method=method,
            parameters=commits.plain("parameters", parameters),
            code_version=code_version,
            fingerprint=fingerprint,
            row_count=table.num_rows,
            content_hash=content_hash(table),
            inputs=commits.plain("inputs", inputs),
            summary=commits.plain("summary", summary),
            created_at=datetime.now(UTC),
        )
        with self._writing(layouts.row_group_option(table)) as con:
            before = layouts.latest(con, asset)
            version = 1 + max((place.version for place in before), default=0)
            commit = replace(draft, version=version, created_at=datetime.now(UTC))
            layout = layouts.write_rows(con, asset, version, table.schema, stored)
            commits.insert_commit(con, commit, layout)
            layouts.point_view(con, asset, before, layouts.Place(partition, version, layout))
        return commit

    def read(self, asset: str, *, version: int | None = None, partition: str | None = None) -> pd.DataFrame:
        """Gives the rows of a version as a DataFrame; see `read_arrow`."""
        return pandas_frame(self.read_arrow(asset, version=version, partition=partition))

    def read_arrow(self, asset: str, *, version: int | None = None, partition: str | None = None) -> pa.Table:
        """Gives the rows of a version as they were committed.

        Without a version the latest; of a partitioned asset, with neither version nor partition, the latest of
        every partition, told apart by a first column `partition`.

        Raises
        ------
        VersionNotFoundError
            There is no such asset, version or partition; the message names what there is.
        """
        with self._reading() as con:
            places = layouts.held(con, asset, version, partition) if con else []
            if con is None or not places:
                raise commits.not_found(con, self.url, asset, version, partition)
            table = layouts.read_rows(con, asset, places)
        versions, rows = table[VERSION_COLUMN], table.drop_columns([VERSION_COLUMN])
        if version is not None or partition is not None or places[0].partition is None:
            return rows
        name_of = {place.version: place.partition for place in places}
        partitions = versions.to_pandas().map(name_of)
        return rows.add_column(0, PARTITION_COLUMN, pa.array(partitions, pa.string()))

    def commits(self, asset: str | None = None) -> list[Commit]:
        """Gives the history of one asset, or of all, newest first."""
        with self._reading() as con:
            return commits.select_commits(con, asset) if con else []

    def latest(self, asset: str, *, partition: str | None = None) -> Commit | None:
        """Gives the newest commit of an asset (or of one of its partitions), None if there is none."""
        return self.latest_of([(asset, partition)])[0]

    def latest_of(self, wanted: Sequence[tuple[str, str | None]]) -> list[Commit | None]:
        """Gives the newest commit of each (asset, partition), in the order wanted and in one query."""
        with self._reading() as con:
            return commits.select_latest(con, wanted) if con else [None] * len(wanted)

    def version(self, asset: str, version: int) -> Commit:
        """Gives the commit of one version.

        Raises
        ------
        VersionNotFoundError
            There is no such asset or version; the message names what there is.
        """
        with self._reading() as con:
            found = commits.select_commits(con, asset, version=version) if con else []
            if not found:
                raise commits.not_found(con, self.url, asset, version, None)
        return found[0]

    def sql(self, query: str, parameters: Sequence[object] | Mapping[str, object] | None = None) -> pd.DataFrame:
        """Gives the answer to a query that only reads, `parameters` bound to its `?` or `$name`.

        Raises
        ------
        WarehouseError
            The query is wrong, or would write.
        """
        with self._reading(reuse=False) as con:
            if con is None:
                raise WarehouseError(f"{self.path} is not there yet: run a pipeline, or commit, first")
            return queries.answer(con, query, parameters)

    def record_verdicts(self, rows: Sequence[Verdict]) -> None:
        """Stores what gates found; a verdict on the same asset, version and gate replaces the older one.

        Raises
        ------
        WarehouseError
            Two of the rows are by the same gate on the same version, so that one would hide the other.
        """
        seen = set()
        for verdict in rows:
            key = (verdict.asset, verdict.version, verdict.gate)
            if key in seen:
                raise WarehouseError(
                    f"two verdicts by gate {verdict.gate!r} on {verdict.asset!r} version {verdict.version}: one "
                    "would hide the other; give the gates names of their own"
                )
            seen.add(key)
        if rows:
            with self._writing() as con:
                commits.replace_verdicts(con, rows)

    def verdicts(self, asset: str, *, version: int, partition: str | None = None) -> list[Verdict]:
        """Gives the verdicts on a version, by gate; none if no gate has judged it."""
        found = self.verdicts_of([(asset, version)])
        return [v for v in found if partition is None or v.partition == partition]

    def verdicts_of(self, versions: Sequence[tuple[str, int]]) -> list[Verdict]:
        """Gives the verdicts on several (asset, version), in one query."""
        with self._reading() as con:
            return commits.select_verdicts(con, versions) if con else []

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Makes the reads in the block share one opening of the file, and see one state of it; nothing can be written.

        For a few reads on end: whoever wants to write waits for the block to end.
        """
        with self._reading() as con, self._holding(con, writes=False):
            yield

    @contextmanager
    def writing(self, widest: pa.Table) -> Iterator[None]:
        """Makes the commits and verdicts in the block one transaction: all are stored, or none.

        `widest` is the table with the largest rows among those that will be committed; it sizes the groups of rows.
        """
        with self._writing(layouts.row_group_option(widest)) as con, self._holding(con, writes=True):
            yield

    @contextmanager
    def _holding(self, con: duckdb.DuckDBPyConnection | None, *, writes: bool) -> Iterator[None]:
        before = self._held.connection, self._held.writes
        self._held.connection, self._held.writes = con, writes
        try:
            yield
        finally:
            self._held.connection, self._held.writes = before

    @contextmanager
    def _writing(self, options: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
        """Gives a connection in a transaction that ends with the block: written, or undone by an error."""
        if self._held.connection is not None:
            if not self._held.writes:
                raise WarehouseError("nothing can be written within `with warehouse.reading()`; write after it")
            yield self._held.connection
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WarehouseError(
                f"cannot make the folder {self.path.parent} of the warehouse: {error}; choose another url"
            ) from error
        with connection(self.path, read_only=False, timeout=self.timeout, options=options) as con:
            prepared = layouts.prepared(con)
            con.begin()
            if not prepared:
                for statement in (*commits.TABLES, *layouts.TABLES):
                    con.execute(statement)
            yield con
            con.commit()  # an error leaves before: closing the connection undoes what was begun

    @contextmanager
    def _reading(self, *, reuse: bool = True) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """Gives a read-only connection, or None while there is no file."""
        if self._held.connection is not None:
            if not reuse:
                raise WarehouseError("sql opens the file for itself; call it before or after the block, not within")
            yield self._held.connection
            return
        if not self.path.exists():
            yield None
            return
        with connection(self.path, read_only=True, timeout=self.timeout, reuse=reuse) as con:
            yield con


def _path(url: str) -> Path:
    """Gives the file of a url, as SQLAlchemy reads it: three slashes before a relative path, four an absolute."""
    scheme, separator, rest = str(url).partition("://")
    if not separator or scheme != "duckdb":
        raise WarehouseError(
            f"warehouse url {url!r} is not supported; valid is 'duckdb:///folder/name.duckdb' (relative) or "
            "'duckdb:////folder/name.duckdb' (absolute)"
        )
    if not rest.startswith("/") or not rest[1:] or rest[1:].endswith("/") or rest[1:].startswith(":memory:"):
        raise WarehouseError(f"warehouse url {url!r} names no file; write 'duckdb:///folder/name.duckdb'")
    return Path(rest[1:]).expanduser().resolve()
