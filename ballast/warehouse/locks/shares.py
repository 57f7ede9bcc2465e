"""Whether file locks hold in a folder: on some shares they do nothing, or nothing to other machines."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from filelock import FileLock, Timeout

from ballast.errors import WarehouseError

_USELESS = ("nolock", "local_lock=all", "local_lock=flock", "local_lock=posix", "localflock", "nobrl")
REFUSED = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL})
"""What a file system answers that has no locks."""

_checked: set[Path] = set()


def check_locks(taken: Path) -> None:
    """Refuses the folder of a file whose lock this process has taken, if that lock keeps nobody out; looks once.

    Raises
    ------
    WarehouseError
        A second lock on the file can be taken too, or the folder is mounted with locks that other machines do not see.
    """
    folder = taken.parent
    if folder in _checked:
        return
    if _twice(taken):
        raise useless(folder, "two processes can have the same lock")
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # another system than Linux
        mounts = ""
    if option := useless_option(mounts, folder.stat().st_dev):
        raise useless(folder, f"it is mounted with {option}, so that other machines do not see them")
    _checked.add(folder)


def useless_option(mounts: str, device: int) -> str | None:
    """Gives the option, of those in the text of Linux's mountinfo, by which a device is mounted without real locks."""
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) > 5 and fields[2] == number:
            options = {*fields[5].split(","), *after.split()[-1].split(",")}
            return next((option for option in _USELESS if option in options), None)
    return None


def _twice(taken: Path) -> bool:
    second = FileLock(taken, thread_local=False)
    try:
        second.acquire(timeout=0)
    except Timeout:
        return False
    second.release()
    return True


def useless(folder: Path, how: str) -> WarehouseError:
    return WarehouseError(
        f"file locks do nothing in {folder}: {how}. Two processes would write the warehouse at once and destroy it; "
        "mount the share with locks (NFS without nolock and local_lock), keep the warehouse on a local disk, or use "
        "ducklake:postgresql:// for several machines"
    )
