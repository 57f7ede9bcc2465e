"""A file, or a folder with a file a partition, is written whole or stays as it was."""

from __future__ import annotations

import os
import re
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from ballast.orchestration.deliver.delivery import TargetError
from ballast.orchestration.deliver.files import file_of
from tests.orchestration.deliver.targets import predictions, write


@pytest.mark.parametrize("name", ["scores.parquet", "scores.csv"])
def test_file_when_written_then_whole_and_in_place_of_the_one_before(name: str, tmp_path: Path):
    read = pd.read_parquet if name.endswith(".parquet") else pd.read_csv
    write(name, tmp_path, [1, 2, 3], None)
    assert write(name, tmp_path, [4], None, version=2)
    found = read(tmp_path / name)
    assert found["sample_id"].tolist() == [4]
    assert found[["step", "version", "model_version"]].to_numpy().tolist() == [["shop/scored", 2, 1]]
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_csv_when_text_is_blank_missing_or_of_two_lines_then_told_apart(tmp_path: Path):
    write("s.csv", tmp_path, [], None, table=pa.table({"sample_id": [1, 2, 3], "reason": ["", None, 'a\n"b",']}))
    _, blank, missing, *lines = (tmp_path / "s.csv").read_text().split("\n")
    assert (blank[:6], missing[:6]) == ('1,"","', '2,,"sh')
    assert lines[:2] == ['3,"a', '""b"",","shop/scored",,1,"run 1","shop/reweighted"']
    assert write("s.csv", tmp_path, [4], None), "its own file, whatever its texts hold"
    assert write("s.csv", tmp_path, [], None), "also by no rows"
    assert write("s.csv", tmp_path, [5], None), "and one of no rows"


def test_file_when_nothing_changed_then_not_touched(tmp_path: Path):
    write("s.parquet", tmp_path, [1], None)
    before = (tmp_path / "s.parquet").stat().st_ino
    assert not write("s.parquet", tmp_path, [1], None)
    assert (tmp_path / "s.parquet").stat().st_ino == before


def test_file_when_the_table_cannot_be_written_then_stays(tmp_path: Path):
    write("s.csv", tmp_path, [1], None)
    before = (tmp_path / "s.csv").read_bytes()
    lists = predictions([2]).append_column("sets", pa.array([["no", "yes"]]))
    with pytest.raises(TargetError, match="column sets is list"):
        write("s.csv", tmp_path, [2], None, table=lists)
    assert (tmp_path / "s.csv").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["s.csv"]


@pytest.mark.parametrize("name", ["scores.parquet", "scores.csv"])
def test_file_when_another_steps_rows_are_in_it_then_refused(name: str, tmp_path: Path):
    write(name, tmp_path, [1], None, step="other/scored")
    with pytest.raises(TargetError, match="the file holds the rows of other/scored; remove it, or name another one"):
        write(name, tmp_path, [2], None)


@pytest.mark.parametrize("name", ["sales.parquet", "sales.csv"])
def test_file_when_it_holds_a_users_own_rows_then_refused_and_left_alone(name: str, tmp_path: Path):
    own = pd.DataFrame({"customer": [1, 2]})
    own.to_csv(tmp_path / name, index=False) if name.endswith(".csv") else own.to_parquet(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(TargetError, match="is not of rows that a step wrote; remove it, or name another one"):
        write(name, tmp_path, [1], None)
    assert (tmp_path / name).read_bytes() == before


def test_file_when_it_is_cut_off_or_no_table_then_refused_and_left_alone(tmp_path: Path):
    write("s.parquet", tmp_path, [1, 2, 3], None)
    whole = (tmp_path / "s.parquet").read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for name, held in {
        "s.parquet": whole[:-9],
        "t.parquet": whole[:footer] + b"\xff" * 20 + whole[footer + 20 :],
        "s.csv": b"\x89PNG\r\n\x1a\n\x00\x00",
        "t.csv": b"",
    }.items():
        (tmp_path / name).write_bytes(held)
        with pytest.raises(TargetError, match="is not of rows that a step wrote; remove it, or name another one"):
            write(name, tmp_path, [1], None)
        assert (tmp_path / name).read_bytes() == held


def test_place_when_there_is_none_then_refused_and_nothing_is_made(tmp_path: Path):
    for path in ("out/scores.parquet", "out/scores/"):
        with pytest.raises(TargetError, match=r"there is no folder .*/out; make it, or correct `to:`"):
            write(path, tmp_path, [1])
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "s.csv").mkdir()
    with pytest.raises(TargetError, match="a folder, a pipe or a device is there"):
        write("taken/s.csv", tmp_path, [1], None)
    (tmp_path / "file").touch()
    with pytest.raises(TargetError, match="File exists"):
        write("file/", tmp_path, [1])
    assert not (tmp_path / "out").exists()


@contextmanager
def refusing(folder: Path) -> Iterator[None]:
    """Lets nothing be written into a folder, as its owner's chmod does; root, whom that never stops, is nobody here."""
    folder.chmod(0o555)
    if root := os.geteuid() == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


@contextmanager
def full(_: Path) -> Iterator[None]:
    """Lets no file grow beyond 100 kB, which a disk without room looks like."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("fault", [refusing, full])
@pytest.mark.parametrize("to", ["s.parquet", "s.csv", "scores/", {"database": "s.duckdb", "table": "scores"}], ids=str)
def test_target_when_read_only_or_the_disk_is_full_then_named_and_as_it_was(to: Any, fault: Callable[[Path], Any]):
    partition = None if str(to).startswith("s.") else "d1"
    with tempfile.TemporaryDirectory() as place:  # not below tmp_path, whose parents let nobody in
        folder = Path(place)
        folder.chmod(0o755)
        write(to, folder, [1, 2], partition)
        files = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        where = re.escape(to if isinstance(to, str) else "table scores of s.duckdb")
        with (
            fault(folder / to if to == "scores/" else folder),
            pytest.raises(TargetError, match=rf"is not written to {where}: .*(denied|too large).*can be written to"),
        ):
            write(to, folder, list(range(200_000)), partition)
        assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == files


def test_link_when_it_names_the_file_then_the_file_behind_it_is_replaced(tmp_path: Path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "s.csv").symlink_to(tmp_path / "disk" / "real.csv")
    write("s.csv", tmp_path, [1], None)
    assert (tmp_path / "s.csv").is_symlink()
    assert pd.read_csv(tmp_path / "disk" / "real.csv")["sample_id"].tolist() == [1]


KEYS = [
    "2026-01-01",
    "at",
    "AT",
    "at|de",
    "a/b",
    "..",
    "../up",
    ".hidden",
    "",
    "Ä",
    "x" * 300,
    "x" * 301,
    "a%2Fb",
    "a b",
]


def test_partitions_when_their_keys_are_strange_then_each_has_a_file_of_its_own_in_the_folder(tmp_path: Path):
    for number, key in enumerate(KEYS):
        write("scores/", tmp_path, [number], key)
    files = sorted((tmp_path / "scores").glob("*.parquet"))  # none is hidden
    assert len({file.name.casefold() for file in files}) == len(KEYS) == len([*(tmp_path / "scores").iterdir()])
    found = pd.concat(map(pd.read_parquet, files))
    assert dict(zip(found["partition"], found["sample_id"], strict=True)) == {key: n for n, key in enumerate(KEYS)}
    assert [path.name for path in tmp_path.iterdir()] == ["scores"]
    assert file_of("2026-01-01") == "2026-01-01.parquet"
