"""The record of claims, ``ballast/methods/claims.json``: what was measured, by which code, and what is due again."""

from __future__ import annotations

import ast
import datetime
import hashlib
import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ballast.methods.frame.closure import digest_of, reached
from ballast.methods.frame.index import index

ROOT = Path(__file__).parents[2]
FILE = ROOT / "ballast" / "methods" / "claims.json"
LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "skrub", "torch")
"""The libraries by which figures are made; a new version makes claims owed."""
PATIENCE = datetime.timedelta(days=14)
"""How long a claim may stand on code that has changed since it was measured in full."""
UNKNOWN_SECONDS = 10.0
"""What a claim that was never measured is taken to cost."""
ERRORS = 3.0
"""Standard errors by which a figure may differ from the recorded one, on another machine say."""
State = Literal["same", "owed", "due"]
Figures = Mapping[str, tuple[float, float | None]]


@dataclass(frozen=True)
class Entry:
    """What is recorded of one claim.

    Attributes
    ----------
    own : digest of the claim's test, the world it is about, the method's module and its private helpers.
    base : digest of the rest of what it reaches, and of the libraries' versions.
    figures, quick : mean and standard error (None for a single number) of each figure, in the full and quick form.
    seconds, quick_seconds : of one core.
    at, by : the day, and the machine's Python and libraries.
    """

    own: str
    base: str
    figures: Figures
    quick: Figures
    seconds: float
    quick_seconds: float
    at: str
    by: str


def read() -> dict[str, Entry]:
    """Gives what is recorded, by claim."""
    if not FILE.exists():
        return {}
    return {key: Entry(**entry) for key, entry in json.loads(FILE.read_text(encoding="utf-8")).items()}


def write(entries: Mapping[str, Entry]) -> None:
    """Writes the record anew, a line a claim, sorted; claims whose test is gone are dropped."""
    there = tests()
    kept = {key: entry for key, entry in sorted(entries.items()) if key.partition("[")[0] in there}
    lines = [f"{json.dumps(key)}: {json.dumps(asdict(entry))}" for key, entry in kept.items()]
    whole = FILE.with_suffix(".tmp")
    whole.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    whole.replace(FILE)


def tests() -> set[str]:
    """Gives the tests that take the fixture ``claim``, by the names of their claims without parameters."""
    return {
        key_of(file, node.name)
        for file in sorted((ROOT / "tests" / "claims").rglob("test_*.py"))
        for node in ast.parse(file.read_bytes()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        if "claim" in [argument.arg for argument in node.args.args]
    }


def late(entries: Mapping[str, Entry], owed: Iterable[str], today: datetime.date) -> list[str]:
    """Gives the owed claims that were measured more than 14 days ago."""
    return sorted(k for k in owed if today - datetime.date.fromisoformat(entries[k].at) > PATIENCE)


def key_of(file: Path, test: str) -> str:
    """Gives the name of a claim: ``kliep::ratio_when_...[5]``."""
    return f"{file.stem.removeprefix('test_')}::{test.removeprefix('test_')}"


@cache
def modules_of(file: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Gives the modules that the claims of a file are about, and the rest of those that they reach."""
    module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    every = reached(module)
    own = {m for m in every if m.partition(".")[0] != "ballast" and m != "tests.claims.claim"}
    method = index().get(file.stem.removeprefix("test_"))
    if method is not None:
        room = ".".join(method.module.split(".")[:3])
        helpers = {m for m in every if m.startswith(f"{room}.") and m.rpartition(".")[2].startswith("_")}
        own |= {method.module, *helpers} & every
    return frozenset(own), every - own


@cache
def digests(file: Path) -> tuple[str, str]:
    """Gives the digests of both, the latter with the libraries' versions and the form of claims."""
    own, base = modules_of(file)
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith(LIBRARIES)]
    rest = "\n".join([digest_of({*base, "tests.claims.claim"}), *sorted(pins)])
    return digest_of(own)[:12], hashlib.sha256(rest.encode()).hexdigest()[:12]


def trains_networks(file: Path) -> bool:
    own, base = modules_of(file)
    return any(m.startswith("ballast.methods.training.") for m in own | base)


def state(file: Path, entry: Entry | None) -> State:
    """Says whether a claim must be measured again (due), stands on changed code (owed), or is as recorded (same)."""
    own, base = digests(file)
    if entry is None or entry.own != own:
        return "due"
    return "same" if entry.base == base else "owed"


def oldest(keys: Iterable[str], entries: Mapping[str, Entry], seconds: float) -> set[str]:
    """Gives the claims that were measured longest ago and together take some seconds; of a day, by chance."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    chosen: set[str] = set()
    for key in sorted(keys, key=lambda k: (entries[k].at, hashlib.sha256(f"{commit} {k}".encode()).digest())):
        seconds -= entries[key].seconds
        if seconds > 0:
            chosen.add(key)
    return chosen


def moved(found: Figures, recorded: Figures, *, networks: bool) -> list[str]:
    """Gives which quick figures are not the recorded ones: to 1e-6, where networks are trained to 5 %."""
    return _differing(found, recorded, lambda mean, error: (0.05 if networks else 1e-6) * abs(mean))


def off(found: Figures, recorded: Figures) -> list[str]:
    """Gives which figures of the full form are beyond three standard errors of the recorded ones, 5 % of a number."""
    return _differing(found, recorded, lambda mean, error: 0.05 * abs(mean) if error is None else ERRORS * error)


def _differing(found: Figures, recorded: Figures, tolerance) -> list[str]:
    told = [f"{name} is recorded and not measured" for name in recorded.keys() - found.keys()]
    told += [f"{name} is measured and not recorded" for name in found.keys() - recorded.keys()]
    for name in found.keys() & recorded.keys():
        mean, (known, error) = found[name][0], recorded[name]
        if not abs(mean - known) <= max(tolerance(known, error), 1e-6 * abs(known), 1e-9):
            told.append(f"{name} is {mean:.6g}, recorded {known:.6g}")
    return sorted(told)
