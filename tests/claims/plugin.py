"""Runs each claim's test in the form that its record asks for, and writes the record (`make claims`).

A claim that is as recorded runs in its quick form, whose figures must be the recorded ones; where they are not, it runs
in full at once. One whose own code, data or test changed runs in full. Full forms that together would take longer than
BALLAST_CLAIMS_BUDGET seconds fail, and say how to measure them; what is left of BALLAST_CLAIMS_ROLLING seconds runs
those measured longest ago in full. A test without the fixture `claim` runs as it is.
"""

from __future__ import annotations

import contextlib
import cProfile
import datetime
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from inspect import CO_NEWLOCALS
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from tests.claims import ledger
from tests.claims.claim import Claim, QuickFormDone
from tests.claims.ledger import Entry, State

BUDGET = float(os.environ.get("BALLAST_CLAIMS_BUDGET", "300"))
ROLLING = float(os.environ.get("BALLAST_CLAIMS_ROLLING", "60"))
WRITES = os.environ.get("BALLAST_CLAIMS", "")
"""Empty to hold claims to their record, "due" to measure and record those that are due, "all" all."""
ACCEPTED = os.environ.get("BALLAST_CLAIMS_ACCEPT", "").split()


@dataclass(frozen=True)
class Plan:
    """What is to be done with a claim's test, and why not where it cannot be."""

    key: str
    file: Path
    entry: Entry | None
    state: State
    full: bool
    refused: str = ""


_PLAN = pytest.StashKey[Plan]()


@pytest.fixture
def claim() -> Claim:
    """The form that the test is run in, and where it leaves its figures."""
    return Claim()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    claims = [item for item in items if "claim" in getattr(item, "fixturenames", ())]
    if not claims:
        return
    entries = ledger.read()
    keys = {item: ledger.key_of(item.path, item.name) for item in claims}
    states = {item: ledger.state(item.path, entries.get(keys[item])) for item in claims}
    due = [keys[item] for item in claims if states[item] == "due"]
    seconds = sum(entries[key].seconds if key in entries else ledger.UNKNOWN_SECONDS for key in due)
    refused = ""
    if seconds > BUDGET and not WRITES:
        refused = (
            f"{len(due)} claims are due, about {seconds / 60:.0f} min: run `make claims` and commit claims.json "
            f"(BALLAST_CLAIMS_BUDGET is {BUDGET:.0f} s)"
        )
    rolled = ledger.oldest({keys[i] for i in claims if states[i] != "due"}, entries, min(ROLLING, BUDGET - seconds))
    for item in claims:
        key, due_now = keys[item], states[item] == "due"
        full = due_now or WRITES == "all" or (not WRITES and key in rolled)
        item.stash[_PLAN] = Plan(key, item.path, entries.get(key), states[item], full, refused if due_now else "")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    plan = pyfuncitem.stash.get(_PLAN, None)
    if plan is None:
        return None
    if plan.refused:
        pytest.fail(plan.refused, pytrace=False)
    done = _measured(pyfuncitem, plan) if WRITES else _held(pyfuncitem, plan)
    pyfuncitem.user_properties.append(("claim", done))
    return True


def _held(item: pytest.Function, plan: Plan) -> str:
    """Holds a claim to its record; gives the form that this took."""
    entry = plan.entry
    if not plan.full and entry is not None:
        figures, _ = _run(item, full=False)
        if not ledger.moved(figures, entry.quick, networks=ledger.trains_networks(plan.file)):
            return "quick, owed" if plan.state == "owed" else "quick"
    figures, _ = _run(item, full=True)
    if entry is not None and (told := ledger.off(figures, entry.figures)):
        pytest.fail(
            f"{plan.key} is not what claims.json records: {'; '.join(told)}. If that is as it should be, edit the "
            f"method's card, run `make claims ACCEPT={_name(plan)}` and commit claims.json",
            pytrace=False,
        )
    return "full, due" if plan.state == "due" else "full"


def _measured(item: pytest.Function, plan: Plan) -> dict[str, Any]:
    """Measures a claim anew where it is due; gives its entry, or nothing where the recorded one stays."""
    entry = plan.entry
    quick, quick_seconds = _run(item, full=False)
    networks = ledger.trains_networks(plan.file)
    if not plan.full and entry is not None and not ledger.moved(quick, entry.quick, networks=networks):
        return {}
    figures, seconds = _run(item, full=True)
    if entry is not None and (told := ledger.off(figures, entry.figures)) and _name(plan) not in ACCEPTED:
        pytest.fail(
            f"{plan.key} is not what was recorded: {'; '.join(told)}. If that is as it should be, edit the method's "
            f"card and run `make claims ACCEPT={_name(plan)}`",
            pytrace=False,
        )
    own, base = ledger.digests(plan.file)
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scikit-learn", "torch"))
    made = Entry(
        own, base, figures, quick, round(seconds, 2), round(quick_seconds, 2),
        datetime.date.today().isoformat(), f"python {platform.python_version()}, {libraries}, {platform.machine()}",
    )  # fmt: skip
    return {plan.key: asdict(made)}


def _run(item: pytest.Function, *, full: bool) -> tuple[ledger.Figures, float]:
    """Runs a claim's test in one form; gives its figures and the seconds of one core that it took."""
    claim: Claim = item.funcargs["claim"]
    claim.full, claim.figures = full, {}
    arguments = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}
    start = time.process_time()
    with contextlib.suppress(QuickFormDone), _nothing_hidden(item.path, watched=bool(WRITES) and not full):
        item.obj(**arguments)
    if not claim.figures:
        pytest.fail("the test of a claim records no figures: call claim.record(name=value, ...)", pytrace=False)
    return dict(claim.figures), time.process_time() - start


@contextlib.contextmanager
def _nothing_hidden(file: Path, *, watched: bool) -> Iterator[None]:
    """Fails where a method's module runs that no import of a claim's file leads to."""
    if not watched:
        yield
        return
    profile = cProfile.Profile(subcalls=False, builtins=False)
    profile.enable()
    try:
        yield
    finally:
        profile.disable()
        codes = [entry.code for entry in profile.getstats() if isinstance(entry.code, CodeType)]
        functions = [Path(c.co_filename) for c in codes if c.co_flags & CO_NEWLOCALS]  # no module's or class's body
        ran = {file.relative_to(ledger.ROOT) for file in functions if file.is_relative_to(ledger.FILE.parent)}
        own, base = ledger.modules_of(file)
        modules = {".".join(file.with_suffix("").parts) for file in ran}
        if hidden := {m for m in modules if not m.endswith("__init__")} - own - base:
            pytest.fail(
                f"{', '.join(sorted(hidden))} ran, which no import of {file.name} leads to, so that its change would "
                "not make the claim due: import it where it is used",
                pytrace=False,
            )


def _name(plan: Plan) -> str:
    return plan.key.partition("::")[0]


# -- the run as a whole ------------------------------------------------------------------------------------------


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Records each claim as soon as it is measured, so that a run that is stopped has not been for nothing."""
    if WRITES and "PYTEST_XDIST_WORKER" not in os.environ:
        for made in _done([report]):
            ledger.write({**ledger.read(), **{key: Entry(**entry) for key, entry in made.items()}})


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    reports = [r for found in terminalreporter.stats.values() for r in found if isinstance(r, pytest.TestReport)]
    done = _done(reports)
    if done and WRITES:
        terminalreporter.write_line(f"claims: {sum(map(len, done))} of {len(done)} measured and recorded")
    elif done:
        counts = [f"{done.count(form)} {form}" for form in ("quick", "quick, owed", "full", "full, due")]
        terminalreporter.write_line(f"claims: {'; '.join(counts)}")


def _done(reports: list[pytest.TestReport]) -> list[Any]:
    """Gives what became of each claim: the form that it ran in, or what was measured."""
    return [value for r in reports if r.when == "call" for name, value in r.user_properties if name == "claim"]
