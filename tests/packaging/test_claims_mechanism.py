"""The record of claims is not fooled: real claims, run by real pytest in a copy of the tree."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.claims import ledger
from tests.claims.claim import Claim, QuickFormDone
from tests.claims.ledger import Entry

CLAIM = """
import numpy as np
import pytest

from ballast.compute.effective_sample_size import effective_sample_size
from tests.claims.worlds.numbers import number


def fitted():
    from ballast.methods.weights import {method}


def test_size_when_measured_then_large(claim):
    sizes = [effective_sample_size(np.array([1.0, number(seed), 2.0])) for seed in claim.seeds(5)]
    assert min(sizes) > 1
    claim.record(size=sizes)
    assert np.mean(sizes) > 1.5
"""
METHODS = {"doremi": "DoReMi", "group_dro": "GroupDRO", "kliep": "KLIEP", "reweighing": "Reweighing"}


@dataclass
class Tree:
    """A copy of the package with four claims, each about another method."""

    folder: Path

    def run(self, *arguments: str, **settings: str) -> tuple[int, str]:
        """Gives the exit status and output of pytest."""
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": ".", "BALLAST_CLAIMS_ROLLING": "0", **settings}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(arguments or ["tests/claims"])]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def forms(self, **settings: str) -> dict[str, int]:
        """Gives how many claims passed in each form."""
        status, told = self.run(**settings)
        assert status == 0, told
        return _forms(told)

    def measure(self, **settings: str) -> None:
        status, told = self.run(**{"BALLAST_CLAIMS": "all", **settings})
        assert status == 0, told

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    @property
    def record(self) -> dict[str, dict]:
        return json.loads((self.folder / "ballast/methods/claims.json").read_text())

    def rewrite(self, **entries: dict | None) -> None:
        """Edits the record by hand: some keys of a method's entry, or None for the entry."""
        record = self.record
        for method, entry in entries.items():
            (key,) = (k for k in record if k.startswith(f"{method}::"))
            record[key] = {**record[key], **(entry or {})}
            if entry is None:
                del record[key]
        (self.folder / "ballast/methods/claims.json").write_text(json.dumps(record))

    def claim_of(self, method: str) -> str:
        return f"tests/claims/test_{method}.py"


def _forms(told: str) -> dict[str, int]:
    (line,) = re.findall(r"^claims: (.*)$", told, re.MULTILINE)
    counts = dict(part.split(" ", 1)[::-1] for part in line.split("; "))
    return {form: int(count) for form, count in counts.items() if int(count)}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("claims")
    hidden = shutil.ignore_patterns("__pycache__", "claims.json")
    shutil.copytree(ledger.ROOT / "ballast", folder / "ballast", ignore=hidden)
    for file in (
        "constraints.txt",
        "tests/conftest.py",
        "tests/dealing.py",
        "tests/postgres.py",
        *_files("plugin", "ledger", "claim"),
    ):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ledger.ROOT / file, folder / file)
    worlds = folder / "tests" / "claims" / "worlds"
    worlds.mkdir()
    (worlds / "numbers.py").write_text("def number(seed):\n    return 1.0 + seed\n")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    for method, cls in METHODS.items():
        (folder / Tree(folder).claim_of(method)).write_text(CLAIM.format(method=cls))
    Tree(folder).measure()
    return folder


def _files(*names: str) -> list[str]:
    return [f"tests/claims/{name}.py" for name in names]


@pytest.fixture
def tree(measured: Path, tmp_path: Path) -> Tree:
    return Tree(Path(shutil.copytree(measured, tmp_path / "tree")))


def test_claims_when_a_shared_helpers_constant_changes_then_its_methods_are_run_in_full_and_prose_changes_none(tree):
    tree.edit("ballast/methods/weights/ratio/kliep.py", "Use ", "Do use ")
    tree.edit("tests/claims/worlds/numbers.py", "def number", "# numbers\n\n\ndef number")
    assert tree.forms() == {"quick": 4}
    tree.edit("ballast/methods/weights/mixture/_proxy.py", "HELD_OUT_ROWS = 4096", "HELD_OUT_ROWS = 4095")
    assert tree.forms() == {"quick": 2, "full, due": 2}


def test_claims_when_entry_digest_or_test_is_tampered_with_then_run_in_full(tree):
    tree.rewrite(kliep=None, reweighing={"own": "0" * 12})
    tree.edit(tree.claim_of("doremi"), "> 1.5", "> 0.5")
    assert tree.forms() == {"quick": 1, "full, due": 3}
    tree.edit("tests/claims/worlds/numbers.py", "1.0 + seed", "1.0 * seed + 1.0")
    assert tree.forms() == {"full, due": 4}


@pytest.mark.full
def test_claims_when_a_figure_is_raised_by_hand_then_the_full_form_tells(tree):
    raised = {"figures": {"size": [2.9, 0.001]}}
    tree.rewrite(kliep=raised)
    status, told = tree.run(BALLAST_CLAIMS_ROLLING="1000")  # which reaches every claim
    assert status == 1
    assert "kliep::size_when_measured_then_large is not what claims.json records: size is" in told
    assert "1 failed, 3 passed" in told
    tree.rewrite(kliep={**raised, "quick": {"size": [2.9, 0.001]}})
    status, told = tree.run()  # a quick figure that is not met is measured in full at once
    assert (status, _forms(told)) == (1, {"quick": 3})


@pytest.mark.full
def test_claims_when_the_base_changes_then_owed_and_where_figures_move_run_in_full(tree):
    tree.edit("constraints.txt", "numpy==", "numpy==1.")
    assert tree.forms() == {"quick, owed": 4}
    larger = "\n\n_size = effective_sample_size\n\n\ndef effective_sample_size(w):\n    return 1.4 * _size(w)\n"
    with (tree.folder / "ballast/compute/effective_sample_size.py").open("a") as file:
        file.write(larger)
    status, told = tree.run()
    assert status == 1
    assert "4 failed" in told
    assert "size is" in told


def test_claims_when_full_forms_exceed_the_budget_then_red_with_the_command_and_never_run(tree):
    tree.edit("ballast/methods/weights/mixture/_proxy.py", "HELD_OUT_ROWS = 4096", "HELD_OUT_ROWS = 4095")
    tree.rewrite(doremi={"seconds": 500.0})
    status, told = tree.run()
    assert status == 1
    assert "2 claims are due, about 8 min: run `make claims` and commit claims.json" in told
    assert "2 failed, 2 passed" in told


@pytest.mark.full
def test_make_claims_when_figures_move_then_refused_until_accepted(tree):
    before = tree.record
    tree.edit("tests/claims/worlds/numbers.py", "1.0 + seed", "8.0")
    status, told = tree.run(BALLAST_CLAIMS="due")
    assert status == 1
    assert "make claims ACCEPT=kliep" in told
    assert tree.record == before
    status, _ = tree.run(BALLAST_CLAIMS="due", BALLAST_CLAIMS_ACCEPT="kliep doremi")
    moved = {key.partition("::")[0] for key, entry in tree.record.items() if entry != before[key]}
    assert (status, moved) == (1, {"kliep", "doremi"})


@pytest.mark.full
def test_make_claims_when_code_runs_that_no_import_shows_then_refused_and_a_claim_without_a_test_dropped(tree):
    hidden = 'from ballast.methods.frame.catalogue import method\n    method("normalize" + "_weights").fit(np.ones(3))'
    tree.edit(tree.claim_of("kliep"), "    assert min(sizes)", f"    {hidden}\n    assert min(sizes)")
    (tree.folder / tree.claim_of("reweighing")).unlink()
    status, told = tree.run(BALLAST_CLAIMS="all")
    assert status == 1
    assert "ballast.methods.weights.operators.normalize_weights ran, which no import of test_kliep.py leads to" in told
    assert {key.partition("::")[0] for key in tree.record} == {"doremi", "group_dro", "kliep"}


def test_oldest_when_seconds_are_few_then_the_claims_measured_longest_ago():
    entry = Entry("", "", {}, {}, 30.0, 1.0, "2026-03-01", "")
    entries = {"a": entry, "b": Entry("", "", {}, {}, 30.0, 1.0, "2026-02-01", ""), "c": entry}
    assert ledger.oldest(entries, entries, 0) == set()
    assert ledger.oldest(entries, entries, 45) == {"b"}
    assert ledger.oldest(entries, entries, 91) == {"a", "b", "c"}
    assert ledger.late(entries, {"a", "b"}, datetime.date(2026, 2, 20)) == ["b"]


def test_claim_when_it_records_then_means_and_errors_and_in_its_quick_form_two_seeds():
    claim = Claim()
    assert list(claim.seeds(range(5, 9))) == [5, 6, 7, 8]
    claim.record(rate=[1, 2, 3], number=0.25)
    assert claim.figures == {"rate": (2.0, 0.5773502692), "number": (0.25, None)}
    with pytest.raises(TypeError, match="was called before"):
        claim.record(rate=1.0)
    quick = Claim()
    quick.full = False
    assert list(quick.seeds(20)) == [0, 1]
    with pytest.raises(QuickFormDone):
        quick.record(rate=1.0)
    with pytest.raises(TypeError, match="one a seed"):
        Claim().record(rate=[[1.0]])
