"""Zip archives: the same members give the same bytes, and no archive inflates beyond a limit."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable

from ballast.errors import ModelStoreError

ENVIRONMENT = "BALLAST_MODEL_LIMIT"
LIMIT = 4 * 2**30
"""Bytes that a model may have once inflated, unless the environment variable says otherwise."""

MEMBERS = 250_000
"""Members an archive may have: far more than a large forest, and few enough that their list is read in seconds."""

_JSON_COST = 16  # bytes of Python objects that a byte of JSON may become
_ENTRY = b"PK\1\2"  # how each entry of a zip directory begins
_CHUNK = 2**20  # bytes inflated at once: a member that inflates to more than it claims takes no more than this


class ArchiveLimitError(ModelStoreError):
    """An archive claims more, or other, than is read."""


def limit() -> int:
    """Gives the bytes that a model may have: ``BALLAST_MODEL_LIMIT``, else 4 GiB."""
    text = os.environ.get(ENVIRONMENT, str(LIMIT))
    if not (text.isdecimal() and text.isascii()):
        raise ModelStoreError(f"{ENVIRONMENT} must be a number of bytes, got {text!r}")
    return int(text)


def packed(members: Iterable[tuple[str, bytes]], level: int = 1) -> bytes:
    """Gives named members as a zip archive without times, deflated, or stored at level 0."""
    method = zipfile.ZIP_DEFLATED if level else zipfile.ZIP_STORED
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method, compresslevel=level or None) as archive:
        for name, content in members:
            archive.writestr(_member(name, method), content)
    return buffer.getvalue()


def inflated(data: bytes, changed: str, change: Callable[[bytes], bytes]) -> bytes:
    """Gives an archive with its members stored plain, as one whose reader may believe the sizes it claims.

    What the member named ``changed`` holds is passed through ``change``.

    Raises
    ------
    ArchiveLimitError
        See `check`.
    zipfile.BadZipFile, zlib.error, OSError, RuntimeError
        It is damaged, or encrypted.
    """
    buffer = io.BytesIO()
    with opened(data) as source, zipfile.ZipFile(buffer, "w") as target:
        check(source)
        for info in source.infolist():
            with source.open(info) as read, target.open(_member(info.filename, zipfile.ZIP_STORED), "w") as written:
                if info.filename == changed:
                    content = io.BytesIO()
                    shutil.copyfileobj(read, content, _CHUNK)
                    written.write(change(content.getvalue()))
                else:
                    shutil.copyfileobj(read, written, _CHUNK)
    return buffer.getvalue()


def check(archive: zipfile.ZipFile) -> None:
    """Raises ArchiveLimitError for what an archive's directory claims.

    That is more bytes in all than `limit`, a JSON file of more than a sixteenth of it (Python makes so much more of
    it), two members of one name, or a member that is neither stored nor deflated.
    """
    infos = archive.infolist()
    if len({info.filename for info in infos}) < len(infos):
        raise ArchiveLimitError("it has two members of one name")
    if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
        raise ArchiveLimitError("it has a member that is neither stored nor deflated")
    within(size(archive), limit(), "it inflates")
    for info in infos:
        if info.filename.endswith(".json"):
            within(info.file_size, limit() // _JSON_COST, f"its {info.filename} inflates")


def size(archive: zipfile.ZipFile) -> int:
    """Gives the bytes that an archive's members claim to have in all."""
    return sum(info.file_size for info in archive.infolist())


def within(size: int, allowed: int, what: str) -> None:
    """Raises ArchiveLimitError where a size is above the one allowed."""
    if size > allowed:
        raise ArchiveLimitError(
            f"{what} to {size:,} bytes, more than the {allowed:,} allowed; if you trust it, set {ENVIRONMENT} "
            f"(bytes, now {limit():,}) higher"
        )


def opened(data: bytes) -> zipfile.ZipFile:
    """Gives an archive to read, unless it has so many members that their list alone would be a burden."""
    if (count := data.count(_ENTRY)) > MEMBERS:
        raise ArchiveLimitError(f"it has {count:,} members, more than the {MEMBERS:,} allowed")
    return zipfile.ZipFile(io.BytesIO(data))


def _member(name: str, method: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)  # dated 1980, as zip dates what has no date
    info.compress_type = method
    return info
