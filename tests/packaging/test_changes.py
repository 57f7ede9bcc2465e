"""The fragments of the changelog: each is well formed, and the numbers that changed come from the claims' records."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
CHANGES = ROOT / "changes"
TYPES = [t["directory"] for t in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]["type"]]
FRAGMENTS = sorted(CHANGES.glob("*.md"))

numbers = SimpleNamespace(**runpy.run_path(str(CHANGES / "numbers.py")))


def entry(**figures: list[float | None]) -> dict[str, object]:
    return {"own": "1", "base": "2", "figures": figures, "quick": {}, "seconds": 1.0}


BEFORE = {
    "kliep::ratio_in_ten_columns": entry(error=[0.712, 0.004], uniform=[2.24, 0.01]),
    "kliep::sinc": entry(error=[0.004, None]),
    "doremi::shares": entry(worst=[1.2, 0.1]),
    "gone::claim": entry(error=[1.0, None]),
}
AFTER = {
    "kliep::ratio_in_ten_columns": entry(error=[0.731, 0.004], uniform=[2.2401, 0.01], margin=[0.1, None]),
    "kliep::sinc": entry(error=[0.005, None]),
    "doremi::shares": entry(worst=[1.2, 0.1]),
    "new::claim": entry(error=[1.0, None]),
}


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.name)
def test_fragment_when_read_then_has_a_type_and_a_text_of_whole_sentences(path):
    match = re.fullmatch(r"[a-z0-9-]+\.([a-z]+)\.md", path.name)
    assert match is not None, f"{path.name}: name a fragment <slug>.<type>.md"
    assert match[1] in set(TYPES) - {"numbers"}, f"{path.name}: {match[1]} is not one of {TYPES}"
    text = path.read_text(encoding="utf-8").strip()
    assert text.endswith(".")
    assert len(text.splitlines()) == 1, f"{path.name}: one paragraph, on one line"


def test_folder_of_changes_when_listed_then_holds_fragments_and_what_gathers_them_alone():
    assert {path.name for path in CHANGES.iterdir()} - {"__pycache__"} == {"numbers.py", *(p.name for p in FRAGMENTS)}


def test_numbers_when_figures_of_two_records_differ_at_three_digits_then_tells_them_by_method():
    assert numbers.changed(BEFORE, AFTER) == {
        "kliep": "`kliep`: ratio in ten columns: `error` from 0.712 to 0.731; sinc: `error` from 0.004 to 0.005."
    }


def test_changelog_when_a_release_is_made_then_holds_fragments_and_numbers_and_the_fragments_are_gone(tmp_path):
    def git(*words: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    record = tmp_path / numbers.RECORD
    record.parent.mkdir(parents=True)
    (tmp_path / "ballast" / "__init__.py").write_text('__version__ = "9.8.7"\n')
    folder = tmp_path / "changes"
    folder.mkdir()
    (folder / "numbers.py").touch()
    (folder / "quicker-kliep.changed.md").write_text("`kliep` takes half the time.\n")
    record.write_text(json.dumps(BEFORE))
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message=first")
    git("tag", "v9.8.6")
    record.write_text(json.dumps(AFTER))
    numbers.main(tmp_path, None)
    done = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--yes"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    changelog = (tmp_path / "CHANGELOG.md").read_text()
    _, release = changelog.split("<!-- releases -->")
    assert re.findall(r"^#+ .*", release, re.MULTILINE)[1:] == ["### Changed", "### Numbers that changed"]
    assert release.lstrip().startswith("## 9.8.7 (")
    assert "- `kliep` takes half the time.\n" in release
    assert (
        "- `kliep`: ratio in ten columns: `error` from 0.712 to 0.731; sinc: `error` from 0.004 to 0.005.\n" in release
    )
    assert [path.name for path in folder.iterdir()] == ["numbers.py"]
