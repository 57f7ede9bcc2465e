"""The one way to the store: weight tables, scores, matrices and reports, with all their versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.errors import WarehouseError
from ballast.warehouse.batches import files, partitions_of, read_batches
from ballast.warehouse.contents import FILES_BEYOND, Given, content_of, staging
from ballast.warehouse.datasets.making import dataset
from ballast.warehouse.exporting import export_model
from ballast.warehouse.homes.opening import home_of
from ballast.warehouse.homes.urls import without_password
from ballast.warehouse.names import view_of
from ballast.warehouse.sessions import Sessions
from ballast.warehouse.sweeping import prune
from ballast.warehouse.tables import aliases, commits, kept_files, layouts, owners, queries, reading
from ballast.warehouse.tables.ancestry import Mixed, mixed
from ballast.warehouse.tables.commits import Commit, Verdict
from ballast.warehouse.tables.frames import (
    PARTITION_COLUMN,
    VERSION_COLUMN,
    given_back,
    pandas_frame,
)
from ballast.warehouse.tables.owners import Owner


class Warehouse:
    """Keeps every version of every asset, in a DuckDB file or a DuckLake.

    Many processes and people share it. Nothing is held between two calls, and a call that must wait waits.

    Parameters
    ----------
    url
        "duckdb:///relative/to/here.duckdb" or "duckdb:////absolute.duckdb": one file;
        "ducklake:sqlite:///lake.sqlite": Parquet files with a catalog in SQLite, where readers never wait;
        "ducklake:postgresql://user@host/database?data_path=/shared/folder": the same for many machines, its
        password from PGPASSWORD or the user's pgpass file. Files, folders and tables are made by the first commit.
    timeout
        Seconds a call waits for whoever holds what it needs.
    files_beyond
        Bytes, as Arrow holds them, beyond which a table is kept as Parquet files: in the folder ``<file>.tables``
        beside a DuckDB file, or as the lake's own.

    Examples
    --------
    >>> import tempfile, pandas as pd
    >>> from ballast import Warehouse
    >>> warehouse = Warehouse(f"duckdb:///{tempfile.mkdtemp()}/warehouse.duckdb")
    >>> commit = warehouse.commit("churn/density", pd.DataFrame({"id": [1, 2], "weight": [0.5, 1.5]}), kind="weights")
    >>> warehouse.read("churn/density")["weight"].tolist(), commit.version
    ([0.5, 1.5], 1)
    """

    def __init__(
        self, url: str = "duckdb:///ballast.duckdb", *, timeout: float = 120.0, files_beyond: int = FILES_BEYOND
    ) -> None:
        self.url = without_password(url)
        self.timeout, self.files_beyond = timeout, files_beyond
        self.home = home_of(url)
        self._sessions = Sessions(self.home)

    def __repr__(self) -> str:
        return f"Warehouse({self.url!r})"

    def commit(
        self,
        asset: str,
        frame: Given,
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
            Any number of rows, also none: a DataFrame or Arrow table, a ``pyarrow.RecordBatchReader``, which is taken
            as it comes, or Parquet files that lie in the folder of ``staging``. An Arrow FixedSizeList column becomes
            a DuckDB array. The index of a DataFrame is kept only if it has a name. A table beyond `files_beyond` is
            kept as Parquet files.
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
        with content_of(
            self.home, asset, frame, partitioned=partition is not None, files_beyond=self.files_beyond
        ) as content:
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
                row_count=content.rows,
                content_hash=content.content_hash,
                inputs=commits.plain("inputs", inputs),
                summary=commits.plain("summary", summary),
                created_at=datetime.now(UTC),
            )
            with self._writing(content.table) as con:
                before = layouts.latest(con, asset)
                version = self._sessions.next_version(asset, max((place.version for place in before), default=0))
                commit = replace(draft, version=version, created_at=datetime.now(UTC))
                layout = content.store(self._sessions, con, asset, version)
                commits.insert_commit(con, commit, layout)
                layouts.point_view(con, asset, before, layouts.Place(partition, version, layout))
        return commit

    def read(
        self,
        asset: str,
        *,
        version: int | None = None,
        partition: str | None = None,
        as_of: datetime | None = None,
        run: str | None = None,
    ) -> pd.DataFrame:
        """Gives the rows of a version as a DataFrame; see `read_arrow`."""
        return given_back(self.read_arrow(asset, version=version, partition=partition, as_of=as_of, run=run))

    def read_arrow(
        self,
        asset: str,
        *,
        version: int | None = None,
        partition: str | None = None,
        as_of: datetime | None = None,
        run: str | None = None,
        columns: Sequence[str] | None = None,
        one_in: int = 1,
    ) -> pa.Table:
        """Gives the rows of a version as they were committed: the latest, unless one of these says which.

        Of a partitioned asset, without version and partition, it gives the rows of every partition, told apart by a
        first column `partition`.

        Parameters
        ----------
        version : the version's number.
        as_of : the latest at that time, which must have a time zone.
        run : the one that the run with this id committed.
        columns, one_in : only these columns, in this order; of about one row in so many, the same ones each time.

        Raises
        ------
        VersionNotFoundError
            There is no such asset, version, partition or commit; the message names what there is.
        """
        if sum(choice is not None for choice in (version, as_of, run)) > 1:
            raise WarehouseError(f"read of {asset!r}: give one of version, as_of and run, not several")
        if as_of is not None and as_of.tzinfo is None:
            raise WarehouseError(f"read of {asset!r}: as_of={as_of} has no time zone; write as_of.astimezone()")
        moment = None if as_of is None else as_of.astimezone(UTC).replace(tzinfo=None)
        with self._reading() as con:
            found = {"version": version, "partition": partition, "as_of": moment, "run": run}
            places = layouts.held(con, asset, **found) if con else []
            if con is None or not places:
                raise commits.not_found(con, self.url, asset, **found)
            table = reading.read_rows(con, asset, places, only=columns, one_in=one_in)
        versions, rows = table[VERSION_COLUMN], table.drop_columns([VERSION_COLUMN])
        if version is not None or partition is not None or places[0].partition is None:
            return rows
        named = {place.version: place.partition for place in places}
        return rows.add_column(0, PARTITION_COLUMN, partitions_of(versions, named))

    def read_column(self, asset: str, column: str, *, partition: str | None = None) -> np.ndarray:
        """Gives one column of the latest version, of a partition or of all; errors as `read_arrow`.

        Raises
        ------
        WarehouseError
            There is no such column.
        """
        rows = self.read_arrow(asset, partition=partition, columns=[column])
        return pandas_frame(pa.table({column: rows.columns[-1]}))[column].to_numpy()

    dataset, export_model, prune = dataset, export_model, prune
    staging, files, read_batches = staging, files, read_batches

    def pipelines(self) -> list[str]:
        """Gives the names of the pipelines that something is stored of, in order."""
        with self._reading() as con:
            return commits.pipelines(con) if con else []

    def partitions(self, assets: Sequence[str]) -> list[tuple[str, str]]:
        """Gives each (asset, partition) of some assets that is stored, in order, those that are retired too."""
        with self._reading() as con:
            return commits.stored_partitions(con, assets) if con else []

    def retired(self, assets: Sequence[str]) -> set[tuple[str, str]]:
        """Gives each (asset, partition) of some assets that `retire` has hidden."""
        with self._reading() as con:
            return {(asset, key) for asset in assets for key in commits.retired(con, asset)} if con else set()

    def retire(self, assets: Sequence[str], partitions: Sequence[tuple[str, str]]) -> None:
        """Hides these (asset, partition) from views and from reads of all partitions; others of `assets` are shown."""
        if self.retired(assets) != set(partitions):
            with self._writing() as con:
                layouts.retire(con, assets, partitions)

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
                raise commits.not_found(con, self.url, asset, version=version)
        return found[0]

    def mixed(self, versions: Sequence[tuple[str, int]]) -> Mixed | None:
        """Gives a table on several versions of which some (asset, version) stand; None where all stand on one state."""
        with self._reading() as con:
            return mixed(con, versions) if con else None

    def sql(
        self, query: str, parameters: Sequence[object] | Mapping[str, object] | None = None, *, files: bool = False
    ) -> pd.DataFrame:
        """Gives the answer to a query that only reads, `parameters` bound to its `?` or `$name`.

        It reads the warehouse alone, other files (``FROM 'new.csv'``) with `files`.

        `FROM digits.density AT (VERSION => 3)` reads a version, `AT (TIMESTAMP => '2026-05-01 12:00:00')` what was
        the latest at that time (UTC).

        Raises
        ------
        WarehouseError
            The query is wrong, or would write.
        """
        with self._reading(private=True) as con:
            if con is None:
                raise WarehouseError(f"{self.home} is not there yet: run a pipeline, or commit, first")
            if not kept_files.moved_since(con):
                return queries.answer(con, query, parameters, files=files, own=[self.home.data])
        with self._writing() as con:
            layouts.refresh_files(con)
        return self.sql(query, parameters, files=files)

    def record_verdicts(self, rows: Sequence[Verdict]) -> None:
        """Stores what gates found; a verdict on the same asset, version and gate replaces the older one.

        Raises
        ------
        WarehouseError
            Two of the rows are by the same gate on the same version, so that one would hide the other.
        """
        commits.check_distinct(rows)
        if rows:
            with self._writing() as con:
                commits.replace_verdicts(con, rows)

    def record_suite(self, asset: str, version: int, rows: Sequence[Verdict], *, basis: str) -> None:
        """Stores what all the gates behind a version found, in place of all that was stored of it.

        `basis` says what they were judged by: `basis_of` gives it back, and where it is the same again they stand.
        """
        commits.check_distinct(rows)
        with self._writing() as con:
            commits.replace_suite(con, asset, version, rows, basis)

    def basis_of(self, asset: str, version: int) -> str | None:
        """Gives what the verdicts on a version were last judged by, None where that is not stored."""
        with self._reading() as con:
            return commits.select_basis(con, asset, version) if con else None

    def verdicts(self, asset: str, *, version: int, partition: str | None = None) -> list[Verdict]:
        """Gives the verdicts on a version, by gate; none if no gate has judged it."""
        found = self.verdicts_of([(asset, version)])
        return [v for v in found if partition is None or v.partition == partition]

    def verdicts_of(self, versions: Sequence[tuple[str, int]]) -> list[Verdict]:
        """Gives the verdicts on several (asset, version), in one query."""
        with self._reading() as con:
            return commits.select_verdicts(con, versions) if con else []

    def owner(self, pipeline: str) -> Owner | None:
        """Gives whose a pipeline's name is, None if it is nobody's yet."""
        with self._reading() as con:
            return owners.select_owner(con, pipeline) if con else None

    def own(self, owner: Owner) -> None:
        """Makes somebody the owner of a pipeline's name."""
        with self._writing() as con:
            owners.replace_owner(con, owner)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Makes the reads in the block share one opening of the store, and see one state of it; nothing can be written.

        For a few reads on end: whoever wants to write to an embedded file waits for the block to end.
        """
        with self._reading() as con, self._sessions.holding(con, writes=False):
            yield

    @contextmanager
    def writing(self, widest: pa.Table | None = None) -> Iterator[None]:
        """Makes the commits and verdicts in the block one transaction: all are stored, or none.

        `widest` is the table with the largest rows among those that will be committed; an embedded file sizes its
        groups of rows by it.
        """
        with self._writing(widest) as con, self._sessions.holding(con, writes=True):
            yield

    @contextmanager
    def _writing(self, widest: pa.Table | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._sessions.writing(self.timeout, widest) as con:
            if not layouts.prepared(con):
                for statement in (
                    *commits.TABLES,
                    *layouts.TABLES,
                    *kept_files.TABLES,
                    *owners.TABLES,
                    *aliases.TABLES,
                ):
                    con.execute(statement)
                layouts.define_views(con)
            yield con

    def _reading(self, *, private: bool = False) -> AbstractContextManager[duckdb.DuckDBPyConnection | None]:
        return self._sessions.reading(self.timeout, private=private)
