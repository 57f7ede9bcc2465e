"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ballast.files import write_whole


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Lets no file of this process grow beyond so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    told = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, told)


def test_file_when_the_disk_fills_then_the_old_one_stays_and_nothing_beside_it(tmp_path: Path):
    path = tmp_path / "made" / "page.html"
    write_whole(path, "old ü")
    with room_for(8192), pytest.raises(OSError, match="File too large"):
        write_whole(path, "x" * 10_000)
    assert path.read_text(encoding="utf-8") == "old ü"
    assert [file.name for file in path.parent.iterdir()] == ["page.html"]
    write_whole(path, "new")
    assert path.read_text(encoding="utf-8") == "new"


def test_file_when_a_killed_process_left_a_part_of_one_then_it_goes_after_an_hour(tmp_path: Path):
    for name in (".old.unfinished", ".young.unfinished"):
        (tmp_path / name).touch()
    os.utime(tmp_path / ".old.unfinished", (0, 0))
    write_whole(tmp_path / "page.html", "new")
    assert sorted(file.name for file in tmp_path.iterdir()) == [".young.unfinished", "page.html"]


def test_file_when_a_folder_stands_in_its_place_then_the_folder_stays(tmp_path: Path):
    (tmp_path / "page.html").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        write_whole(tmp_path / "page.html", "new")
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
