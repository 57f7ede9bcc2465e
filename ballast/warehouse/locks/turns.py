"""Whose turn it is: processes of one machine take turns in the order in which they came."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from ballast.errors import WarehouseLockedError

logger = logging.getLogger("ballast.warehouse")

_POLL = 0.003  # seconds between two looks at the queue of the one who is next
_TURN = 0.01  # seconds that a turn takes at least: those further behind sleep as many more, and leave the processor
PATIENCE = 1.0
"""Seconds of waiting before the log says for whom."""

WAITING = "%s: waiting for %s, up to %g s"
_numbers = count()


class Queue:
    """The processes and threads that want a file, first come, first served.

    Each waits with a ticket of its own in a folder beside the file, locked for as long as its process lives, so that
    the ticket of one that was killed is seen to be nobody's and is cleared away.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.with_name(f"{path.name}.queue")
        self._lock = path.with_name(f"{path.name}.lock")

    @contextmanager
    def turn(self, timeout: float) -> Iterator[None]:
        """Waits for its turn and keeps it for the block.

        Raises
        ------
        WarehouseLockedError
            It did not come within `timeout` seconds; the message names who has it.
        OSError
            The folder cannot be written.
        """
        deadline = time.monotonic() + timeout
        self.folder.mkdir(exist_ok=True)
        ticket = self._ticket()
        lock = _lock(self._lock)  # tickets give the order; this holds if a clock is set back
        try:
            self._wait(Path(ticket.lock_file), timeout, deadline)
            lock.acquire(timeout=max(0.0, deadline - time.monotonic()), poll_interval=_POLL)
            yield
        except Timeout as error:
            raise locked(self.path, timeout, "another process") from error
        finally:
            lock.release()
            Path(ticket.lock_file).unlink(missing_ok=True)
            ticket.release()

    def others(self) -> bool:
        """Gives whether anybody waits behind the one whose turn it is."""
        return len(self._tickets()) > 1

    def _ticket(self) -> FileLock:
        while True:
            name = f"{time.time_ns():020d}-{os.getpid()}-{threading.get_native_id()}-{next(_numbers)}"
            ticket = _lock(self.folder / name)
            with suppress(Timeout):
                ticket.acquire(timeout=0)
                if Path(ticket.lock_file).exists():  # else cleared away between its making and its locking
                    return ticket
                ticket.release()

    def _tickets(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def _wait(self, ticket: Path, timeout: float, deadline: float) -> None:
        told = time.monotonic() + PATIENCE
        while (first := self._first()) != ticket.name:
            if time.monotonic() > deadline:
                raise locked(self.path, timeout, _owner(first))
            if time.monotonic() > told:
                logger.warning(WAITING, self.path, _owner(first), timeout)
                told = deadline
            ahead = sum(name < ticket.name for name in self._tickets())
            time.sleep(_POLL + _TURN * max(0, ahead - 1))

    def _first(self) -> str:
        """Gives the ticket whose turn it is, once those of the dead are gone."""
        for name in self._tickets():
            if _owner_id(name) == os.getpid():
                return name  # this process lives; a lock of one's own says nothing
            lock = _lock(self.folder / name)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                return name
            (self.folder / name).unlink(missing_ok=True)
            lock.release()
        return ""


def _lock(path: Path) -> FileLock:
    """Gives a lock that one thread may take and another give back, as the one does that closes an idle file."""
    return FileLock(path, thread_local=False)


def _owner_id(ticket: str) -> int:
    return int(ticket.split("-")[1])


def _owner(ticket: str) -> str:
    return described(_owner_id(ticket)) if ticket else "another process"


def described(process: int) -> str:
    """Gives a process in words: its number and, where the system tells, its command."""
    try:
        command = Path(f"/proc/{process}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        command = ""
    words = " ".join(command.split())[:200]
    return f"PID {process} ({words})" if words else f"PID {process}"


def locked(path: object, timeout: float, holder: str) -> WarehouseLockedError:
    """Gives the error of one who waited in vain."""
    return WarehouseLockedError(
        f"{path} was held by {holder} for all of {timeout:g} s; close that connection, or wait longer with "
        "Warehouse(url, timeout=seconds)"
    )
