"""Rows behind files answer questions in SQL."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ballast.warehouse.asked import AskedRows


def test_column_when_a_folder_is_called_like_it_then_the_files_alone_say_what_it_holds(tmp_path: Path) -> None:
    folder = tmp_path / "x=5"
    folder.mkdir()
    pq.write_table(pa.table({"id": [1, 2]}), folder / "rows.parquet")
    schema = pa.schema({"id": pa.int64(), "x": pa.float64()})
    with AskedRows.of_files([folder / "rows.parquet"], schema) as rows:
        found = rows.ask("SELECT count(*), count({x}) FROM rows", {"x": "x"})
    assert [column[0].as_py() for column in found.columns] == [2, 0]
