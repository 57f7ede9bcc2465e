"""Who may open the database file now: a queue of our own processes, patience with everybody else.

DuckDB lets one process write a file, or several read it. Ballast's processes queue on a lock file beside the
database (readers only while they open it), the threads of one process on a lock of their own. Any other
program that holds the file, such as a person's DuckDB shell, is waited for and named in the log.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from ballast.errors import WarehouseError, WarehouseLockedError
from ballast.warehouse.files import OpenFile, create

logger = logging.getLogger("ballast.warehouse")

_THREADS: dict[tuple[int, Path], threading.Lock] = {}  # by process: a forked one may find its parent's locked
_FIRST_WAIT, _LONGEST_WAIT = 0.01, 1.0  # seconds between two tries


@contextmanager
def connection(
    path: Path, *, read_only: bool, timeout: float, options: str = "", reuse: bool = True
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Gives a connection whose default catalog is the database file, alone among this process's threads.

    Parameters
    ----------
    timeout
        Seconds to wait for other threads, processes and programs.
    options
        More options of DuckDB's ATTACH.
    reuse
        False if the block may change settings that a later one should not find.

    Raises
    ------
    WarehouseLockedError
        Somebody held the file for all of `timeout`; the message names them.
    WarehouseError
        The file or its folder cannot be opened, read or written.
    """
    deadline = time.monotonic() + timeout
    threads = _THREADS.setdefault((os.getpid(), path), threading.Lock())
    if not threads.acquire(timeout=timeout):
        raise _locked(path, timeout, "another thread of this process")
    try:
        file, queue = _open(path, read_only, options, timeout, deadline)
        intact = False
        try:
            yield file.connection
            intact = True
        except duckdb.Error as error:
            raise _unusable(path, error) from error
        finally:
            file.close(reuse=reuse and intact)
            if queue is not None:
                queue.release()
    finally:
        threads.release()


def _open(
    path: Path, read_only: bool, options: str, timeout: float, deadline: float
) -> tuple[OpenFile, FileLock | None]:
    """Opens the file as soon as nobody holds it; a writer keeps the queue's lock, a reader gives it back."""
    wait, named = _FIRST_WAIT, None
    while True:
        queue = _queue(path, read_only, timeout, deadline)
        try:
            if not read_only and not path.exists():
                create(path)
            file = OpenFile(path, read_only=read_only, options=options)
            if read_only and queue is not None:
                queue.release()
                queue = None
            return file, queue
        except (duckdb.Error, OSError) as error:
            if queue is not None:
                queue.release()
            holder = _holder(error)
            if holder is None:
                raise _unusable(path, error) from error
        if time.monotonic() + wait > deadline:
            raise _locked(path, timeout, holder)
        if wait > 0.1 and holder != named:
            logger.warning("%s is held by %s; waiting up to %g s for it to be closed", path, holder, timeout)
            named = holder
        time.sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT)


def _queue(path: Path, read_only: bool, timeout: float, deadline: float) -> FileLock | None:
    """Takes the lock that Ballast's processes queue on; None where a reader may not write a lock file."""
    queue = FileLock(f"{path}.lock", timeout=max(0.0, deadline - time.monotonic()), poll_interval=0.005)
    try:
        queue.acquire()
    except Timeout as error:
        raise _locked(path, timeout, "another process of Ballast") from error
    except OSError as error:
        if read_only:
            return None
        raise _unusable(path, error) from error
    return queue


def _holder(error: Exception) -> str | None:
    """Gives who holds the file in words, or None if the error is no matter of locks."""
    message = str(error)
    if "Unique file handle conflict" in message:
        return f"this process itself (PID {os.getpid()}), over another DuckDB connection"
    if "Could not set lock" not in message:
        return None
    found = re.search(r"PID (\d+)", message)
    if found is None:
        return "another program"
    try:
        command = Path(f"/proc/{found[1]}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        command = ""
    words = " ".join(command.split())[:200]
    return f"PID {found[1]} ({words})" if words else f"PID {found[1]}"


def _locked(path: Path, timeout: float, holder: str) -> WarehouseLockedError:
    return WarehouseLockedError(
        f"{path} was held by {holder} for all of {timeout:g} s; close that connection, or wait longer with "
        "Warehouse(url, timeout=seconds)"
    )


def _unusable(path: Path, error: Exception) -> WarehouseError:
    return WarehouseError(
        f"cannot use the warehouse {path}: {error}. Check that it is a DuckDB file, that its folder is there "
        "and writable, and that the disk has room; what was committed before is as it was"
    )
