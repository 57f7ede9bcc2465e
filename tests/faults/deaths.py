"""Runs a pipeline again and again; each run dies at a point where none has died before, until one comes to its end.

    BALLAST_HOME=HOME python deaths.py PIPELINE SIGNAL=POINTS...

POINTS is a regular expression for the points to die at, SIGNAL the name of what the process sends to itself there; of
several the first that a point matches. A point is ``start STEP`` or ``end STEP`` at the boundaries of a step, ``before
CALL of ASSET`` or ``after CALL of ASSET`` inside. HOME.ledger keeps the points died at. With EPHEMERAL set, Dagster
keeps its records in memory, which is quicker.

Every run is a fork of one process that has imported what runs need and done nothing else, for importing takes seconds.
What that is, a first run tells that nothing disturbs; it has a home of its own, `undisturbed` beside HOME.
"""

from __future__ import annotations

import functools
import importlib
import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg

from ballast.orchestration.commands import run as running
from ballast.orchestration.projects.find import find
from ballast.orchestration.run import unit as execution
from ballast.warehouse import ModelStore, Warehouse

INSIDE: tuple[tuple[Any, str, Callable[..., str]], ...] = (
    (execution, "perform", lambda inputs, nodes, *_: nodes[0].unit),
    (execution, "judged", lambda suite, frame, context: context.asset),
    (execution, "write_page", lambda *_, **__: "report"),
    (ModelStore, "save", lambda self, asset, *_, **__: asset),
    (Warehouse, "commit", lambda self, asset, *_, **__: asset),
    (Warehouse, "record_suite", lambda self, asset, *given, **named: asset),
)


class Deaths:
    """Where to die of which signal, and where that has happened."""

    def __init__(self, points: dict[signal.Signals, str], ledger: Path) -> None:
        self.points = points
        self.ledger = ledger
        ledger.touch()
        for place, name, asset_of in INSIDE:
            setattr(place, name, self.around(getattr(place, name), name, asset_of))

    def come_to(self, point: str) -> None:
        number = next((n for n, points in self.points.items() if re.fullmatch(points, point)), None)
        if number is not None and point not in self.ledger.read_text().splitlines():
            with self.ledger.open("a") as file:
                file.write(f"{point}\n")
            os.kill(os.getpid(), number)

    def around(self, call: Callable[..., Any], name: str, asset_of: Callable[..., str]) -> Callable[..., Any]:
        @functools.wraps(call)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            asset = asset_of(*args, **kwargs)
            self.come_to(f"before {name} of {asset}")
            value = call(*args, **kwargs)
            self.come_to(f"after {name} of {asset}")
            return value

        return wrapped

    def note(self, progress: running.Progress) -> None:
        if progress.state in ("running", "done"):
            self.come_to(f"{'start' if progress.state == 'running' else 'end'} {progress.unit}")


def main(pipeline: str, *deaths_of: str) -> None:
    home = Path(os.environ["BALLAST_HOME"])
    imported = home.with_suffix(".imported")
    declared = find(pipeline)
    plan = declared.plan()
    definitions = declared.definitions(plan)

    def run(**settings: Any) -> bool:
        on = dg.DagsterInstance.ephemeral() if "EPHEMERAL" in os.environ else None
        return running.run(declared, plan, definitions, on=on, **settings).success

    def undisturbed() -> bool:
        os.environ["BALLAST_HOME"] = str(home.with_name("undisturbed"))
        succeeded = run()
        imported.write_text("\n".join(sys.modules))
        return succeeded

    if (code := forked(undisturbed)) != 0:
        sys.exit(f"the undisturbed run ended with {code}")
    for module in imported.read_text().splitlines():
        with suppress(Exception):  # some modules are made, not imported
            importlib.import_module(module)
    points = {signal.Signals[name]: points for name, points in (wanted.split("=", 1) for wanted in deaths_of)}
    deaths = Deaths(points, home.with_suffix(".ledger"))
    died = {130 if number == signal.SIGINT else -number for number in points}
    while (code := forked(lambda: run(on_progress=deaths.note))) != 0:
        if code not in died:
            sys.exit(f"a run ended with {code}, not by a signal; it died at\n{deaths.ledger.read_text()}")


def forked(run: Callable[[], bool]) -> int:
    """Gives the exit code of a run in a fork of this process: 0, 2 where it failed, 130 where it was interrupted."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if run() else 2)
        except KeyboardInterrupt:
            os._exit(130)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
