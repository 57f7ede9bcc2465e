"""Lakes that were moved or copied, folders given from the current one, and URLs that name no place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from ballast.errors import WarehouseError
from ballast.warehouse import Warehouse

FRAME = pd.DataFrame({"x": range(2000)})  # too many rows for the catalog: they lie in a file


def lake(folder: Path, query: str = "") -> Warehouse:
    return Warehouse(f"ducklake:sqlite:///{folder}/l.sqlite{query}")


def test_lake_when_its_folder_was_moved_then_opens_and_goes_on(tmp_path: Path):
    lake(tmp_path / "one").commit("p/x", FRAME)
    (tmp_path / "one").rename(tmp_path / "two")
    moved = lake(tmp_path / "two")
    assert moved.read("p/x").equals(FRAME)
    assert moved.sql("SELECT count(*) AS n FROM p.x").n.tolist() == [2000]
    assert moved.commit("p/x", FRAME.head(500)).version == 2
    assert len(moved.prune(keep=1)) == 1
    assert not (tmp_path / "one").exists()


def test_lake_when_copied_then_each_has_files_of_its_own(tmp_path: Path):
    original = lake(tmp_path / "one")
    original.commit("p/x", FRAME)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    files = sorted((tmp_path / "one").rglob("*.parquet"))
    copy = lake(tmp_path / "two")
    assert copy.commit("p/x", FRAME.head(300)).version == 2
    assert sorted((tmp_path / "one").rglob("*.parquet")) == files
    assert len(original.read("p/x")) == 2000
    assert len(copy.read("p/x")) == 300


def test_lake_when_its_catalog_moved_without_its_files_then_both_places_are_named(tmp_path: Path):
    lake(tmp_path / "one").commit("p/x", FRAME)
    shutil.copytree(tmp_path / "one", tmp_path / "two", ignore=shutil.ignore_patterns("*.data"))
    with pytest.raises(
        WarehouseError, match=r"one/l.sqlite.data.*two/l.sqlite.data does not hold them.*data_path="
    ) as raised:
        lake(tmp_path / "two").read("p/x")
    assert "is missing" in str(raised.value)
    assert len(lake(tmp_path / "two", f"?data_path={tmp_path}/one/l.sqlite.data").read("p/x")) == 2000


def test_lake_with_a_relative_folder_then_it_stays_where_it_was_first_meant(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    warehouse = Warehouse("ducklake:sqlite:///l.sqlite?data_path=files")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    warehouse.commit("p/x", FRAME)
    assert len(warehouse.read("p/x")) == 2000
    assert list((tmp_path / "files").rglob("*.parquet"))
    assert not (tmp_path / "other" / "files").exists()


@pytest.mark.parametrize(
    "url",
    [
        "duckdb://[foo",
        "ducklake:postgresql://u:hunter2@[::1/db?data_path=/x",
        "duckdb:///a\0b.duckdb",
        "ducklake:sqlite:///a\0b.sqlite",
        "duckdb:///~nobody-of-this-name/a.duckdb",
        "ducklake:sqlite:///a.sqlite?data_path=~nobody-of-this-name/x",
    ],
)
def test_url_that_names_no_place_then_refused_in_words_without_its_password(url: str):
    with pytest.raises(WarehouseError, match="warehouse url") as raised:
        Warehouse(url)
    assert "hunter2" not in str(raised.value)


def test_file_in_a_folder_where_duckdb_cannot_keep_its_log_then_refused_before_anything_is_made(tmp_path: Path):
    with pytest.raises(WarehouseError, match=r"takes what follows a '\?' for parameters; rename the folder"):
        Warehouse(f"duckdb:///{tmp_path}/a?b/w.duckdb").commit("p/x", FRAME)
    assert list(tmp_path.iterdir()) == []
