"""Expectations on rows, ids, labels and columns: they hold for any stage's table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from ballast.columns import kind_of, numbers_of
from ballast.errors import DataError
from ballast.gates.own.form import Outcome, Own, column, id_column, members, numbers
from ballast.methods.frame.parameters import Count
from ballast.methods.frame.vocabulary import flags
from ballast.words import in_words, listed, plural

if TYPE_CHECKING:
    import pandas as pd

    from ballast.gates.context import GateContext

Names = Annotated[list[str], Field(min_length=1)]


class ExpectRowCountAtLeast(Own):
    """The table has at least ``rows`` rows; with 0 it may have none, of which no other gate then asks anything."""

    on_no_rows = True
    rows: Annotated[int, Field(ge=0)]

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        n = len(frame)
        said = f"{n} rows, at least {self.rows} expected"
        remedy = "" if n >= self.rows else ": check the source, its filter and its partition"
        return Outcome(n >= self.rows, {"rows": n}, said + remedy)


class ExpectUniqueIds(Own):
    """Every row has a sample id, and no two rows the same."""

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        ids = id_column(frame, context)
        nulls, repeated = int(ids.isna().sum()), ids[ids.notna() & ids.duplicated()]
        return self.said(str(ids.name), len(ids), nulls, len(repeated), listed(repeated.unique()))

    def said(self, name: str, n: int, nulls: int, repeated: int, such: str) -> Outcome:
        """Gives the outcome of so many ids that are null, and that were there before."""
        observed = {"rows": n, "null_ids": nulls, "repeated_ids": repeated}
        if not nulls and not repeated:
            return Outcome(True, observed, f"{n} ids in column {name!r}, all present and different")
        found = [f"{nulls} null"] if nulls else []
        found += [f"{repeated} repeated (such as {such})"] if repeated else []
        return Outcome(
            False,
            observed,
            f"column {name!r} has {in_words(found)} ids in {n} rows: weights, scores and splits are "
            "joined by id; drop the duplicates and fill the ids, or name another column (id: ...)",
        )


class ExpectParentsExist(Own):
    """Every source id of a dataset, and every second parent of its synthetic rows, is a training id."""

    stages = ("sampler",)

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        train = context.ids("train")
        if train is None:
            raise DataError("the training ids are not stored, so the parents cannot be looked up; run train first")
        first = column(frame, "sample_id")
        second = frame["second_parent_id"] if "second_parent_id" in frame.columns else first
        missing = int(first.isna().sum())
        orphans = dict.fromkeys(p for ids in (first.dropna(), second.dropna()) for p in ids[~members(ids, train)])
        return self.said(len(frame), missing, len(orphans), listed(orphans), len(train))

    def said(self, n: int, missing: int, orphans: int, such: str, train: int) -> Outcome:
        """Gives the outcome of so many rows without a parent, and of so many different parents that are unknown."""
        observed = {"rows": n, "unknown_parents": orphans, "null_parents": missing}
        if not orphans and not missing:
            return Outcome(True, observed, f"all parents of {n} rows are training rows")
        such = f" (such as {such})" if orphans else ""
        return Outcome(
            False,
            observed,
            f"the dataset names {plural(orphans, 'parent id')}{such} outside the {train} training ids and "
            f"has {plural(missing, 'row')} without a parent: it was drawn from other rows; run train and this step "
            "again",
        )


class ExpectNoNullLabels(Own):
    """The label column is there, and every row has a label, or every row whose label was observed."""

    stages = ("source",)

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        if context.label is None:
            return without_label(len(frame), frame.columns, context)
        return self.said(*self.counted(frame, context), context.label)

    def counted(self, frame: pd.DataFrame, context: GateContext) -> tuple[int, int]:
        """Gives how many labels there should be, and how many of them are null or infinite."""
        labels = column(frame, str(context.label))
        if context.observed is not None:
            labels = labels[flags(column(frame, context.observed), f"column {context.observed!r}")]
        bad = labels.isna()
        if labels.dtype.kind == "f":
            bad |= np.isinf(labels)
        return len(labels), int(bad.sum())

    def said(self, n: int, bad: int, name: str) -> Outcome:
        """Gives the outcome of so many labels that are null or infinite."""
        remedy = "" if not bad else ": drop or fill those rows before they reach the pipeline"
        return Outcome(
            not bad,
            {"rows": n, "null_labels": bad},
            f"{bad} of {n} labels in column {name!r} are null or infinite{remedy}",
        )


class ExpectClassCountAtLeast(Own):
    """The label column has at least ``classes`` different values."""

    stages = ("source",)
    classes: Count = 2

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        if context.label is None:
            return without_label(len(frame), frame.columns, context)
        counts = column(frame, context.label).value_counts()
        smallest = int(counts.min()) if len(counts) else 0
        return self.said(context.label, len(frame), len(counts), smallest, listed(counts.index))

    def said(self, name: str, n: int, classes: int, smallest: int, such: str) -> Outcome:
        """Gives the outcome of so many classes, the smallest of so many rows."""
        said = f"{plural(classes, 'different label')} in {n} rows of column {name!r}"
        observed = {"classes": classes, "smallest_class": smallest}
        if classes >= self.classes:
            return Outcome(True, observed, f"{said}, at least {self.classes} expected")
        return Outcome(
            False,
            observed,
            f"{said} ({such or 'all null'}), at least {self.classes} expected: a model of fewer "
            "classes learns nothing; check the filter and the label column",
        )


def without_label(n: int, columns: Iterable[object], context: GateContext) -> Outcome:
    """Gives the outcome of a table of n rows without labels: DataError where steps need them."""
    where = context.role or context.asset
    if context.label_required:
        raise DataError(
            f"{where} names no label column, but steps need its labels; name it (label: ...), the columns are "
            f"{listed(columns)}"
        )
    return Outcome(True, {"rows": n}, f"{where} has no label column and needs none")


class ExpectNoEmptyColumns(Own):
    """No column is null in every row."""

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        empty = [str(c) for c in frame.columns if len(frame) and frame[c].isna().all()]
        return self.said(len(frame), frame.shape[1], empty)

    def said(self, n: int, d: int, found: list[str]) -> Outcome:
        """Gives the outcome of n rows and d columns of which some are empty."""
        return _columns_outcome(n, d, found, "null in every row", "empty_columns", "fill them or leave them out")


class ExpectNoConstantColumns(Own):
    """No column but the id and the label has one and the same value in every row."""

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        skipped = {context.id, context.label}
        constant = [str(c) for c in frame.columns if c not in skipped and _is_constant(frame[c])]
        return self.said(len(frame), frame.shape[1], constant)

    def said(self, n: int, d: int, found: list[str]) -> Outcome:
        """Gives the outcome of n rows and d columns of which some are constant."""
        remedy = "they do not tell rows apart; leave them out, or widen the filter that made them so"
        return _columns_outcome(n, d, found, "the same in every row", "constant_columns", remedy)


def _is_constant(values: pd.Series) -> bool:
    if len(values) < 2 or values.isna().all():
        return False
    for part in (values.iloc[:1000], values):  # a look at the head spares the pass over nearly every column
        try:
            different = part.nunique(dropna=False)
        except TypeError:  # lists and arrays do not hash
            different = part.map(repr).nunique()
        if different > 1:
            return False
    return True


def _columns_outcome(n: int, d: int, found: list[str], what: str, key: str, remedy: str) -> Outcome:
    if not found:
        return Outcome(True, {"rows": n, key: 0}, f"no column of {d} is {what} ({n} rows)")
    said = f"{len(found)} of {plural(d, 'column')} ({listed(found)}) are {what} ({n} rows): {remedy}"
    return Outcome(False, {"rows": n, key: len(found), "columns": ", ".join(found)}, said)


class ExpectNoInfiniteValues(Own):
    """No column of numbers but the label has an infinite value, which an encoder would take for a missing one."""

    stages = ("source",)

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        numeric = [c for c in frame.columns if c != context.label and kind_of(frame[c]) == "number"]
        return self.said(len(frame), {str(c): int(np.isinf(numbers_of(frame[c])).sum()) for c in numeric})

    def said(self, n: int, found: dict[str, int]) -> Outcome:
        """Gives the outcome of n rows, with the infinite values of each column of numbers."""
        hit = {c: k for c, k in found.items() if k}
        observed = {"rows": n, "columns": len(found), "infinite": sum(hit.values())}
        if not hit:
            return Outcome(True, observed, f"no infinite value in {plural(len(found), 'column')} of numbers")
        where = listed(f"{k} in {c}" for c, k in hit.items())
        return Outcome(
            False,
            observed,
            f"infinite values ({where}) in {n} rows, which count as missing and are imputed: correct them, or "
            "say what they are",
        )


class ExpectNoNumbersAsText(Own):
    """No column of text is mostly numbers: less than the share ``max_share`` of its values read as one.

    Texts with leading zeros are codes, not numbers. The id, the label and the columns under ``except`` are left out.
    """

    stages = ("source",)
    max_share: Annotated[float, Field(ge=0, le=1)] = 0.9
    left_out: list[str] = Field(default=[], alias="except")

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        skipped = {context.id, context.label, *self.left_out}
        texts = [c for c in frame.columns if c not in skipped and kind_of(frame[c]) == "category"]
        return self.said(len(frame), {str(name): numbers_in(frame[name]) for name in texts})

    def said(self, n: int, counted: Mapping[str, tuple[int, int, Collection[str]]]) -> Outcome:
        """Gives the outcome of n rows, with ``numbers_in`` of each column of text."""
        found = {}
        for name, (numeric, values, others) in counted.items():
            if numeric / values >= self.max_share:
                found[name] = f"{numeric} of {values} values" + (
                    f", all but such as {listed(map(repr, others))}" if others else ""
                )
        observed = {"rows": n, "columns": len(counted), "numbers_as_text": len(found)}
        if not found:
            return Outcome(True, observed, f"no column of text ({len(counted)}) is mostly numbers")
        told = listed((f"{name} ({said})" for name, said in found.items()), by="; ")
        return Outcome(
            False,
            observed,
            f"columns of text hold numbers: {told}: they are encoded and tested as categories; name what stands for "
            "missing (data.<role>.missing), give the type (data.<role>.types), or leave them out here (except)",
        )


def numbers_in(texts: pd.Series) -> tuple[int, int, Collection[str]]:
    """Gives how many texts read as a number, how many there are, and the others, each once."""
    values = texts.dropna().astype(str)
    numeric = are_numbers(values)
    return int(numeric.sum()), len(values), list(values[~numeric].unique())


def are_numbers(texts: pd.Series) -> pd.Series:
    """Gives (n,) truths: which texts read as a number."""
    return texts.str.strip().str.fullmatch(_NUMBER).astype(bool)


_NUMBER = r"[+-]?(0|[1-9]\d*)?([.,]\d+)?([eE][+-]?\d+)?(?<=\d)"


class ExpectFiniteValues(Own):
    """No NaN, null or infinite value in ``columns``, or in any numeric or vector column where none are named."""

    columns: Names | None = None

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        return self.said(len(frame), self.counted(frame), frame.columns)

    def counted(self, frame: pd.DataFrame) -> dict[str, int]:
        """Gives by column how many values are not finite."""
        return {c: _not_finite(frame, c) for c in self.columns or numeric(frame)}

    def said(self, n: int, bad: Mapping[str, int], columns: Iterable[object]) -> Outcome:
        """Gives the outcome of n rows, with the values of each column that are not finite."""
        if not bad:
            raise DataError(f"the table has no numeric column (its columns: {listed(columns)})")
        hit = {c: k for c, k in bad.items() if k}
        observed = {"rows": n, "columns": len(bad), "not_finite": sum(hit.values())}
        if not hit:
            return Outcome(True, observed, f"all values of {listed(bad)} are finite ({n} rows)")
        where = listed(f"{k} in {c}" for c, k in hit.items())
        return Outcome(
            False, observed, f"NaN, null or infinite values ({where}) in {n} rows: impute or drop those rows"
        )


def numeric(frame: pd.DataFrame) -> list[str]:
    """Gives the columns of numbers, truths and vectors."""
    import pandas as pd

    return [c for c in frame.columns if pd.api.types.is_numeric_dtype(frame[c]) or _is_vectors(frame[c])]


def _is_vectors(values: pd.Series) -> bool:
    return values.dtype == object and any(isinstance(v, np.ndarray | list) for v in values.dropna().head(1))


def _not_finite(frame: pd.DataFrame, name: str) -> int:
    if not _is_vectors(column(frame, name)):
        return int((~np.isfinite(numbers(frame, name))).sum())
    values = frame[name]
    nulls = values.isna()
    flat = np.concatenate(values[~nulls].tolist())
    return int(nulls.sum()) + int((~np.isfinite(flat)).sum())
