"""Whose turn it is: processes of one machine take turns in the order in which they came."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ballast.errors import WarehouseLockedError
from ballast.warehouse.locks.processes import new_ticket, owner, ticket_of
from ballast.warehouse.locks.shares import REFUSED, check_locks, useless

logger = logging.getLogger("ballast.warehouse")

_POLL = 0.003  # seconds between two looks at the queue of the one who is next
_TURN = 0.01  # seconds that a turn takes at least: those further behind sleep as many more, and leave the processor
PATIENCE = 1.0
"""Seconds of waiting before the log says for whom."""

WAITING = "%s: waiting for %s, up to %g s"


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
        WarehouseError
            File locks do nothing there.
        OSError
            The folder cannot be written.
        """
        deadline = time.monotonic() + timeout
        with suppress(FileExistsError):  # made, and removed again, by somebody else
            self.folder.mkdir(exist_ok=True)
        ticket = self._ticket()
        lock = _lock(self._lock)  # tickets give the order; this holds if a clock is set back
        try:
            while not self._is_next(Path(ticket.lock_file), timeout, deadline):
                ticket.release()
                ticket = self._ticket()
            lock.acquire(timeout=max(0.0, deadline - time.monotonic()), poll_interval=_POLL)
            yield
        except Timeout as error:
            raise locked(self.path, timeout, "another process") from error
        finally:
            lock.release()
            Path(ticket.lock_file).unlink(missing_ok=True)
            ticket.release()

    def others(self, own: int) -> bool:
        """Gives whether anybody waits beside those who hold `own` tickets."""
        return len(self._tickets()) > own

    def _ticket(self) -> FileLock:
        while True:
            ticket = _lock(self.folder / str(new_ticket(time.time_ns())))
            with suppress(Timeout, FileNotFoundError):
                self._lock_file(ticket)
                if Path(ticket.lock_file).exists():  # else cleared away between its making and its locking
                    return self._checked(ticket)
                ticket.release()

    def _lock_file(self, ticket: FileLock) -> None:
        try:
            ticket.acquire(timeout=0)
        except OSError as error:
            if error.errno not in REFUSED:
                raise
            Path(ticket.lock_file).unlink(missing_ok=True)
            raise useless(self.folder, str(error)) from error

    def _checked(self, ticket: FileLock) -> FileLock:
        """Gives a ticket back if its lock keeps others out, else takes it away."""
        try:
            check_locks(Path(ticket.lock_file))
        except BaseException:
            Path(ticket.lock_file).unlink(missing_ok=True)
            ticket.release()
            raise
        return ticket

    def _tickets(self) -> list[str]:
        with suppress(FileNotFoundError):  # nobody has ever written here, or it was removed while it is in use
            return sorted(path.name for path in self.folder.iterdir() if ticket_of(path.name) is not None)
        return []

    def _is_next(self, ticket: Path, timeout: float, deadline: float) -> bool:
        """Waits for a ticket's turn, and gives whether it came: False where somebody has removed the ticket."""
        told = time.monotonic() + PATIENCE
        while (first := self._first()) != ticket.name:
            if time.monotonic() > deadline:
                raise locked(self.path, timeout, owner(ticket_of(first)))
            if time.monotonic() > told:
                logger.warning(WAITING, self.path, owner(ticket_of(first)), timeout)
                told = deadline
            if not ticket.exists():
                return False
            ahead = sum(name < ticket.name for name in self._tickets())
            time.sleep(_POLL + _TURN * max(0, ahead - 1))
        return True

    def _first(self) -> str:
        """Gives the ticket whose turn it is, once those of the dead are gone."""
        for name in self._tickets():
            ticket = ticket_of(name)
            if ticket is not None and ticket.is_mine:
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


def locked(path: object, timeout: float, holder: str) -> WarehouseLockedError:
    """Gives the error of one who waited in vain."""
    return WarehouseLockedError(
        f"{path} was held by {holder} for all of {timeout:g} s; close that connection, or wait longer with "
        "Warehouse(url, timeout=seconds)"
    )
