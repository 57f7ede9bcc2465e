"""The files that ``path:`` names: which there are, in what format, and the DuckDB call that reads them."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ballast.errors import DataError, WarehouseError
from ballast.warehouse.homes.extensions import load
from ballast.warehouse.names import literal
from ballast.words import listed, one_line

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}
_PACKED = (".gz", ".zst")
_REMOTE = re.compile(r"(s3|s3a|s3n|gs|gcs|r2|az|azure|abfss?|https?|hf)://", re.IGNORECASE)


@dataclass(frozen=True)
class Files:
    """Files of one format: absolute names in the order in which they are read, and how messages name each."""

    format: str
    names: tuple[str, ...]
    folder: Path

    def shown(self, name: str) -> str:
        """Gives a file's name from the pipeline's folder on, without the credentials that an address may hold."""
        if is_remote(name):
            return re.sub(r"//[^/@]*@", "//", name.split("?")[0])
        return name.removeprefix(f"{self.folder}/")

    @property
    def listing(self) -> str:
        """Gives the names as a SQL list in which none is a pattern."""
        return f"[{', '.join(literal(name if is_remote(name) else glob.escape(name)) for name in self.names)}]"

    def one(self, name: str) -> Files:
        return Files(self.format, (name,), self.folder)


def is_remote(path: str) -> bool:
    return _REMOTE.match(path) is not None


def is_packed(path: str) -> bool:
    return path.lower().endswith(_PACKED)


def found(paths: str | Sequence[str], where: str, folder: Path) -> Files:
    """Gives the files of a path, a glob or a list of them; the pipeline's folder itself is never read as a pattern.

    Raises DataError for a path that names nothing, a pipe or a device, and for an ending that says no format.
    """
    given = [paths] if isinstance(paths, str) else list(paths)
    formats = {path: format_of(path, where) for path in given}
    if len(set(formats.values())) > 1:
        raise DataError(f"{where}: the files are of several formats ({listed(given)}); name files of one")
    names = [name for path in given for name in _matching(path, where, folder)]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(names) < 10_000 else []
    if twice:
        raise DataError(f"{where}: {twice[0]!r} is named more than once, so its rows would be read twice")
    return Files(formats[given[0]], tuple(names), folder.absolute())


def format_of(path: str, where: str) -> str:
    """Gives the format that a path's ending says; DataError for one that says none."""
    endings = [
        s.lower() for s in Path(path.split("?")[0] if is_remote(path) else path).suffixes if s.lower() not in _PACKED
    ]
    known = FORMATS.get(endings[-1] if endings else "")
    if known is None:
        raise DataError(
            f"{where}: {one_line(repr(path), 120)} has no ending that says its format (known: {', '.join(FORMATS)})"
        )
    return known


def _matching(path: str, where: str, folder: Path) -> list[str]:
    if is_remote(path):
        return [path]
    try:
        full = located(path, folder)
        if full.is_file():
            return [str(full)]
        if full.is_dir():
            return _within(full, path, where)
        if full.exists():
            raise DataError(f"{where}: {path!r} is a pipe or a device, not a file; write the rows into one first")
        relative = not Path(path).expanduser().is_absolute()
        start = folder.absolute() if relative else Path(full.anchor)
        names = sorted(map(str, start.glob(str(Path(path) if relative else full.relative_to(start)))))
    except (OSError, ValueError, RuntimeError, re.error) as error:  # too long, a NUL, no such home folder
        if isinstance(error, DataError):
            raise
        raise DataError(f"{where}: {one_line(repr(path), 120)} is not a path: {one_line(str(error), 120)}") from error
    files = [name for name in names if Path(name).is_file()]
    if not files:
        what = "no file matches" if glob.has_magic(path) else "there is no file"
        raise DataError(
            f"{where}: {what} {one_line(repr(path), 120)} (looked in {one_line(str(full.parent), 200)}); "
            "correct the path"
        )
    for name in files:
        if format_of(name, where) != format_of(path, where):
            raise DataError(
                f"{where}: {path!r} matches {name!r}, which is of another format; make the pattern narrower"
            )
    return files


def located(path: str, folder: Path) -> Path:
    """Gives a path as it is, or from `folder` on where it is relative; ``~`` is the user's home."""
    return (folder / Path(path).expanduser()).absolute()


def _within(full: Path, path: str, where: str) -> list[str]:
    """Gives the files of a folder that is named as a file is ("rows.parquet"), as Spark writes them."""
    files = [file for file in sorted(full.rglob("*")) if file.is_file() and not file.name.startswith((".", "_"))]
    if not files:
        raise DataError(f"{where}: the folder {path!r} holds no file")
    for file in files:
        if format_of(file.name, where) != format_of(path, where):
            raise DataError(f"{where}: the folder {path!r} holds {file.name!r}, which is of another format")
    return [str(file) for file in files]


def connected(paths: Sequence[str], where: str, *, streaming: bool = False) -> duckdb.DuckDBPyConnection:
    """Gives a connection in UTC that sees no Python variables, with the extensions that the addresses need.

    `streaming` says that its rows are fetched in batches, whose order several threads would not keep.

    Raises DataError naming the package to install where one cannot be loaded.
    """
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET python_enable_replacements = false")
    con.execute("SET autoinstall_known_extensions = false")
    con.execute("SET disabled_optimizers = 'in_clause'")  # it makes a join of a long IN, which mixes the rows
    if streaming:
        con.execute("SET threads = 1")
    schemes = {found.group(1).lower() for path in paths if (found := _REMOTE.match(path))}
    azure = {scheme for scheme in schemes if scheme.startswith(("az", "abfs"))}
    for extension in [*(["httpfs"] if schemes - azure else []), *(["azure"] if azure else [])]:
        try:
            load(con, extension)
        except WarehouseError as error:
            con.close()
            raise DataError(f"{where}: {in_scheme(schemes)} cannot be read: {error}") from error
    return con


def in_scheme(schemes: set[str]) -> str:
    return " and ".join(f"{scheme}://" for scheme in sorted(schemes))
