"""How much memory there is to work with: of the machine, of the container, and as somebody writes it."""

from __future__ import annotations

import re
from pathlib import Path

from ballast.errors import ParameterError

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]I?)?B?\s*", re.IGNORECASE)


def in_bytes(written: str | int, where: str = "memory") -> int:
    """Gives the bytes of "4GiB", "500 MB" or a number of bytes.

    Raises ParameterError for another text and for nothing at all; `where` says what it was given for.

    Examples
    --------
    >>> in_bytes("4GiB"), in_bytes("500 MB")
    (4294967296, 500000000)
    """
    found = _WRITTEN.fullmatch(str(written))
    size = int(float(found.group(1)) * _UNITS[(found.group(2) or "").upper()]) if found else 0
    if size <= 0:
        raise ParameterError(f"{where}: {written!r} is not an amount of memory; write it as in 4GiB or 500 MB")
    return size


def in_words(size: float) -> str:
    """Gives bytes as people write them.

    Examples
    --------
    >>> in_words(4294967296), in_words(1500)
    ('4.0 GiB', '1.5 KiB')
    """
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def machine_memory(root: Path = Path("/")) -> int:
    """Gives the bytes of memory that this process may use: the machine's, or its container's where that has fewer.

    `root` is where the system's own files lie. Cost: a few small files are read.
    """
    limits = []
    with (root / "proc/meminfo").open() as file:
        limits += [int(line.split()[1]) * 1024 for line in file if line.startswith("MemTotal:")]
    for name in ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes", *_own_groups(root)):
        try:
            text = (root / name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():  # "max" where there is no limit
            limits.append(int(text))
    return min(limits)


def _own_groups(root: Path) -> list[str]:
    """Gives the files with the limits of the groups that this process is in, from its own up."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    own = next((line.split(":", 2)[2].strip("/") for line in lines if line.startswith("0::")), "")
    steps = own.split("/") if own else []
    return [f"sys/fs/cgroup/{'/'.join(steps[:n])}/memory.max" for n in range(len(steps), 0, -1)]


def default_budget() -> int:
    """Gives half of the memory that this process may use, in bytes."""
    return machine_memory() // 2
