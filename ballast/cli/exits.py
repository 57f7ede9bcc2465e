"""How a command ends: its exit code, and what it says of an error."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from ballast.cli.console import abandon, err
from ballast.errors import BallastError
from ballast.words import one_line

CLOSED, FAILED, INTERRUPTED = 1, 2, 130
"""Exit codes: a gate is closed; something could not be done; stopped by Ctrl-C."""


@contextmanager
def exit_on_error(debug: bool) -> Iterator[None]:
    """Turns every error into one message and exit code 2, and Ctrl-C into 130.

    The traceback of an unforeseen one goes into the log; with `debug` that of any is printed.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a stream that cannot hold a character shows its escape
    sys.unraisablehook = _pass_on
    try:
        yield
    except typer.Exit:
        raise
    except KeyboardInterrupt as error:
        raise typer.Exit(stopped("[yellow]stopped[/]")) from error
    except (Exception, SystemExit) as error:  # the latter by a project's own code, whose exit code is not Ballast's
        _tell(error, debug=debug)
        raise typer.Exit(FAILED) from error


def _pass_on(unraisable: Any) -> None:
    """Sends a Ctrl-C again that came while something was thrown away, where Python loses it."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        threading.Timer(0.01, os.kill, [os.getpid(), signal.SIGINT]).start()
    else:
        sys.__unraisablehook__(unraisable)


def stopped(message: str) -> int:
    """Says that Ctrl-C has stopped a command, and gives its exit code; what was half made by then goes in silence."""
    sys.unraisablehook = lambda unraisable: None
    err.print(message)
    return INTERRUPTED


def _tell(error: BaseException, *, debug: bool) -> None:
    message = str(error)
    if not isinstance(error, BallastError):
        log = None if debug else _logged(error)
        where = f"its traceback is in {log}" if log else "give --debug for its traceback"
        message = f"{one_line(message)} (an unforeseen error{'' if debug else f'; {where}'})"
    with suppress(OSError):  # there is nobody left to tell
        if debug:
            err.print("".join(traceback.format_exception(error)), markup=False, highlight=False, soft_wrap=True, end="")
        err.print(f"[bold red]{type(error).__name__}[/]: ", end="")
        err.print(message, markup=False, highlight=False, soft_wrap=True)
    if isinstance(error, OSError):
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:  # the disk that it is written to is full: leave nothing for the interpreter to write
                abandon(stream)


def _logged(error: BaseException) -> Path | None:
    """Writes the traceback into ``.ballast/errors.log`` and gives that file, None where it cannot be written."""
    try:
        from ballast.orchestration.graph.home import home

        log = home() / "errors.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: {' '.join(sys.argv)}\n")
            file.writelines(traceback.format_exception(error))
    except Exception:  # such as a folder that is not ours, or an installation that does not load
        return None
    return log
