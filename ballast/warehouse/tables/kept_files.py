"""Versions kept as Parquet files: which files they are, and the relation that stands for their rows in SQL.

In a DuckDB file the relation is a view that reads the files, which lie in a folder beside it; in a lake it is one over
a table of its own that the files were added to, so that they are the lake's like any others.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

from ballast.errors import WarehouseError
from ballast.warehouse.names import CATALOG, STORE, literal, quoted
from ballast.warehouse.tables.commits import fetched
from ballast.warehouse.tables.parts import Parts, part_name
from ballast.warehouse.tables.storing import stored_type
from ballast.warehouse.tables.unions import sql_types

FILES = quoted(STORE, "files")
LAKE = quoted(f"__ducklake_metadata_{CATALOG}")  # the tables in which a lake keeps what it holds
_LONGEST = 80  # characters of an asset's name in that of a folder
STAGING = ".staging"

_COLUMNS = ["asset", "version", "number", "root", "folder", "rows", "size", "sha256", "identity"]

TABLES = (
    f"CREATE TABLE IF NOT EXISTS {FILES} (asset VARCHAR, version BIGINT, number BIGINT, root VARCHAR, folder VARCHAR, "
    "rows BIGINT, size BIGINT, sha256 VARCHAR, identity VARCHAR)",
)


class KeptFile(NamedTuple):
    """A file of a version: `identity` is what the system says of one that nobody has touched since."""

    path: Path
    rows: int
    size: int
    sha256: str
    identity: str


@dataclass(frozen=True)
class Moved:
    """Files that were put where their version is kept, in a folder of `root`, and where they were before."""

    root: Path
    folder: str
    before: tuple[Path, ...]

    @property
    def paths(self) -> list[Path]:
        return [self.root / self.folder / part_name(number) for number in range(len(self.before))]

    def undo(self) -> None:
        """Puts them back."""
        for path, before in zip(self.paths, self.before, strict=True):
            with suppress(OSError):
                path.replace(before)
        shutil.rmtree(self.root / self.folder, ignore_errors=True)


def is_lake(con: duckdb.DuckDBPyConnection) -> bool:
    kind = con.execute("SELECT type FROM duckdb_databases() WHERE database_name = current_database()").fetchone()
    return kind == ("ducklake",)


def folder_of(asset: str, version: int, token: str, *, lake: bool) -> str:
    """Gives the folder, below the root, of a version's files; `token` is unlike that of any other commit.

    >>> folder_of("digits/train/features", 3, "1f2e3d4c", lake=False)
    'digits.train.features/3-1f2e3d4c'
    """
    if lake:
        return f"files_{token}"  # where a lake expects those of the table of this name
    plain = re.sub(r"[^A-Za-z0-9_-]+", ".", asset).strip(".")[:_LONGEST]
    if plain != asset.replace("/", "."):
        plain = f"{plain}-{hashlib.sha256(asset.encode()).hexdigest()[:8]}"
    return f"{plain}/{version}-{token}"


def move_in(parts: Parts, root: Path, folder: str) -> Moved:
    """Puts a version's files where they are kept."""
    before = tuple(file.path for file in parts.files)
    moved = Moved(root, folder, before)
    try:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for path, source in zip(moved.paths, before, strict=True):
            source.replace(path)
    except OSError as error:
        moved.undo()
        raise WarehouseError(
            f"cannot move the files of a version to {root / folder}: {error}; check that the folder is writable"
        ) from error
    return moved


def write_files(
    con: duckdb.DuckDBPyConnection, asset: str, version: int, relation: str, parts: Parts, moved: Moved
) -> None:
    """Makes the relation (a quoted name) that stands for a version's files, and remembers these."""
    if is_lake(con):
        source = _added(con, moved, parts.schema)
    else:
        source = _reading(moved.paths)
    con.execute(f"CREATE VIEW {relation} AS {_version_query(con, version, source, parts.schema)}")
    rows = [
        (asset, version, number, str(moved.root), moved.folder, file.rows, file.size, file.sha256, _identity(path))
        for number, (file, path) in enumerate(zip(parts.files, moved.paths, strict=True))
    ]
    con.register("incoming", pa.table([pa.array(column) for column in zip(*rows, strict=True)], names=_COLUMNS))
    con.execute(f"INSERT INTO {FILES} BY NAME SELECT * FROM {quoted('temp', 'incoming')}")
    con.unregister("incoming")


def _added(con: duckdb.DuckDBPyConnection, moved: Moved, schema: pa.Schema) -> str:
    """Adds files to a table of the lake that is theirs alone, and gives its name."""
    table = quoted(STORE, moved.folder)
    con.register("incoming", pa.Table.from_batches([], _stored_schema(schema, arrays=False)))
    con.execute(f"CREATE TABLE {table} AS SELECT * FROM {quoted('temp', 'incoming')}")
    con.unregister("incoming")
    for path in moved.paths:
        con.execute(
            f"CALL ducklake_add_data_files({literal(CATALOG)}, ?, ?, schema => {literal(STORE)})",
            [moved.folder, str(path)],
        )
    return table


def _stored_schema(schema: pa.Schema, *, arrays: bool) -> pa.Schema:
    return pa.schema([pa.field(field.name, stored_type(field.type, arrays=arrays)) for field in schema])


def _reading(paths: Iterable[Path]) -> str:
    listed = ", ".join(literal(str(path)) for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false, union_by_name = false)"


def _version_query(con: duckdb.DuckDBPyConnection, version: int, source: str, schema: pa.Schema) -> str:
    """Gives a query for the rows in the types that the store's own tables have, the version in front."""
    columns = "*"
    if source.startswith("read_parquet"):
        there = [row[1] for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
        wanted = sql_types(con, {name: schema.field(name).type for name in schema.names})
        columns = ", ".join(
            quoted(name) if kind == known else f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}"
            for (name, kind), known in zip(wanted.items(), there, strict=True)
        )
    return f"SELECT {int(version)}::BIGINT AS {quoted('_version')}, {columns} FROM {source}"


def source_of(con: duckdb.DuckDBPyConnection, asset: str, version: int, schema: pa.Schema) -> str:
    """Gives a query, in brackets, that reads a version's files, wherever they are now: they may move with the store.

    Raises
    ------
    WarehouseError
        A file is missing, or was changed.
    """
    files = files_of(con, asset, version)
    check_files(asset, version, files)
    return f"({_version_query(con, version, _reading(file.path for file in files), schema)})"


# -- where the files are -----------------------------------------------------------------------------------------


def root_of(con: duckdb.DuckDBPyConnection) -> Path:
    """Gives the folder of a DuckDB file's tables: the one that lies beside it now."""
    (path,) = con.execute("SELECT path FROM duckdb_databases() WHERE database_name = current_database()").fetchall()[0]
    return Path(f"{path}.tables")


def files_of(con: duckdb.DuckDBPyConnection, asset: str, version: int) -> list[KeptFile]:
    """Gives a version's files, in the order of their rows; none where its rows are in the store's own tables."""
    query = f"SELECT folder, number, rows, size, sha256, identity FROM {FILES} WHERE asset = ? AND version = ?"
    rows = fetched(con, f"{query} ORDER BY number", [asset, version])
    if not rows:
        return []
    if is_lake(con):
        return _files_of_lake(con, rows)
    return [KeptFile(root_of(con) / folder / part_name(number), *rest) for folder, number, *rest in rows]


def _files_of_lake(con: duckdb.DuckDBPyConnection, rows: Sequence[tuple]) -> list[KeptFile]:
    """Gives the files that the lake now has of a table, which it may have merged into others."""
    known = {part_name(number): KeptFile(Path(), *rest) for _, number, *rest in rows}
    merged = KeptFile(Path(), 0, -1, "", "")  # of which nothing is known
    listed = con.execute(
        f"SELECT data_file FROM ducklake_list_files({literal(CATALOG)}, ?, schema => {literal(STORE)})", [rows[0][0]]
    ).fetchall()
    return [known.get(Path(file).name, merged)._replace(path=Path(file)) for (file,) in listed]


def any_kept(con: duckdb.DuckDBPyConnection) -> bool:
    """Says whether any version is kept as files."""
    return bool(fetched(con, f"SELECT 1 FROM {FILES} LIMIT 1"))


def moved_since(con: duckdb.DuckDBPyConnection) -> bool:
    """Says whether the views of files read another folder than the one beside the DuckDB file."""
    rows = fetched(con, f"SELECT DISTINCT root FROM {FILES}")
    return bool(rows) and not is_lake(con) and any(Path(root) != root_of(con) for (root,) in rows)


def point_views(con: duckdb.DuckDBPyConnection, relations: dict[tuple[str, int], tuple[str, pa.Schema]]) -> None:
    """Has the relations (by asset and version, with their schemas) read the files where they are now."""
    for (asset, version), (relation, schema) in relations.items():
        with suppress(WarehouseError):  # that a file is missing is for those to know who read it
            source = source_of(con, asset, version, schema)
            con.execute(f"CREATE OR REPLACE VIEW {relation} AS SELECT * FROM {source}")
    con.execute(f"UPDATE {FILES} SET root = ?", [str(root_of(con))])


# -- whether they are as they were -------------------------------------------------------------------------------

_seen: set[tuple[Path, str, str]] = set()


def check_files(asset: str, version: int, files: Iterable[KeptFile]) -> None:
    """Raises WarehouseError where a file is missing or is not the one that was committed.

    One whose inode and time of change are those of the commit is; of another (copied, touched, moved to another disk)
    the content is hashed, once in a process.
    """
    for file in files:
        where = f"asset {asset!r} (version {version}): {file.path}, a file of its rows,"
        try:
            found, identity = file.path.stat(), _identity(file.path)
        except OSError as error:
            raise WarehouseError(
                f"{where} cannot be read ({error}); a folder of tables moves together with the file of the warehouse: "
                "put it back, restore it from a copy, or run the step again"
            ) from error
        if file.size < 0 or identity == file.identity or (file.path, identity, file.sha256) in _seen:
            continue
        if found.st_size != file.size or _sha256(file.path) != file.sha256:
            raise WarehouseError(
                f"{where} is not as it was committed ({found.st_size} bytes, of {file.size}); restore it from a copy, "
                "or run the step again"
            )
        _seen.add((file.path, identity, file.sha256))


def _identity(path: Path) -> str:
    found = path.stat()
    return f"{found.st_ino}-{found.st_ctime_ns}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# -- what is no longer wanted ------------------------------------------------------------------------------------


def forget_files(con: duckdb.DuckDBPyConnection, asset: str, relations: dict[int, str]) -> list[str]:
    """Removes some versions of an asset, each with its relation, and gives the folders that nothing names from now."""
    if not relations:
        return []
    versions = list(relations)
    which = "asset = ? AND version IN (SELECT unnest(?))"
    folders = [row[0] for row in fetched(con, f"SELECT DISTINCT folder FROM {FILES} WHERE {which}", [asset, versions])]
    for relation in relations.values():
        con.execute(f"DROP VIEW IF EXISTS {relation}")
    if is_lake(con):
        for folder in folders:
            con.execute(f"DROP TABLE IF EXISTS {quoted(STORE, folder)}")
    con.execute(f"DELETE FROM {FILES} WHERE {which}", [asset, versions])
    return folders


def unnamed(con: duckdb.DuckDBPyConnection, root: Path) -> list[Path]:
    """Gives the folders below the root that no version names: of commits that failed, and of versions that went."""
    named: Collection[str] = {folder for (folder,) in fetched(con, f"SELECT DISTINCT folder FROM {FILES}")}
    if is_lake(con):
        known = con.execute(
            f"SELECT table_name FROM {LAKE}.ducklake_table UNION ALL "
            f"SELECT path FROM {LAKE}.ducklake_files_scheduled_for_deletion"
        ).fetchall()
        named |= {found for (text,) in known for found in re.findall(r"files_[0-9a-f]+", text)}
        folders = root.glob("files_*")
    else:
        folders = root.glob("[!.]*/*")
    return [path for path in folders if path.is_dir() and path.relative_to(root).as_posix() not in named]
