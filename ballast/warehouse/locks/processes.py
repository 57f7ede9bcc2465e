"""Which process a ticket is of: a number says so only within one container of one machine."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

_numbers = count()
_token = uuid4().hex


class Ticket(NamedTuple):
    """What the name of a ticket says.

    Attributes
    ----------
    time : when it was made, in nanoseconds; twenty digits, so that names sort by it.
    process : the PID, of which `space` tells the machine, its boot and its PID namespace.
    token : unlike any other process's, also one of the same PID in the next container.
    """

    time: str
    process: int
    space: str
    token: str
    host: str

    @property
    def is_mine(self) -> bool:
        return self.token.partition(".")[0] == _token

    def __str__(self) -> str:
        return f"{self.time}-{self.process}-{self.space}-{self.token}-{self.host}"


def new_ticket(time_ns: int) -> Ticket:
    return Ticket(f"{time_ns:020d}", os.getpid(), _space(), f"{_token}.{next(_numbers)}", _host())


def ticket_of(name: str) -> Ticket | None:
    """Gives what a file's name says, None if it is not a ticket's; an older Ballast's has no token and no host."""
    found = re.fullmatch(r"(\d{20})-(\d+)-([^-]*)-([^-]*)(?:-(.*))?", name)
    return Ticket(found[1], int(found[2]), found[3], found[4], found[5] or "") if found else None


def owner(ticket: Ticket | None) -> str:
    """Gives whose a ticket is in words."""
    if ticket is None:
        return "another process"
    if ticket.space == _space():
        return described(ticket.process)
    place = f"another container on {ticket.host}" if ticket.host == _host() else ticket.host
    return f"PID {ticket.process} of {place or 'another machine or container'}"


def described(process: int) -> str:
    """Gives a process of this container in words: its number and, where the system tells, its command."""
    if process <= 0:  # as the system says of a process that it cannot show
        return "a process of another machine or container"
    try:
        command = Path(f"/proc/{process}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        command = ""
    words = " ".join(command.split())[:200]
    return f"PID {process} ({words})" if words else f"PID {process}"


def _host() -> str:
    return re.sub(r"[^\w.-]", "_", socket.gethostname())[:64]


def _space() -> str:
    """Gives a short name for what a PID is unique in."""
    parts = [socket.gethostname()]
    with suppress(OSError):  # on another system than Linux
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _renew() -> None:
    global _token
    _token = uuid4().hex


if hasattr(os, "register_at_fork"):  # a forked process is another one
    os.register_at_fork(after_in_child=_renew)
