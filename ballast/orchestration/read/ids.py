"""Ids in files of text, where whole numbers and texts are written alike."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ballast.errors import DataError
from ballast.given.ids import REMEDY, from_text, settled
from ballast.given.kinds import pc
from ballast.orchestration.read.text import CANDIDATES, OF_NUMBERS, OF_TEXTS


def of_file(ids: pa.ChunkedArray, candidates: Sequence[str], name: str, where: str) -> pa.ChunkedArray:
    """Gives ids that were read from CSV or JSON as text; `candidates` are the types that the file allows.

    Numbers of JSON that are written as floats are held to be whole, all else is as ``from_text`` has it.
    """
    if candidates == OF_NUMBERS and pc.any(pc.match_substring_regex(ids, "[.eE]")).as_py():
        return settled(ids.cast(pa.float64()), name, where)
    if candidates not in (CANDIDATES, OF_NUMBERS, OF_TEXTS):
        what = "truths" if candidates[0] == "BOOLEAN" else "lists or objects"
        raise DataError(f"{where}: column {name!r} holds {what}, which cannot be ids; {REMEDY}")
    return from_text(ids)
