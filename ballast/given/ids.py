"""Ids as they are kept: whole numbers that fit 64 bits, or text; nothing else."""

from __future__ import annotations

import pyarrow as pa

from ballast.errors import DataError
from ballast.given.kinds import pc, said
from ballast.words import listed

_EXACT = 2**53
"""Up to here a float holds every whole number."""


def settled(ids: pa.ChunkedArray, name: str, where: str) -> pa.ChunkedArray:
    """Gives ids of any type as int64 or text, each exactly the user's.

    Text stays text; decimals, wide integers and floats become int64 where all are whole and fit, decimals and wide
    integers text where they are too large. Missing and repeated ids stay for the gates. Raises DataError for all other
    types, and for fractions.
    """
    kind = ids.type
    if pa.types.is_dictionary(kind):
        return settled(ids.cast(kind.value_type), name, where)
    if kind == pa.string():
        return ids
    if pa.types.is_integer(kind):
        largest = pc.max(ids).as_py()
        return ids.cast(pa.int64() if largest is None or largest < 2**63 else pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        try:
            return ids.cast(pa.string())
        except pa.ArrowInvalid:
            raise DataError(f"{where}: ids in column {name!r} are bytes that are not text; {REMEDY}") from None
    if pa.types.is_decimal(kind):
        return _whole_decimals(ids, name, where)
    if pa.types.is_floating(kind):
        return _whole_floats(ids, name, where)
    example = next((value for value in ids.to_pylist() if value is not None), None)
    raise DataError(
        f"{where}: column {name!r} holds {said(kind)} (such as {example!r}), which cannot be an id; {REMEDY}"
    )


REMEDY = "an id is a whole number or a text: make it one in the source, or with `types:`"


def from_text(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """Gives ids read as text as int64 where every one is just how that number is written, else as they are."""
    try:
        numbers = ids.cast(pa.int64())
    except pa.ArrowInvalid:
        return ids
    return numbers if len(ids) > ids.null_count and numbers.cast(pa.string()).equals(ids) else ids


def reconciled(ids: pa.ChunkedArray, wanted: pa.DataType, name: str, where: str, *, written: bool) -> pa.ChunkedArray:
    """Gives settled ids in the type of the training role's; DataError where they are of another.

    Ids that were `written` in a file of text have no type but the training role's, where they can.
    """
    if ids.type == wanted or wanted not in (pa.int64(), pa.string()) or len(ids) == ids.null_count:
        return ids
    if not written:
        example = next(value for value in ids.to_pylist() if value is not None)
        raise DataError(
            f"{where}: ids in column {name!r} are {said(ids.type)} (such as {example!r}) and those of the training "
            f"rows {said(wanted)}, so none could be compared; give both roles ids of one type, for example with "
            f"`types: {{{name}: {'text' if wanted == pa.string() else 'integer'}}}`"
        )
    if wanted == pa.string():
        return ids.cast(pa.string())
    made = from_text(ids)
    if made.type == wanted or len(ids) == ids.null_count:
        return made.cast(wanted)
    other = next((v for v in ids.to_pylist() if v is not None and not _written_as_number(v)), None)
    raise DataError(
        f"{where}: ids in column {name!r} are text (such as {other!r}) and those of the training rows whole numbers "
        "(int64), so none could be compared; give both roles ids of one type, for example with `types: "
        f"{{{name}: text}}` of the training role"
    )


def _written_as_number(text: str) -> bool:
    return text.removeprefix("-").isdigit() and str(int(text)) == text and -(2**63) <= int(text) < 2**63


def _whole_decimals(ids: pa.ChunkedArray, name: str, where: str) -> pa.ChunkedArray:
    whole = pc.round(ids)
    _refuse_fractions(ids, pc.not_equal(whole, ids), name, where)
    numbers = [None if value is None else int(value) for value in ids.to_pylist()]
    fits = all(value is None or -(2**63) <= value < 2**63 for value in numbers)
    made = pa.array(numbers, pa.int64()) if fits else pa.array([None if v is None else str(v) for v in numbers])
    return pa.chunked_array([made])


def _whole_floats(ids: pa.ChunkedArray, name: str, where: str) -> pa.ChunkedArray:
    broken = pc.or_(pc.not_equal(pc.round(ids), ids), pc.greater(pc.abs(ids), float(_EXACT)))
    _refuse_fractions(ids, pc.or_(broken, pc.invert(pc.is_finite(ids))), name, where)
    return ids.cast(pa.int64())


def _refuse_fractions(ids: pa.ChunkedArray, broken: pa.ChunkedArray, name: str, where: str) -> None:
    count = pc.sum(broken).as_py() or 0
    if count:
        examples = listed(repr(value) for value in ids.filter(broken)[:3].to_pylist())
        raise DataError(
            f"{where}: column {name!r} holds {said(ids.type)}, and {count} of its {len(ids)} ids are not whole numbers "
            f"that a float keeps exactly (such as {examples}); {REMEDY}"
        )
