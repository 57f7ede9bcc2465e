"""A state as bytes: a header in JSON and the arrays' own bytes, so that reading it runs nothing and guesses nothing."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ballast.errors import DataError

MAGIC = b"BALLAST STATE 1\n"
_LENGTH = struct.Struct("<Q")
_CHECK = struct.Struct("<I")


def packed(kind: str, fields: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Gives the bytes of a state: `kind` names its class and version, `fields` are JSON's, `arrays` of any shape.

    Equal for equal contents; numbers are little-endian on every machine.
    """
    plain = {name: np.ascontiguousarray(a, dtype=a.dtype.newbyteorder("<")) for name, a in arrays.items()}
    described = {name: [a.dtype.str, list(a.shape)] for name, a in plain.items()}
    header = json.dumps({"kind": kind, "fields": dict(fields), "arrays": described}, sort_keys=True).encode()
    body = b"".join([MAGIC, _LENGTH.pack(len(header)), header, *(plain[name].tobytes() for name in sorted(plain))])
    return body + _CHECK.pack(zlib.crc32(body))


def unpacked(kind: str, data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Gives the fields and arrays of a state; DataError for bytes that are damaged, or of another kind."""
    start = len(MAGIC) + _LENGTH.size
    whole = len(data) >= start + _CHECK.size and data.startswith(MAGIC)
    if not whole or zlib.crc32(data[: -_CHECK.size]) != _CHECK.unpack(data[-_CHECK.size :])[0]:
        raise DataError(f"these {len(data)} bytes are not a whole state; remove them and compute the state again")
    (length,) = _LENGTH.unpack(data[len(MAGIC) : start])
    header = json.loads(data[start : start + length])
    if header["kind"] != kind:
        raise DataError(f"these bytes are a state of {header['kind']!r}, not of {kind!r}; compute the state again")
    at, arrays = start + length, {}
    for name, (dtype, shape) in sorted(header["arrays"].items()):
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(data, np.dtype(dtype), count, at).reshape(shape).astype(np.dtype(dtype[1:]))
        at += count * np.dtype(dtype).itemsize
    return header["fields"], arrays
