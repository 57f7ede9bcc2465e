"""The words of ``types:``, and what each is in DuckDB and in Arrow."""

from __future__ import annotations

import re

import pyarrow as pa

_DECIMAL = re.compile(r"decimal\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")

_WORDS: dict[str, tuple[str, pa.DataType]] = {
    "text": ("VARCHAR", pa.string()),
    "integer": ("BIGINT", pa.int64()),
    "double": ("DOUBLE", pa.float64()),
    "boolean": ("BOOLEAN", pa.bool_()),
    "date": ("DATE", pa.date32()),
    "timestamp": ("TIMESTAMP", pa.timestamp("us")),
    "timestamptz": ("TIMESTAMP WITH TIME ZONE", pa.timestamp("us", "UTC")),
    "time": ("TIME", pa.time64("us")),
}


def in_duckdb(word: str, digits: int) -> str:
    """Gives DuckDB's name of a type; `digits` are those after the point of a decimal that names none."""
    if word == "decimal":
        return f"DECIMAL(38,{digits})"
    if (sized := _DECIMAL.fullmatch(word)) is not None:
        return f"DECIMAL({sized.group(1)},{sized.group(2) or 0})"
    return _WORDS[word][0]


def in_arrow(word: str, digits: int) -> pa.DataType:
    """Gives Arrow's type; `digits` are those after the point of a decimal that names none."""
    if word == "decimal":
        return pa.decimal128(38, digits)
    if (sized := _DECIMAL.fullmatch(word)) is not None:
        return pa.decimal128(int(sized.group(1)), int(sized.group(2) or 0))
    return _WORDS[word][1]
