"""Columns of text files, typed: which types hold all of a column's texts, and what each text is as a value."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import duckdb

from ballast.warehouse.names import literal, quoted

INTEGERS = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
}  # fmt: skip
_FLOATS = ("DOUBLE", "FLOAT")
_WHOLE = " *[+-]?(0|[1-9][0-9]*) *"
_DAY = "[0-9]{4,6}-[0-9]{2}-[0-9]{2}"
_CLOCK = "[0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,%d}0*)?)?"
_ZONE = " ?(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)"
_DIGITS = {"TIMESTAMP_S": 0, "TIMESTAMP_MS": 3, "TIMESTAMP": 6, "TIMESTAMP WITH TIME ZONE": 6, "TIMESTAMP_NS": 9}

_NUMBERS = ("BIGINT", "DECIMAL(38,0)", "DOUBLE")
_TIMES = ("DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE", "TIME")
CANDIDATES = ("BOOLEAN", *_NUMBERS, *_TIMES, "VARCHAR")
"""What a column of CSV may be, the first that holds all of its texts."""

OF_NUMBERS = (*_NUMBERS, "VARCHAR")
OF_TEXTS = (*_TIMES, "VARCHAR")
"""What a JSON column of numbers, or of texts, may be: a quoted number stays text, as the file says."""


@dataclass(frozen=True)
class Written:
    """How values are written.

    Attributes
    ----------
    comma : numbers have a decimal comma.
    date_format : how dates or times are written, as of strptime; None for ISO 8601.
    strict : hold every text to the form that its value is written in; False where the user has named the type, and
        knows that it is another's form (0123 as a number).
    """

    comma: bool = False
    date_format: str | None = None
    strict: bool = True


def value(text: str, kind: str, how: Written) -> str:
    """Gives the SQL of a text's value in a DuckDB type; null where it has none."""
    if how.comma and (kind in INTEGERS or kind in _FLOATS or kind.startswith("DECIMAL")):
        text = f"replace(replace({text}, '.', 'x'), ',', '.')"
    if how.date_format is not None and kind in ("DATE", "TIMESTAMP"):
        return f"CAST(try_strptime({text}, {literal(how.date_format)}) AS {kind})"
    if kind == "DECIMAL(38,0)":  # the same by way of HUGEINT, in a hundredth of the time
        return f"TRY_CAST(TRY_CAST({text} AS HUGEINT) AS {kind})"
    if is_nested(kind):
        return f"TRY_CAST({_parts(text, kind)} AS {kind})"
    return text if kind == "VARCHAR" else f"TRY_CAST({text} AS {kind})"


def is_nested(kind: str) -> bool:
    """Gives whether a DuckDB type is that of a list, an array, an object or a map."""
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP"))


def _parts(text: str, kind: str) -> str:
    """Gives the SQL of a nested text, JSON's or DuckDB's own, as lists and objects whose values are texts."""
    form = _form(_of(kind))
    return f"coalesce(TRY_CAST(TRY_CAST({text} AS JSON) AS {form}), TRY_CAST({text} AS {form}))"


def _other_keys(text: str, kind: str) -> str:
    """Gives the SQL of whether a nested text has other keys than its type, which DuckDB drops where it reads JSON.

    It drops none, but gives null, where it reads the same as its own text, which has no maps of JSON.
    """
    if "MAP" in kind:
        return f"coalesce({_other_json(f'TRY_CAST({text} AS JSON)', _of(kind))}, false)"
    own = f"TRY_CAST({text} AS {_form(_of(kind))})"
    nulls, others = (f"regexp_replace(to_json({v}), '{_JSON_TEXT}', 'x', 'g')" for v in (own, _parts(text, kind)))
    return f"({nulls} IS DISTINCT FROM {others})"


def _other_json(json: str, kind: Any, depth: int = 0) -> str:
    """Gives the SQL of whether JSON, at any depth, has keys that its type lacks, or is not the object it should be."""
    part = f"j{depth}"
    if kind.id == "struct":
        names = ", ".join(literal(name) for name, _ in kind.children)
        checks = [f"list_bool_or([{part} NOT IN ({names}) for {part} in json_keys({json})])"]
        keys = ((literal(name if '"' in name else f'$."{name}"'), inner) for name, inner in kind.children)
        checks += [_other_json(f"({json} -> {key})", inner, depth) for key, inner in keys]
        return f"({' OR '.join(f'coalesce({check}, false)' for check in checks)})"
    if kind.id == "map":
        within = _other_json(part, kind.children[1][1], depth + 1)
        is_object = f"json_type({json}) IN ('OBJECT', 'NULL')"
        return f"(NOT {is_object} OR list_bool_or([{within} for {part} in json_extract({json}, '$.*')]))"
    if kind.id in ("list", "array"):
        within = _other_json(part, kind.children[0][1], depth + 1)
        return f"list_bool_or([{within} for {part} in json_extract({json}, '$[*]')])"
    return "false"


_JSON_TEXT = r'''"(?:[^"\\]|\\.)*"'''


def _of(kind: str) -> Any:
    return duckdb.sqltype(kind)


def _form(kind: Any) -> str:
    """Gives a nested type with texts in place of its values."""
    if kind.id in ("list", "array"):
        return f"{_form(kind.children[0][1])}[]"
    if kind.id == "struct":
        return f"STRUCT({', '.join(f'{quoted(key)} {_form(inner)}' for key, inner in kind.children)})"
    if kind.id == "map":
        return f"MAP(VARCHAR, {_form(kind.children[1][1])})"
    return "VARCHAR"


def _unfit_parts(text: str, made: str, kind: Any, how: Written, depth: int = 0) -> str:
    """Gives the SQL of whether some value within `made` is not all that its text says."""
    if kind.id == "struct":
        within = [
            _unfit_parts(f"struct_extract({text}, {at})", f"struct_extract({made}, {at})", inner, how, depth)
            for at, inner in ((literal(key), inner) for key, inner in kind.children)
        ]
        return f"(({made} IS NULL AND {text} IS NOT NULL) OR {' OR '.join(within)})"
    if kind.id == "map":
        keys, values = (
            _unfit_all(f"map_{part}({text})", f"map_{part}({made})", inner, how, depth)
            for part, (_, inner) in zip(("keys", "values"), kind.children, strict=True)
        )
        return f"(({made} IS NULL AND {text} IS NOT NULL) OR {keys} OR {values})"
    if kind.id in ("list", "array"):
        inner = kind.children[0][1]
        all_of_it = _unfit_all(text, f"CAST({made} AS {inner}[])", inner, how, depth)
        return f"(({made} IS NULL AND {text} IS NOT NULL) OR {all_of_it})"
    return unfit(text, made, str(kind), how)


def _unfit_all(texts: str, made: str, kind: Any, how: Written, depth: int) -> str:
    pair = f"p{depth}"
    check = _unfit_parts(f"{pair}[1]", f"{pair}[2]", kind, how, depth + 1)
    return f"coalesce(list_bool_or([{check} for {pair} in list_zip({texts}, {made})]), false)"


def unfit(text: str, made: str, kind: str, how: Written) -> str:
    """Gives the SQL of whether the value `made` of a text is not all that the text says."""
    if kind == "VARCHAR":
        return "false"
    lost = f"({made} IS NULL AND {text} IS NOT NULL)"
    if is_nested(kind):
        return f"({lost} OR {_other_keys(text, kind)} OR {_unfit_parts(_parts(text, kind), made, _of(kind), how)})"
    if how.date_format is not None and kind in ("DATE", "TIMESTAMP"):
        return lost
    if how.comma:
        text = f"replace({text}, ',', '.')"
    said_so = f"CAST({made} AS VARCHAR) IS DISTINCT FROM {text}"
    if kind == "BOOLEAN":
        return f"({lost} OR {text} NOT IN ('true', 'false', 'True', 'False', 'TRUE', 'FALSE', '0', '1'))"
    if kind in INTEGERS:
        whole = _WHOLE if how.strict else " *[+-]?[0-9]+"
        return f"({said_so} AND ({made} IS NULL OR NOT regexp_full_match({text}, '{whole}(\\.0*)? *')))"
    if kind in _FLOATS:
        lost = f"({lost} OR contains({text}, '_') OR {out_of_range(text, made)})"
    if kind in _FLOATS and not how.strict:
        return lost
    if kind in _FLOATS:
        digits = f"(abs({made}) >= {2**53} AND strlen({text}) > 15 AND regexp_full_match({text}, '[+-]?[0-9]+') AND "
        digits += f"CAST(TRY_CAST({made} AS HUGEINT) AS VARCHAR) IS DISTINCT FROM {text})"
        return f"({lost} OR {_led_by_zero(text)} OR {digits})"
    if kind.startswith("DECIMAL"):
        scale = int(kind.rstrip(")").split(",")[-1])
        rounded = f"regexp_matches({text}, '\\.[0-9]{{{scale}}}[0-9]*[1-9]')"
        powers = f"(regexp_matches({text}, '[eE]') AND CAST({made} AS DOUBLE) <> TRY_CAST({text} AS DOUBLE))"
        led = _led_by_zero(text) if how.strict else "false"
        return f"({lost} OR {led} OR contains({text}, '_') OR {rounded} OR {powers})"
    if kind == "DATE":
        return f"({lost} OR ({said_so} AND NOT regexp_full_match({text}, '{_DAY}[ T]00:00(:00(\\.0*)?)?')))"
    if kind in _DIGITS:
        clock = _CLOCK % _DIGITS[kind] if _DIGITS[kind] else "[0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.0*)?)?"
        form = f"{_DAY}[ T]{clock}{_ZONE}" if kind.endswith("ZONE") else f"{_DAY}([ T]{clock})?"
        return f"({lost} OR ({said_so} AND NOT regexp_full_match({text}, '{form}')))"
    if kind.startswith("TIME"):
        return f"({lost} OR ({said_so} AND NOT regexp_full_match({text}, '{_CLOCK % 6}')))"
    return lost


def is_quick(kind: str, how: Written) -> bool:
    """Gives whether ``doubtful`` knows the texts of a type."""
    return how.strict and not how.comma and (kind in INTEGERS or kind in _FLOATS or _is_stamp(kind, how))


def doubtful(text: str, made: str, kind: str, how: Written, tokens: Collection[str]) -> str:
    """Gives the SQL of what is true wherever ``unfit`` or ``not_sniffed`` is, and cheap to compute of every text.

    The text is as it is written, one of the `tokens` of missing values among them, none of which is a value.
    """
    lost = f"({made} IS NULL AND {is_missing(text, tokens)} IS NOT NULL)"
    if kind not in _FLOATS:
        return f"({lost} OR CAST({made} AS VARCHAR) <> {text})"
    large = f"(({made} >= {2**53} OR {made} <= -{2**53}) AND (strlen({text}) > 15 OR isinf({made})))"
    small = f"CASE WHEN {made} = 0 AND strlen({text}) > 4 THEN {out_of_range(text, made)} ELSE false END"
    return f"({lost} OR {large} OR {small} OR contains({text}, '_') OR {_led_by_zero(text)})"


def not_sniffed(text: str, made: str, kind: str, how: Written) -> str:
    """Gives the SQL of whether a text rules a type out for its column, where nothing says the type beforehand.

    Narrower than ``unfit``: 1.0 is not taken for a whole number, 1 not for a truth.
    """
    if kind == "BOOLEAN":
        return f"({text} NOT IN ('true', 'false', 'True', 'False', 'TRUE', 'FALSE'))"
    if how.comma and (kind in INTEGERS or kind == "DECIMAL(38,0)"):
        text = f"replace({text}, ',', 'x')"
    if kind in INTEGERS or kind == "DECIMAL(38,0)":
        other = f"({made} IS NULL OR NOT regexp_full_match({text}, '{_WHOLE}'))"
        return f"(CAST({made} AS VARCHAR) IS DISTINCT FROM {text} AND {other})"
    if kind == "DATE" and how.date_format is None:
        return f"(CAST({made} AS VARCHAR) IS DISTINCT FROM {text})"
    return unfit(text, made, kind, how)


def _is_stamp(kind: str, how: Written) -> bool:
    return kind in _DIGITS and how.date_format is None


def out_of_range(text: str, made: str) -> str:
    """Gives the SQL of whether a number is so large that a float is infinite, or so small that it is 0."""
    infinite = f"(isinf({made}) AND regexp_matches({text}, '[0-9]'))"
    return f"({infinite} OR ({made} = 0 AND regexp_matches({text}, '^[^eE]*[1-9]')))"


def _led_by_zero(text: str) -> str:
    """Gives the SQL of whether a number is written as 007: a text from '00' on and before '0:' is 0 and a digit.

    Signs sort before the point, so that most texts are compared three times.
    """
    plus, minus = (f"({text} >= '{sign}00' AND {text} < '{sign}0:')" for sign in "+-")
    return f"(({text} >= '00' AND {text} < '0:') OR ({text} < '.' AND ({plus} OR {minus})))"


def is_missing(text: str, tokens: Collection[str]) -> str:
    """Gives the SQL of a text that is null where it stands for a missing value.

    Comparisons, for DuckDB makes a join of an IN of every column.
    """
    equal = " OR ".join(f"{text} = {literal(token)}" for token in tokens)
    longest = max((len(token.encode()) for token in tokens), default=0)
    return f"CASE WHEN strlen({text}) <= {longest} AND ({equal}) THEN NULL ELSE {text} END" if equal else text
