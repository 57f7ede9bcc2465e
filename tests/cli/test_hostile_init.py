"""``ballast init`` makes a project in the folder that it was given, whatever that is called, or nothing anywhere."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml

from ballast.cli.init import make_project
from ballast.errors import BallastError


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a file beside it and in it a file, a full folder and links."""
    folder = tmp_path / "work"
    (folder / "full").mkdir(parents=True)
    (folder / "full" / "kept").touch()
    (folder / "file").touch()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").touch()
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "loop").symlink_to(folder / "loop")
    monkeypatch.chdir(folder)
    return folder


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


ODD = [
    "-rf",
    "a b",
    " ",
    "...",
    "a\nb",
    "ü\u202e",
    "$HOME ${project}",
    "a{b}\"'c",
    "'''",
    "[red]",
    "CON",
    "__import__",
    "a/b/c",
]


@pytest.mark.parametrize("name", [*ODD, "a/b/c"])
def test_project_of_an_odd_name_stands_in_its_folder_and_its_files_parse(work: Path, name: str):
    before = files(work.parent)
    made = make_project(Path(name))
    assert files(work.parent) - before == {str(path.relative_to(work.parent)) for path in made}
    assert all(path.is_relative_to(work / name) for path in made)
    for path in made:
        if path.suffix == ".toml":
            tomllib.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".yaml":
            yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("..", "not empty"),
        ("full", "not empty"),
        ("full/../full", "not empty"),
        ("link", "not empty"),
        ("loop", "is not the name of a folder"),
        ("file", "is a file"),
        ("file/below", "is a file"),
        ("a\0b", "is not the name of a folder"),
        ("\ud800", "is not the name of a folder"),
        ("x" * 300, "name too long"),
        ("/proc/project", "cannot make a project"),
    ],
)
def test_folder_that_cannot_be_used_is_refused_and_nothing_is_touched(work: Path, name: str, said: str):
    before = files(work.parent)
    with pytest.raises(BallastError, match=f"(?i){said}"):
        make_project(Path(name))
    assert files(work.parent) == before
