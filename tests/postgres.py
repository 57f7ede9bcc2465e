"""A real Postgres server for the tests, from the system's packages, on loopback and of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def programs() -> Path:
    """Gives the folder of initdb and pg_ctl; skips the test where there is none."""
    for found in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True):
        return found.parent
    found = shutil.which("initdb")
    if found is None:
        pytest.skip("Postgres is not installed here (apt-get install postgresql)")
    return Path(found).resolve().parent


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Runs a server with its data in `folder`; gives the URI of its user, without a database."""
    bin = programs()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    if os.getuid() == 0:  # Postgres refuses to run as root
        shutil.chown(folder, "postgres")
    _as_user([str(bin / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "--no-sync"])
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=500"
    _as_user(
        [str(bin / "pg_ctl"), "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "-t", "120", "start"]
    )
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}"
    finally:
        _as_user([str(bin / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop"])


def new_database(server: str, name: str) -> str:
    """Makes an empty database and gives its URI."""
    subprocess.run(["psql", "-q", f"{server}/postgres", "-c", f'CREATE DATABASE "{name}"'], check=True, timeout=120)
    return f"{server}/{name}"


def _as_user(command: list[str]) -> None:
    user = "postgres" if os.getuid() == 0 else None
    done = subprocess.run(
        command, user=user, capture_output=True, text=True, timeout=300, check=False, cwd="/", stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
