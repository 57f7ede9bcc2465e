"""How a CSV or JSON file is laid out: its columns, and the DuckDB call that gives every one of them as text."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from ballast.errors import DataError
from ballast.orchestration.read.files import Files, is_packed, is_remote
from ballast.orchestration.read.folders import keys_of
from ballast.orchestration.read.mixed import refuse_mixed
from ballast.orchestration.read.query import executed
from ballast.orchestration.read.text import CANDIDATES, OF_NUMBERS, OF_TEXTS, is_missing, is_nested
from ballast.orchestration.read.united import united
from ballast.orchestration.spec.data import DataSpec
from ballast.warehouse.names import literal, quoted
from ballast.words import in_words, listed

_SAMPLE = 20_480
_ENCODINGS = ("utf-8", "utf-16", "latin-1")
_NUMBERS = {"BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "DOUBLE"}
_DUCKDB = {"delimiter": "delim", "quote": "quote", "encoding": "encoding"}


@dataclass(frozen=True)
class TextFiles:
    """Files whose columns are read as text.

    Attributes
    ----------
    names : the columns. candidates : the types that each may be; see ``ballast.orchestration.read.text``.
    written : the SQL of every column as it is written in each file, in their order.
    missing : what stands for a missing value in each column.
    delimiter : what stands between two values of CSV; empty for JSON.
    together : the SQL of all files at once, in any order.
    absent : the files without a column, by the columns that not every file has.
    """

    files: Files
    names: tuple[str, ...]
    candidates: Mapping[str, tuple[str, ...]]
    written: Mapping[str, str]
    missing: Mapping[str, Sequence[str]]
    together: str
    absent: Mapping[str, tuple[str, ...]]
    delimiter: str = ""

    @property
    def sql(self) -> str:
        """The SQL of all files' columns as text, null where a value is missing."""
        columns = ", ".join(f"{self.text(name)} AS {quoted(name)}" for name in self.names)
        return f"(SELECT {columns} FROM {self.together})"

    def text(self, name: str) -> str:
        """Gives the SQL of a column of what is ``written`` that is null where a value is missing."""
        return is_missing(quoted(name), self.missing[name])


def csv(con: duckdb.DuckDBPyConnection, files: Files, spec: DataSpec, where: str) -> TextFiles:
    """Gives CSV files as text, a column that one lacks blank; DataError for one that cannot be parsed."""
    given = {_DUCKDB[key]: value for key, value in spec.options.items() if key in _DUCKDB}
    given |= _encoding(files, where) if "encoding" not in given else {}
    if given.get("encoding", "utf-8").lower() not in _ENCODINGS:
        raise DataError(
            f"{where}: files cannot be read as {given['encoding']!r} (encodings: {', '.join(_ENCODINGS)}); save them "
            "as UTF-8"
        )
    header = bool(spec.options.get("header", True))
    asked = {**given, "header": header, "all_varchar": True, "sample_size": _SAMPLE, "skip": 0, "comment": ""}
    first = files.names[0]
    try:
        sql = f"FROM sniff_csv({literal(_escaped(files, first))}{_options(asked)})"
        sniffed = executed(con, sql, *_unread(files, first, where))
    except DataError:
        _refuse_wrong_line(con, files, _first_line(first, given.get("encoding", "utf-8")), given, where)
        raise
    row = dict(zip([c[0] for c in sniffed.description], sniffed.fetchall()[0], strict=True))
    dialect = {"delim": row["Delimiter"], "quote": row["Quote"], "escape": row["Escape"], "comment": row["Comment"]}
    dialect = {key: "" if value in (None, "(empty)") else value for key, value in dialect.items()}
    dialect |= {"skip": row["SkipRows"], "auto_detect": False, **given}
    dialect["quote"] = dialect["quote"] or '"'  # the first quote may come after the rows that were looked at
    dialect["escape"] = dialect["escape"] or dialect["quote"]
    if len(row["Columns"]) == 1:
        _refuse_wrong_line(con, files, row["Columns"][0]["name"], given, where)
    headers = {}
    for name in files.names:
        width = len(row["Columns"]) if name == first else _width(con, files, name, asked, where)
        headers[name] = _header(con, files.one(name), dialect, width, where) if header else _numbered(width)
    if not header:
        _refuse_other_width(files, headers, where)
    columns = united(files, headers, where)
    layout = {**dialect, "header": header, "all_varchar": True}
    keys = _hive_keys(con, _csv_call(files.one(first), layout, headers[first], spec), headers[first], spec, where)
    names = tuple(dict.fromkeys((*columns.names, *keys)))

    def written(some: Sequence[str]) -> str:
        call = _csv_call(Files(files.format, tuple(some), files.folder), layout, headers[some[0]], spec)
        there = {*headers[some[0]], *keys}
        values = [quoted(n) if n in there else f"CAST(NULL AS VARCHAR) AS {quoted(n)}" for n in names]
        return f"(SELECT {', '.join(values)} FROM {call})"

    runs = [written(list(run)) for _, run in itertools.groupby(files.names, key=headers.__getitem__)]
    together = runs[0] if len(runs) == 1 else f"({' UNION ALL '.join(f'FROM {run}' for run in runs)})"
    by_file = {name: written([name]) for name in files.names}
    candidates = dict.fromkeys(names, CANDIDATES)
    absent = {name: without for name, without in columns.absent.items() if name not in keys}
    return TextFiles(files, names, candidates, by_file, _missing(names, spec), together, absent, dialect["delim"])


def _csv_call(files: Files, layout: Mapping[str, Any], columns: Sequence[str], spec: DataSpec) -> str:
    hive = {"hive_partitioning": spec.hive, **({"hive_types_autocast": False} if spec.hive else {})}
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns)
    options = _options({**layout, **hive, "nullstr": _NO_TOKEN})
    return f"read_csv({files.listing}, columns = {{{types}}}{options})"


_NO_TOKEN = "\u241f"  # DuckDB needs one; what is missing in which column is said apart


def _missing(names: Iterable[str], spec: DataSpec) -> dict[str, Sequence[str]]:
    """Gives what stands for a missing value in each column: of an id only the empty text does."""
    return {name: [""] if name == spec.id else spec.missing for name in names}


def _options(options: Mapping[str, Any]) -> str:
    shown = {k: literal(v) if isinstance(v, str) else str(v).lower() for k, v in options.items() if v is not None}
    return "".join(f", {key} = {value}" for key, value in shown.items())


def _escaped(files: Files, name: str) -> str:
    return files.one(name).listing[2:-2].replace("''", "'")


def _unread(files: Files, name: str, where: str) -> tuple[str, str]:
    return where, f"cannot read {files.shown(name)!r}"


def _encoding(files: Files, where: str) -> dict[str, str]:
    """Gives the encoding that a file's first bytes name, where it is not UTF-8; DataError for what is not text."""
    name = files.names[0]
    if is_remote(name):
        return {}
    with Path(name).open("rb") as file:
        start = file.read(4)
    if not start:
        raise DataError(f"{where}: {files.shown(name)!r} is empty; check what feeds it")
    if start.startswith(b"\xff\xfe"):
        return {"encoding": "utf-16"}
    if start.startswith((b"\xfe\xff", b"\x00\x00\xfe\xff")):
        raise DataError(
            f"{where}: {files.shown(name)!r} is UTF-16 or UTF-32 with the high byte first; save it as UTF-8"
        )
    if start.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")) and not is_packed(name):
        ending = ".gz" if start.startswith(b"\x1f") else ".zst"
        raise DataError(f"{where}: {files.shown(name)!r} is compressed; give its name the ending {ending} as well")
    if b"\x00" in start and not is_packed(name):
        raise DataError(
            f"{where}: {files.shown(name)!r} is not UTF-8, for it holds zero bytes; name its encoding with `options: "
            "{encoding: utf-16}`, or save it as UTF-8"
        )
    return {}


def _refuse_wrong_line(
    con: duckdb.DuckDBPyConnection, files: Files, first: str, given: Mapping[str, Any], where: str
) -> None:
    """Raises DataError for the line that has more or fewer values than the `first`, which may be why none is parted."""
    mark = str(given.get("delim") or max(",;\t|", key=first.count))
    types = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(first.count(mark) + 1))
    options = _options({"quote": '"', **given, "delim": mark, "header": False, "auto_detect": False})
    sql = f"SELECT count(*) FROM read_csv({files.one(files.names[0]).listing}, columns = {{{types}}}{options})"
    executed(con, sql, *_unread(files, files.names[0], where)).fetchall()


def _first_line(name: str, encoding: str) -> str:
    if is_remote(name) or is_packed(name):
        return ""
    with Path(name).open(encoding=encoding, errors="replace") as file:
        return file.readline(100_000).rstrip()


def _width(con: duckdb.DuckDBPyConnection, files: Files, name: str, asked: Mapping[str, Any], where: str) -> int:
    sql = f"SELECT len(Columns) FROM sniff_csv({literal(_escaped(files, name))}{_options(asked)})"
    return executed(con, sql, *_unread(files, name, where)).fetchall()[0][0]


def _header(
    con: duckdb.DuckDBPyConnection, file: Files, dialect: Mapping[str, Any], width: int, where: str
) -> tuple[str, ...]:
    """Gives a file's first row as names, before DuckDB makes repeated ones differ."""
    types = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    first, second = (
        executed(
            con,
            f"FROM read_csv({file.listing}, columns = {{{types}}}"
            f"{_options({**dialect, 'header': header, 'hive_partitioning': False})}) LIMIT 1",
            *_unread(file, file.names[0], where),
        ).fetchall()
        for header in (False, True)
    )
    if first and first == second:  # else DuckDB would take an empty line for the header, and the header for a row
        raise DataError(
            f"{where}: {file.shown(file.names[0])!r} begins with an empty line, or has its header twice; remove it"
        )
    names = tuple(name or f"column{i}" for i, name in enumerate(first[0] if first else ()))
    counts = Counter(map(str.casefold, names))
    if twice := list(dict.fromkeys(name for name in names if counts[name.casefold()] > 1)):
        raise DataError(
            f"{where}: columns of {file.shown(file.names[0])!r} occur more than once: {listed(twice)}; rename them"
        )
    return names


def _numbered(width: int) -> tuple[str, ...]:
    return tuple(f"column{i}" for i in range(width))


def _refuse_other_width(files: Files, headers: Mapping[str, Sequence[str]], where: str) -> None:
    """Raises DataError for files without a header that have more or fewer columns, of which nobody knows which."""
    by_width = {len(columns): file for file, columns in headers.items()}
    if len(by_width) > 1:
        said = in_words(f"{width} in {files.shown(file)!r}" for width, file in sorted(by_width.items()))
        raise DataError(
            f"{where}: the files have no header, and not the same number of columns ({said}); give them a header, or "
            "the same columns"
        )


def _hive_keys(
    con: duckdb.DuckDBPyConnection, call: str, names: Sequence[str], spec: DataSpec, where: str
) -> list[str]:
    if not spec.hive:
        return []
    described = executed(con, f"DESCRIBE FROM {call}", where, "cannot read the files").fetchall()
    return [name for name, *_ in described if name not in names]


def json(
    con: duckdb.DuckDBPyConnection, files: Files, spec: DataSpec, where: str, known: Mapping[str, str]
) -> TextFiles:
    """Gives JSON files as text: a number as it is written, a text without its quotes, what is nested as JSON.

    Fields that mix types are refused, but in columns whose DuckDB type is `known`.
    """
    found = {name: _json_kinds(con, files.one(name), spec, where) for name in files.names}
    filled = tuple(name for name in files.names if found[name] or len(files.names) == 1)
    everything = _json_kinds(con, replace(files, names=filled), spec, where) if filled else {}
    if list(everything) in ([], ["json"]) and spec.id != "json":
        raise DataError(f"{where}: {listed(map(files.shown, files.names), most=3)} holds no objects, each a row")
    _refuse_same_names(everything, where)
    columns = united(files, {name: list(kinds) for name, kinds in found.items() if name in filled}, where)
    everything = {name: everything[name] for name in columns.names}
    candidates = {name: _json_candidates(kind) for name, kind in everything.items()}
    for name, kind in everything.items():
        if "JSON" in kind and name in spec.drop:
            candidates[name] = ("VARCHAR",)
        elif "JSON" in kind and name not in spec.types and name not in known:
            refuse_mixed(con, files, name, kind, where)
    texts = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in everything)

    exact = {name for name, kind in everything.items() if _asks_for_digits(name, spec, known)}

    def call(names: Files) -> str:
        if exact:
            return _with_digits(con, names, list(everything), exact, spec, where)
        return f"read_json({names.listing}, columns = {{{texts}}}{_hive(spec)})"

    by_file, together = {name: call(files.one(name)) for name in files.names}, call(files)
    missing = _missing(everything, spec)
    return TextFiles(files, tuple(everything), candidates, by_file, missing, together, columns.absent)


def _json_kinds(con: duckdb.DuckDBPyConnection, files: Files, spec: DataSpec, where: str) -> dict[str, str]:
    """Gives the columns of JSON files and DuckDB's types of them; none of a file without rows."""
    unread = _unread(files, files.names[0], where)
    sql = f"DESCRIBE FROM read_json({files.listing}, sample_size = -1, union_by_name = true{_hive(spec)})"
    found = {name: kind for name, kind, *_ in executed(con, sql, *unread).fetchall()}
    if {*found} - {*keys_of(files.names[0])} != {"json"}:
        return found
    rows = executed(con, f"SELECT count(*) FROM read_json_objects({files.listing})", *unread).fetchall()[0][0]
    return found if rows else {}


def _asks_for_digits(name: str, spec: DataSpec, known: Mapping[str, str]) -> bool:
    """Gives whether a column's numbers are needed as they are written, for read_json makes floats of fractions."""
    word = spec.types.get(name, "")
    if word == "text":
        return True
    fraction = re.search(r"DECIMAL\(\d+,[1-9]", known.get(name, "")) is not None
    return word.startswith("decimal") or (fraction and not word)


def _with_digits(
    con: duckdb.DuckDBPyConnection,
    files: Files,
    names: Sequence[str],
    exact: Container[str],
    spec: DataSpec,
    where: str,
) -> str:
    """Gives the SQL of a JSON file's columns as text, those that are `exact` with every digit of their numbers."""
    objects = f"read_json_objects({files.listing}{_hive(spec)})"
    keys = _hive_keys(con, objects, ["json"], spec, where)
    columns = []
    for name in names:
        key = literal(name if '"' in name else f'$."{name}"')
        text = quoted(name) if name in keys else f"json ->> {key}"
        if name in exact:
            around = f'"?{_MARK}"?' if spec.types.get(name) == "text" else _MARK  # a number, or a text for a decimal
            text = f"regexp_replace(exact ->> {key}, '{around}', '', 'g')"
        columns.append(f"{text} AS {quoted(name)}")
    quotes = f"regexp_replace(regexp_replace(json, {literal(_NUMBERS_OF_JSON)}, '\\1\"{_MARK}\\2{_MARK}\"', 'g'), "
    quotes += f"'\"{_MARK}{{2}}\"$', '')"
    return f"(SELECT {', '.join(columns)} FROM (SELECT *, {quotes} AS exact FROM {objects}))"


_MARK = "\ufdd0"  # no character, so in no text: what is a number, and not a text that looks like one
_NUMBERS_OF_JSON = r"""((?:[^"0-9-]|"(?:[^"\\]|\\.)*")*)(-?[0-9][0-9.eE+-]*|-[A-Za-z]+)?"""
"""What stands before a number, texts as a whole, and the number; at the end what is left, and none."""


def _hive(spec: DataSpec) -> str:
    return f", hive_partitioning = {str(spec.hive).lower()}{', hive_types_autocast = false' if spec.hive else ''}"


def _json_candidates(kind: str) -> tuple[str, ...]:
    if kind in _NUMBERS:
        return OF_NUMBERS
    if kind == "BOOLEAN":
        return ("BOOLEAN", "VARCHAR")
    if is_nested(kind):
        return (kind, "VARCHAR")
    return OF_TEXTS


def _refuse_same_names(names: Iterable[str], where: str) -> None:
    """Raises DataError for keys that differ in capitals alone: DuckDB gives one of them another name, and no values."""
    folded = {name.casefold(): name for name in names}
    renamed = {n: folded[m.group(1).casefold()] for n in names if (m := re.fullmatch(r"(.+)_[0-9]+", n)) is not None and
               m.group(1) not in names and m.group(1).casefold() in folded}  # fmt: skip
    if renamed:
        raise DataError(f"{where}: keys {listed(renamed.values())} occur in capitals and in small letters; rename them")
