"""How a source says what its columns hold and how its text is written: types, missing values, options."""

from __future__ import annotations

import re
from typing import Any

from ballast.errors import nearest

TYPES = ("text", "integer", "decimal", "double", "boolean", "date", "timestamp", "timestamptz", "time")
"""The words of ``types:``; a decimal may say its digits, as decimal(10, 2)."""

MISSING = ["", "NA", "N/A", "NaN", "NULL", "null", "None", "#N/A"]
OPTIONS = ("delimiter", "decimal", "encoding", "quote", "header", "date_format")


def check_types(types: dict[str, str]) -> dict[str, str]:
    """Gives the types of columns; ValueError for a word that is not a type."""
    for column, word in types.items():
        if word not in TYPES and not _is_sized_decimal(word):
            raise ValueError(f"{column}: {word!r} is not a type{nearest(word, TYPES)} (types: {', '.join(TYPES)})")
    return types


def _is_sized_decimal(word: str) -> bool:
    sized = re.fullmatch(r"decimal\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)", word)
    return sized is not None and 1 <= int(sized.group(1)) <= 38 and int(sized.group(2) or 0) <= int(sized.group(1))


def check_options(options: dict[str, Any]) -> dict[str, Any]:
    """Gives how text is written; ValueError for an option that is unknown or of another type."""
    for key, value in options.items():
        if key not in OPTIONS:
            raise ValueError(f"unknown option {key!r}{nearest(key, OPTIONS)} (options: {', '.join(OPTIONS)})")
        if not isinstance(value, bool if key == "header" else str):
            raise ValueError(f"{key}: {'true or false' if key == 'header' else 'a text'} is needed")
    if options.get("decimal", ".") not in (".", ","):
        raise ValueError("decimal: a point or a comma is needed")
    return options
