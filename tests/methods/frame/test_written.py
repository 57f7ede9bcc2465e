"""What modules' texts say is remembered by the texts: another process is spared reading them, and never misled."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from ballast.methods.frame import written as module
from ballast.methods.frame.written import compiled, remembered_in, written

TEXT = b'''"""Of use."""
from .helpers import shifted

RATE = 0.5


def twice(x):
    return shifted(x, "kliep") * 2
'''


@pytest.fixture
def file(tmp_path: Path, monkeypatch) -> Path:
    """A file in which texts are remembered, by a process that has read none."""
    monkeypatch.setattr(module, "_known", {})
    return tmp_path / "texts.json"


def said(text: bytes, package: str = "mine") -> str:
    return json.dumps([asdict(written(text, package)), asdict(compiled(text))])


def test_text_when_another_process_has_read_it_then_it_is_not_read_again(file: Path, monkeypatch):
    with remembered_in(file):
        before = said(TEXT)
    monkeypatch.setattr(module, "_known", {})
    for name in ("_written", "_compiled"):
        monkeypatch.setattr(module, name, lambda *_: pytest.fail("the text was read again"))
    with remembered_in(file):
        assert said(TEXT) == before


def test_text_when_it_or_its_package_is_another_then_it_is_read_for_itself(file: Path):
    other = TEXT.replace(b"0.5", b"0.6").replace(b"* 2", b"* 3")  # of the same length
    expected = [said(TEXT), said(other), said(TEXT, "yours")]
    for _ in range(2):
        with remembered_in(file):
            assert [said(TEXT), said(other), said(TEXT, "yours")] == expected
    assert len(set(expected)) == 3


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", '{"KEY": {"digest": "x"}}', '{"KEY": "x"}', '{"KEY": null}'])
def test_file_when_it_is_not_what_was_written_then_all_is_read_again(file: Path, monkeypatch, content: str):
    with remembered_in(file):
        expected = said(TEXT)
    for key in json.loads(file.read_text()):
        file.write_text(content.replace("KEY", key))
        monkeypatch.setattr(module, "_known", {})
        with remembered_in(file):
            assert said(TEXT) == expected


def test_file_when_it_cannot_be_written_then_all_is_read_all_the_same(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(module, "_known", {})
    (tmp_path / "taken").write_text("a file where a folder should be")
    with remembered_in(tmp_path / "taken" / "texts.json"):
        assert said(TEXT)


def test_text_when_it_is_not_python_then_the_error_is_of_each_reading(file: Path):
    for _ in range(2):
        with remembered_in(file), pytest.raises(SyntaxError):
            written(b"def", "mine")


def test_file_when_many_texts_were_read_then_the_oldest_are_forgotten(file: Path, monkeypatch):
    monkeypatch.setattr(module, "_MOST", 3)
    for number in range(5):
        with remembered_in(file):
            written(b"A = %d" % number, "mine")
    assert len(json.loads(file.read_text())) == 3
