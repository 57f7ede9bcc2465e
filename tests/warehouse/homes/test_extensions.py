"""DuckDB's extensions: what is said where the installed package is not for the installed DuckDB."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from ballast.errors import WarehouseError
from ballast.warehouse.homes import extensions


@pytest.fixture
def bare(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB in which no extension is installed, and that can download none."""
    config = {"extension_directory": str(tmp_path / "none"), "custom_extension_repository": str(tmp_path / "empty")}
    with duckdb.connect(":memory:", config=config) as con:
        yield con


def lay_out(folder: Path, version: str) -> Path:
    """Lays out a package of the extension ducklake for a version of DuckDB, with a file that is not one."""
    package = folder / "duckdb_extension_ducklake"
    file = package / "extensions" / f"v{version}" / "ducklake.duckdb_extension"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"not an extension")
    (package / "__init__.py").touch()
    return folder


def test_load_when_the_package_is_for_another_duckdb_then_the_error_says_which_to_install(
    tmp_path: Path, bare: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(lay_out(tmp_path / "site", "1.4.4"))
    with pytest.raises(WarehouseError) as caught:
        extensions.load(bare, "ducklake")
    now, said = duckdb.__version__, str(caught.value)
    assert f"duckdb-extension-ducklake is for DuckDB 1.4.4, and {now} is installed" in said
    assert f"pip install duckdb-extension-ducklake=={now}; " in said
    assert said.endswith("pip install duckdb==1.4.4")


def test_load_when_the_package_is_for_this_duckdb_then_its_own_file_is_tried(
    tmp_path: Path, bare: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
):
    folder = lay_out(tmp_path / "site", duckdb.__version__)
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(WarehouseError, match=rf"from its Python package: .*{re.escape(str(folder))}"):
        extensions.load(bare, "ducklake")


def test_load_when_there_is_no_package_then_the_error_says_what_to_install(bare: duckdb.DuckDBPyConnection):
    with pytest.raises(WarehouseError, match=r"duckdb-extension-no-such is not installed.*dagster-ballast\[ducklake\]"):
        extensions.load(bare, "no_such")
