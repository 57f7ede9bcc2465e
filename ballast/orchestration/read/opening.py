"""Opens the source of a data role, whatever it is, with the files that may have rows of a partition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ballast.errors import DataError
from ballast.given.frames import as_arrow, called
from ballast.orchestration.plan.partitions import Split
from ballast.orchestration.read import dialect
from ballast.orchestration.read.files import connected, found
from ballast.orchestration.read.folders import with_rows_of
from ballast.orchestration.read.query import prepared
from ballast.orchestration.read.reading import Given, Source, Text
from ballast.orchestration.read.relations import asked, parquet
from ballast.orchestration.spec.data import DataSpec


@contextmanager
def opened(
    spec: DataSpec,
    *,
    where: str,
    folder: Path,
    given: Any = None,
    like: pa.Schema | None = None,
    streaming: bool = False,
    partition: Split | None = None,
    expected: Iterable[str] = (),
) -> Iterator[Source]:
    """Gives a source to read from, which is closed afterwards; `streaming` where it is to be read in batches.

    Files whose folders say that they have no rows of the `partition` are not opened where `like` gives the types,
    unless the others cannot be read, or lack a column that is `expected`: then all files say which columns there are.
    """
    source = None
    if partition is not None and spec.hive and like is not None:
        source = _open_some(spec, where, folder, given, like, streaming, partition, expected)
    if source is None:
        source = _open(spec, where, folder, given, like, streaming, None)
    try:
        yield source
    finally:
        source.close()


def _open_some(
    spec: DataSpec,
    where: str,
    folder: Path,
    given: Any,
    like: pa.Schema,
    streaming: bool,
    partition: Split,
    expected: Iterable[str],
) -> Source | None:
    """Gives a source with the files that may have rows of a partition; None where these do not say enough."""
    try:
        source = _open(spec, where, folder, given, like, streaming, partition)
    except DataError:  # nothing at all in JSON, which others may have; what else is wrong is said of all files
        return None
    if {*expected} <= {*source.kinds}:
        return source
    source.close()
    return None


def _open(
    spec: DataSpec,
    where: str,
    folder: Path,
    given: Any,
    like: pa.Schema | None,
    streaming: bool,
    partition: Split | None,
) -> Source:
    if spec.path:
        files = found(spec.path, f"{where}.path", folder)
        if spec.hive and "=" in str(folder.absolute()):
            raise DataError(
                f"{where}.hive: the pipeline's own folder {str(folder.absolute())!r} would be read for columns, too; "
                "move the pipeline to a folder without '='"
            )
        con = connected(files.names, f"{where}.path", streaming=streaming)
        try:
            wanted = _in_duckdb(con, like)
            if files.format == "parquet":
                return parquet(con, files, spec, wanted, f"{where}.path", partition)
            everywhere = files.names
            if partition is not None and not spec.options.get("date_format"):
                said_so = {name: kind for name, kind in wanted.items() if name not in spec.types}
                files = with_rows_of(con, files, partition, said_so, f"{where}.path")
            if files.format == "csv":
                text = dialect.csv(con, files, spec, f"{where}.path")
            else:
                text = dialect.json(con, files, spec, f"{where}.path", wanted)
            return Text(con=con, spec=spec, where=f"{where}.path", text=text, wanted=wanted, everywhere=everywhere)
        except BaseException:
            con.close()
            raise
    if spec.query:
        con, sql = prepared(spec.query, spec.database, spec.databases, f"{where}.query", folder, streaming=streaming)
        return asked(con, spec, sql, f"{where}.query", folder)
    if spec.loader and given is None:
        given = called(spec.loader, spec.params, f"{where}.loader")
    key = next((key for key in ("loader", "step") if getattr(spec, key)), "asset")
    table = as_arrow(given, f"{where}.{key}")
    return Given(con=connected([], where), spec=spec, where=f"{where}.{key}", table=table)


def _in_duckdb(con: duckdb.DuckDBPyConnection, like: pa.Schema | None) -> dict[str, str]:
    """Gives DuckDB's types of the columns of a schema."""
    if like is None:
        return {}
    fields = [f for f in like if not (pa.types.is_null(f.type) or isinstance(f.type, pa.BaseExtensionType))]
    plain_types = [(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in fields]
    relation = con.from_arrow(pa.schema(plain_types).empty_table())
    return dict(zip(relation.columns, map(str, relation.types), strict=True))
