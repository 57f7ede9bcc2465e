"""What `make test` costs at 250 methods, by the seconds that are recorded, and how old the record of claims may be."""

from __future__ import annotations

import datetime
import subprocess

from ballast.methods.frame.index import index
from tests.claims import ledger, plugin

METHODS, WORKERS, MOST_MINUTES = 250, 2, 18
CONFORMANCE = 250 * 12 * 0.05 + 60
"""Serial seconds of the contract checks of every method, and of all checks of those that changed."""
REST = 830 + 60
"""Serial seconds of frame, gates, orchestration, command line and warehouse (2 x 531 s in all, less claims and
conformance, on 2026-11-30), and of imports."""
BESIDE = 90
"""Seconds of linting, types and services (about 30), and of workers that wait for the last one."""


def test_budget_when_methods_are_250_then_the_tests_take_18_minutes_at_most():
    entries = ledger.read()
    quick = sum(entry.quick_seconds for entry in entries.values()) / len(index()) * METHODS
    full = plugin.BUDGET
    seconds = (quick + full + CONFORMANCE + REST) / WORKERS + BESIDE
    assert seconds < MOST_MINUTES * 60, f"quick forms would take {quick:.0f} s at {METHODS} methods: make them smaller"


def test_quick_form_when_recorded_then_takes_seconds():
    slow = {key: entry.quick_seconds for key, entry in ledger.read().items() if entry.quick_seconds > 15}
    assert not slow, f"quick forms over 15 s: {slow}; give them fewer or smaller seeds"


def test_claims_when_recorded_then_each_has_its_test_and_each_test_its_record():
    recorded = {key.partition("[")[0] for key in ledger.read()}
    missing = sorted(ledger.tests() - recorded)
    assert not missing, f"never measured: {', '.join(missing)}; run `make claims` and commit claims.json"
    assert recorded <= ledger.tests(), "claims.json records claims without a test; run `make claims`"


def test_claims_when_owed_then_measured_within_14_days():
    last = subprocess.run(["git", "log", "-1", "--format=%cs"], cwd=ledger.ROOT, capture_output=True, text=True)
    today = datetime.date.fromisoformat(last.stdout.strip() or datetime.date.today().isoformat())
    entries = ledger.read()
    files = {file.stem.removeprefix("test_"): file for file in (ledger.ROOT / "tests" / "claims").rglob("test_*.py")}
    owed = [key for key, entry in entries.items() if ledger.state(files[key.partition("::")[0]], entry) != "same"]
    late = ledger.late(entries, owed, today)
    assert not late, f"{len(late)} claims stand on code that changed over 14 days ago: run `make claims ALL=1`"
