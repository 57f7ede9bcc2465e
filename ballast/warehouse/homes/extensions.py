"""DuckDB's extensions: the one that is installed, else the one from a Python package, else downloaded by DuckDB."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import duckdb

from ballast.errors import WarehouseError
from ballast.warehouse.names import literal, quoted


def load(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Loads an extension such as "ducklake".

    Raises
    ------
    WarehouseError
        None of the three ways worked; the message says why, of each.
    """
    packaged = _packaged(name)
    failures = []
    con.execute("SET autoinstall_known_extensions = false")  # else LOAD would try to download
    for way, statements in (
        ("installed in DuckDB", [f"LOAD {quoted(name)}"]),
        ("from its Python package", [f"LOAD {literal(str(packaged))}"] if packaged else []),
        ("downloaded by DuckDB", [f"INSTALL {quoted(name)}", f"LOAD {quoted(name)}"]),
    ):
        try:
            for statement in statements:
                con.execute(statement)
            if statements:
                return
            failures.append(f"{way}: no package duckdb-extension-{name.replace('_', '-')} is installed")
        except duckdb.Error as error:
            failures.append(f"{way}: {str(error).splitlines()[0]}")
    raise WarehouseError(
        f"DuckDB's extension {name} cannot be loaded ({'; '.join(failures)}); "
        "install it with: pip install 'dagster-ballast[ducklake]'"
    )


def _packaged(name: str) -> Path | None:
    """Gives the file that a package ``duckdb_extension_NAME`` holds for this version of DuckDB."""
    spec = find_spec(f"duckdb_extension_{name}")
    for folder in spec.submodule_search_locations or () if spec else ():
        file = Path(folder) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if file.is_file():
            return file
    return None
