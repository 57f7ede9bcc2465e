"""Labels that come after their rows, and for some of these only: one a row, and what became of the others."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.errors import DataError
from ballast.given.kinds import said
from ballast.words import percent

LABELLED, MISSING, BLANK, CONTRADICTED = "labelled", "missing", "blank", "contradicted"
_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))(?:\.0*)?")


@dataclass(frozen=True)
class LateLabels:
    """Labels joined to rows by id.

    Attributes
    ----------
    table : a row a row: ``sample_id``, ``label`` (null where it has none) and ``state``: labelled, missing (no label
        has come), blank (what has come is empty) or contradicted (several that differ).
    counts : ``rows``, labels ``read``, rows ``labelled``, ``missing`` (all rows without one), and of these ``blank``
        and ``contradicted``; rows whose label is ``repeated``, or whose ``later`` label is taken; ids that are
        ``unknown``: of none of the rows; labels ``without_id``.
    examples : some ids of what is not as it should be, by the same names.
    """

    table: pa.Table
    counts: dict[str, int]
    examples: dict[str, list[str]] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """Gives all counts in a sentence."""
        n, there = self.counts["rows"], self.counts["labelled"]
        notes = [
            f"{self.counts[name]} {what}{self._such_as(name)}" for name, what in _WORDS.items() if self.counts[name]
        ]
        share = f"{there} of {n} rows have a label ({percent(there, n)}), {self.counts['missing']} are still without"
        come = "" if self.counts["read"] else "no labels have come yet: "
        return f"{share}; by id: {', '.join(notes)}" if notes else f"{come}{share}"

    def _such_as(self, name: str) -> str:
        return f" (such as {', '.join(self.examples[name])})" if self.examples.get(name) else ""


_WORDS = {
    "repeated": "repeated and counted once",
    "later": "with several labels, of which the latest counts",
    "contradicted": "with labels that contradict each other, not counted",
    "blank": "with a blank label",
    "unknown": "of none of these rows",
    "without_id": "labels without an id",
}


def joined(
    ids: pa.ChunkedArray, found: pa.Table | None, label_type: pa.DataType, where: str = "labels_from"
) -> LateLabels:
    """Gives each of the rows `ids` its label in a table of ``id``, ``label`` and, if it says what is later, ``time``.

    No row is repeated or left out. Ids are held to the type of `ids`: where these are whole numbers, "1" and "1.0" are
    the row 1, and "01" is of no row. ``label_type`` is that of the labels where there is no table yet.

    Raises DataError for rows whose own ids repeat, and for a time that is neither a number nor a time.
    """
    rows = pd.Index(ids.to_numpy())
    if not rows.is_unique:
        raise DataError(f"{where}: ids of the rows repeat (such as {rows[rows.duplicated()][0]!r}); make them unique")
    if found is None:
        none = pa.table({"id": pa.nulls(0, ids.type), "label": pa.nulls(0, label_type)})
        return joined(ids, none, label_type, where)
    at, codes = _positions(rows, found.column("id"), ids.type), _codes(found.column("label"))
    mine = pd.DataFrame({"row": at, "code": codes, "entry": np.arange(len(at))})
    if "time" in found.column_names:
        mine["time"] = _times(found.column("time"), where).to_numpy()
    there = mine[(mine["row"] >= 0) & (mine["code"] >= 0)]
    taken, later, contradicted = _one_each(there)
    state = np.full(len(rows), MISSING, dtype=object)
    state[mine["row"][mine["row"] >= 0]] = BLANK
    state[contradicted] = CONTRADICTED
    state[taken["row"]] = LABELLED
    entries = np.full(len(rows), -1)
    entries[taken["row"]] = taken["entry"]
    label = found.column("label").combine_chunks().take(pa.array(entries, mask=entries < 0))
    sizes = there.groupby("row").size()
    repeated = np.setdiff1d(sizes.index[sizes > 1].to_numpy(), np.concatenate([later, contradicted]))
    written = found.column("id")
    unknown = pd.unique(_texts(written.filter(pa.array((at < 0) & np.asarray(written.is_valid())))))
    counts = {
        "rows": len(rows),
        "read": len(found),
        LABELLED: len(taken),
        MISSING: len(rows) - len(taken),
        "repeated": len(repeated),
        "later": len(later),
        CONTRADICTED: len(contradicted),
        BLANK: int((state == BLANK).sum()),
        "unknown": len(unknown),
        "without_id": written.null_count,
    }
    examples = {
        CONTRADICTED: _some(rows[contradicted]),
        BLANK: _some(rows[state == BLANK]),
        "unknown": _some(unknown),
    }
    return LateLabels(pa.table({"sample_id": ids, "label": label, "state": pa.array(state)}), counts, examples)


def _one_each(there: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Gives an entry for each row that has one label, the rows whose later label that is, and those without one.

    Of labels that differ the later counts, where every one has its time and those of the latest time agree.
    """
    differ = there.groupby("row")["code"].transform("nunique") > 1
    disputed = there[differ]
    latest = disputed.iloc[:0]
    if "time" in disputed and len(disputed):
        of_row = disputed.groupby("row")["time"]
        sure = ~disputed["time"].isna().groupby(disputed["row"]).transform("any")
        latest = disputed[sure & (disputed["time"] == of_row.transform("max"))]
        latest = latest[latest.groupby("row")["code"].transform("nunique") == 1]
    taken = pd.concat([there[~differ], latest]).drop_duplicates("row")
    later = np.unique(latest["row"])
    return taken, later, np.setdiff1d(disputed["row"], later)


def _positions(rows: pd.Index, ids: pa.ChunkedArray, wanted: pa.DataType) -> np.ndarray:
    """Gives (n,) the row of each id, -1 where it is of none."""
    if ids.type != wanted:
        ids = _numbers(ids) if pa.types.is_integer(wanted) else ids.cast(wanted)
    there = np.asarray(ids.is_valid())
    found = np.full(len(ids), -1)
    found[there] = rows.get_indexer(pd.Index(ids.drop_null().to_numpy()))
    return found


def _numbers(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """Gives texts that are whole numbers as int64, null for all others."""
    found = [_WHOLE.fullmatch(text) if text is not None else None for text in ids.to_pylist()]
    numbers = [int(whole.group(1)) if whole else None for whole in found]
    fit = [n if n is not None and -(2**63) <= n < 2**63 else None for n in numbers]
    return pa.chunked_array([pa.array(fit, pa.int64())])


def _codes(labels: pa.ChunkedArray) -> np.ndarray:
    """Gives (n,) a number that is the same where labels are, -1 where there is none."""
    if pa.types.is_dictionary(labels.type):
        labels = labels.cast(labels.type.value_type)
    coded = labels.combine_chunks().dictionary_encode().indices
    return coded.fill_null(-1).to_numpy(zero_copy_only=False)


def _times(times: pa.ChunkedArray, where: str) -> pd.Series:
    kind = times.type
    if times.null_count == len(times):
        return pd.Series(np.full(len(times), np.nan))
    if not (pa.types.is_temporal(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise DataError(
            f"{where}.time: the column holds {said(kind)} (such as {times.drop_null()[0].as_py()!r}), which does not "
            "say what is later; give it a type (`types: {<column>: timestamp}`, or `options: {date_format: ...}`)"
        )
    return (times.cast(pa.timestamp("s")) if pa.types.is_date(kind) else times).to_pandas()


def _texts(ids: pa.ChunkedArray) -> np.ndarray:
    return ids.cast(pa.string()).to_numpy()


def _some(ids: Iterable[Any]) -> list[str]:
    return [str(one) for one in list(ids)[:3]]
