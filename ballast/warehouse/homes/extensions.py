"""DuckDB's extensions: the one that is installed, else the one from a Python package, else downloaded by DuckDB."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import duckdb

from ballast.errors import WarehouseError
from ballast.warehouse.names import literal, quoted

_EXTRAS = {"httpfs": "remote", "azure": "remote"}
"""The extra that brings an extension's package, where it is not ``ducklake``."""


def load(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Loads an extension such as "ducklake".

    Raises
    ------
    WarehouseError
        None of the three ways worked; the message says why, of each, and what to install.
    """
    package, version = f"duckdb-extension-{name.replace('_', '-')}", duckdb.__version__
    packaged = _packaged(name)
    ways = {"installed in DuckDB": [f"LOAD {quoted(name)}"]}
    if version in packaged:
        ways["from its Python package"] = [f"LOAD {literal(str(packaged[version]))}"]
    ways["downloaded by DuckDB"] = [f"INSTALL {quoted(name)}", f"LOAD {quoted(name)}"]
    failures = []
    con.execute("SET autoinstall_known_extensions = false")  # else LOAD would try to download
    for way, statements in ways.items():
        try:
            for statement in statements:
                con.execute(statement)
            return
        except duckdb.Error as error:
            failures.append(f"{way}: {str(error).splitlines()[0]}")
    remedy = f"install it with: pip install 'dagster-ballast[{_EXTRAS.get(name, 'ducklake')}]'"
    if not packaged:
        failures.append(f"from its Python package: {package} is not installed")
    elif version not in packaged:
        other = max(packaged)
        failures.append(f"from its Python package: {package} is for DuckDB {other}, and {version} is installed")
        remedy = (
            f"install the extension for this DuckDB with: pip install {package}=={version}; where there is none yet, "
            f"install the DuckDB that the package is for with: pip install duckdb=={other}"
        )
    raise WarehouseError(f"DuckDB's extension {name} cannot be loaded ({'; '.join(failures)}); {remedy}")


def _packaged(name: str) -> dict[str, Path]:
    """Gives the files that a package ``duckdb_extension_NAME`` holds, by the version of DuckDB that each is for."""
    spec = find_spec(f"duckdb_extension_{name}")
    folders = spec.submodule_search_locations or () if spec else ()
    files = [path for folder in folders for path in Path(folder).glob(f"extensions/v*/{name}.duckdb_extension")]
    return {path.parent.name.removeprefix("v"): path for path in files}
