"""Folders that belong to a process for as long as it lives: what it has begun there is spared meanwhile."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ballast.warehouse.locks.processes import new_ticket, ticket_of
from ballast.warehouse.locks.shares import REFUSED, check_locks, useless

_LOCK = ".lock"


@contextmanager
def leased(root: Path) -> Iterator[Path]:
    """Gives a new folder below `root`, which `clear` spares until the block ends, or the process does.

    A lock that is held beside it says so; one of a process that was killed is free. The folder goes with the block.

    Raises
    ------
    WarehouseError
        File locks do nothing there.
    OSError
        The folder cannot be made.
    """
    root.mkdir(parents=True, exist_ok=True)
    lock = _held(root)
    folder = Path(lock.lock_file.removesuffix(_LOCK))
    try:
        check_locks(Path(lock.lock_file))
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def clear(root: Path) -> float | None:
    """Removes the folders below `root` whose process has ended; gives since when the oldest that stays is held.

    In seconds since 1970, None where none is.
    """
    since = [int(found.time) / 1e9 for path in _locks(root) if _lives(path) and (found := ticket_of(path.stem))]
    return min(since, default=None)


def _held(root: Path) -> FileLock:
    while True:
        lock = FileLock(root / f"{new_ticket(time.time_ns())}{_LOCK}", thread_local=False)
        with suppress(Timeout, FileNotFoundError):
            try:
                lock.acquire(timeout=0)
            except OSError as error:
                if error.errno not in REFUSED:
                    raise
                Path(lock.lock_file).unlink(missing_ok=True)
                raise useless(root, str(error)) from error
            if Path(lock.lock_file).exists():  # else cleared away between its making and its locking
                return lock
            lock.release()


def _locks(root: Path) -> list[Path]:
    with suppress(FileNotFoundError):
        return sorted(path for path in root.iterdir() if path.suffix == _LOCK and ticket_of(path.stem) is not None)
    return []


def _lives(path: Path) -> bool:
    """Says whether the process of a lease lives; what one has left that does not is removed."""
    ticket = ticket_of(path.stem)
    if ticket is not None and ticket.is_mine:
        return True  # a lock of one's own says nothing
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):  # another user's may not be opened, which says nothing either
        return True
    shutil.rmtree(path.with_suffix(""), ignore_errors=True)
    with suppress(OSError):
        path.unlink(missing_ok=True)
    lock.release()
    return False
