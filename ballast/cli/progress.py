"""The progress of a run: lines that move on a terminal, a line a step as it ends where there is none."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ballast.cli.console import Terminal, out
from ballast.orchestration.commands.run import Progress
from ballast.orchestration.plan.plan import Plan
from ballast.stages import STAGES

MARKS = {
    "running": "[cyan]...[/]",
    "done": "[green]done[/]",
    "reused": "[green]reused[/]",
    "failed": "[red]failed[/]",
    "skipped": "[yellow]not run[/]",
}
_PER_SECOND = 8


class Display:
    """Which units of a run are running or have ended, with their rows and seconds."""

    def __init__(self, plan: Plan, total: int, terminal: Terminal) -> None:
        self.plan, self.total, self.terminal = plan, total, terminal
        self.states: dict[str, str] = {}
        self.rows: dict[str, int] = {}
        self.at: dict[str, str] = {}
        self.began: dict[str, float] = {}
        self.took: dict[str, float] = {}
        self.start = perf_counter()
        self.spinner = Spinner("dots", style="cyan")

    def show(self, progress: Progress) -> None:
        """Takes a change in; without a terminal it is printed where a unit has ended."""
        unit, now = progress.unit, perf_counter()
        self.states[unit] = "reused" if progress.reused else progress.state
        if progress.rows is not None:
            self.rows[unit] = progress.rows
        if progress.state == "running":
            self.at[unit] = progress.at
            if not progress.at:
                self.began[unit] = now
        elif unit in self.began:
            self.took[unit] = now - self.began[unit]
        if progress.state != "running" and not self.terminal.is_terminal:
            told = [MARKS[self.states[unit]], self._rows(unit), self._seconds(unit)]
            self.terminal.print(f"  {escape(unit)}: {' '.join(filter(None, told))}", highlight=False, soft_wrap=True)

    def __rich__(self) -> Table:
        """Gives the lines: how far the run is, the units that ended last, and those that run, on what, how long."""
        now = perf_counter()
        ended = [unit for unit, state in self.states.items() if state != "running"]
        running = [unit for unit, state in self.states.items() if state == "running"]
        table = Table.grid(padding=(0, 2, 0, 0))
        count = min(len(ended), self.total)
        table.add_row(Text.from_markup(f"[bold]{count} of {self.total} steps[/]"), "", "", f"{now - self.start:.0f} s")
        most = max(1, min(10, self.terminal.height - 4 - len(running)))
        for unit in ended[-most:]:
            table.add_row(f"  {escape(unit)}", MARKS[self.states[unit]], self._rows(unit), self._seconds(unit))
        for unit in running:
            table.add_row(f"  {escape(unit)}", self.spinner, self._work(unit), f"{now - self.began[unit]:.0f} s")
        return table

    def _seconds(self, unit: str) -> str:
        return f"{self.took[unit]:.2f} s" if unit in self.took else ""

    def _rows(self, unit: str) -> str:
        node = self.plan.nodes.get(unit)
        is_model = node is not None and STAGES[node.stage].model
        return _rows_said(self.rows[unit]) if unit in self.rows and not is_model else ""

    def _work(self, unit: str) -> str:
        """Gives the method that runs, the most rows of one table that it reads, and how far it is."""
        node = self.plan.nodes.get(unit)
        if node is None or not STAGES[node.stage].stored:
            return ""
        read = [
            self.rows[self.plan.nodes[name].unit] for name in node.upstream if self.plan.nodes[name].unit in self.rows
        ]
        on = f" on {_rows_said(max(read))}" if read else ""
        return f"{escape(node.use)}{on}{f', {self.at[unit]}' if self.at.get(unit) else ''}"


def _rows_said(n: int) -> str:
    return f"{n:,} row{'' if n == 1 else 's'}"


@contextmanager
def progress(plan: Plan, total: int) -> Iterator[Display]:
    """Gives the display of a run. Dagster takes what is printed while a step runs for the step's log: this is not."""
    with _terminal() as terminal:
        display = Display(plan, total, terminal)
        if not terminal.is_terminal:
            yield display
            return
        with Live(display, console=terminal, transient=True, refresh_per_second=_PER_SECOND):
            yield display


@contextmanager
def _terminal() -> Iterator[Terminal]:
    """Gives the terminal by a descriptor of its own, which stays what it is when Dagster turns the usual one aside."""
    try:
        own = os.dup(sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):  # a stream without a descriptor is nobody's to turn aside
        yield out
        return
    with os.fdopen(own, "w", encoding=sys.stdout.encoding, errors="backslashreplace", buffering=1) as stream:
        yield Terminal(file=stream)
