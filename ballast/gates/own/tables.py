"""Expectations on rows, ids, labels and columns: they hold for any stage's table."""

from __future__ import annotations

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
        observed = {"rows": len(ids), "null_ids": nulls, "repeated_ids": len(repeated)}
        if not nulls and not len(repeated):
            return Outcome(True, observed, f"{len(ids)} ids in column {ids.name!r}, all present and different")
        found = [f"{nulls} null"] if nulls else []
        found += [f"{len(repeated)} repeated (such as {listed(repeated.unique())})"] if len(repeated) else []
        return Outcome(
            False,
            observed,
            f"column {ids.name!r} has {in_words(found)} ids in {len(ids)} rows: weights, scores and splits are "
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
        observed = {"rows": len(frame), "unknown_parents": len(orphans), "null_parents": missing}
        if not orphans and not missing:
            return Outcome(True, observed, f"all parents of {len(frame)} rows are training rows")
        such = f" (such as {listed(orphans)})" if orphans else ""
        return Outcome(
            False,
            observed,
            f"the dataset names {plural(len(orphans), 'parent id')}{such} outside the {len(train)} training ids and "
            f"has {plural(missing, 'row')} without a parent: it was drawn from other rows; run train and this step "
            "again",
        )


class ExpectNoNullLabels(Own):
    """The label column is there, and every row has a label, or every row whose label was observed."""

    stages = ("source",)

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        if context.label is None:
            return _without_label(frame, context)
        labels = column(frame, context.label)
        if context.observed is not None:
            labels = labels[flags(column(frame, context.observed), f"column {context.observed!r}")]
        bad = labels.isna()
        if labels.dtype.kind == "f":
            bad |= np.isinf(labels)
        n_bad = int(bad.sum())
        remedy = "" if not n_bad else ": drop or fill those rows before they reach the pipeline"
        return Outcome(
            not n_bad,
            {"rows": len(labels), "null_labels": n_bad},
            f"{n_bad} of {len(labels)} labels in column {context.label!r} are null or infinite{remedy}",
        )


class ExpectClassCountAtLeast(Own):
    """The label column has at least ``classes`` different values."""

    stages = ("source",)
    classes: Count = 2

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        if context.label is None:
            return _without_label(frame, context)
        counts = column(frame, context.label).value_counts()
        said = f"{plural(len(counts), 'different label')} in {len(frame)} rows of column {context.label!r}"
        observed = {"classes": len(counts), "smallest_class": int(counts.min()) if len(counts) else 0}
        if len(counts) >= self.classes:
            return Outcome(True, observed, f"{said}, at least {self.classes} expected")
        return Outcome(
            False,
            observed,
            f"{said} ({listed(counts.index) or 'all null'}), at least {self.classes} expected: a model of fewer "
            "classes learns nothing; check the filter and the label column",
        )


def _without_label(frame: pd.DataFrame, context: GateContext) -> Outcome:
    where = context.role or context.asset
    if context.label_required:
        raise DataError(
            f"{where} names no label column, but steps need its labels; name it (label: ...), the columns are "
            f"{listed(frame.columns)}"
        )
    return Outcome(True, {"rows": len(frame)}, f"{where} has no label column and needs none")


class ExpectNoEmptyColumns(Own):
    """No column is null in every row."""

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        empty = [str(c) for c in frame.columns if len(frame) and frame[c].isna().all()]
        return _columns_outcome(frame, empty, "null in every row", "empty_columns", "fill them or leave them out")


class ExpectNoConstantColumns(Own):
    """No column but the id and the label has one and the same value in every row."""

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        skipped = {context.id, context.label}
        constant = [str(c) for c in frame.columns if c not in skipped and _is_constant(frame[c])]
        remedy = "they do not tell rows apart; leave them out, or widen the filter that made them so"
        return _columns_outcome(frame, constant, "the same in every row", "constant_columns", remedy)


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


def _columns_outcome(frame: pd.DataFrame, found: list[str], what: str, key: str, remedy: str) -> Outcome:
    n, d = len(frame), frame.shape[1]
    if not found:
        return Outcome(True, {"rows": n, key: 0}, f"no column of {d} is {what} ({n} rows)")
    said = f"{len(found)} of {plural(d, 'column')} ({listed(found)}) are {what} ({n} rows): {remedy}"
    return Outcome(False, {"rows": n, key: len(found), "columns": ", ".join(found)}, said)


class ExpectNoInfiniteValues(Own):
    """No column of numbers but the label has an infinite value, which an encoder would take for a missing one."""

    stages = ("source",)

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        numeric = [c for c in frame.columns if c != context.label and kind_of(frame[c]) == "number"]
        found = {str(c): int(np.isinf(numbers_of(frame[c])).sum()) for c in numeric}
        hit = {c: k for c, k in found.items() if k}
        observed = {"rows": len(frame), "columns": len(found), "infinite": sum(hit.values())}
        if not hit:
            return Outcome(True, observed, f"no infinite value in {plural(len(found), 'column')} of numbers")
        where = listed(f"{k} in {c}" for c, k in hit.items())
        return Outcome(
            False,
            observed,
            f"infinite values ({where}) in {len(frame)} rows, which count as missing and are imputed: correct them, or "
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
        found = {}
        for name in texts:
            values = frame[name].dropna().astype(str)
            numeric = values.str.strip().str.fullmatch(_NUMBER)
            if numeric.mean() >= self.max_share:
                others = values[~numeric].unique()
                found[str(name)] = f"{int(numeric.sum())} of {len(values)} values" + (
                    f", all but such as {listed(map(repr, others))}" if len(others) else ""
                )
        observed = {"rows": len(frame), "columns": len(texts), "numbers_as_text": len(found)}
        if not found:
            return Outcome(True, observed, f"no column of text ({len(texts)}) is mostly numbers")
        told = listed((f"{name} ({said})" for name, said in found.items()), by="; ")
        return Outcome(
            False,
            observed,
            f"columns of text hold numbers: {told}: they are encoded and tested as categories; name what stands for "
            "missing (data.<role>.missing), give the type (data.<role>.types), or leave them out here (except)",
        )


_NUMBER = r"[+-]?(0|[1-9]\d*)?([.,]\d+)?([eE][+-]?\d+)?(?<=\d)"


class ExpectFiniteValues(Own):
    """No NaN, null or infinite value in ``columns``, or in any numeric or vector column where none are named."""

    columns: Names | None = None

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        bad = {c: _not_finite(frame, c) for c in self.columns or _numeric(frame)}
        if not bad:
            raise DataError(f"the table has no numeric column (its columns: {listed(frame.columns)})")
        hit = {c: k for c, k in bad.items() if k}
        observed = {"rows": len(frame), "columns": len(bad), "not_finite": sum(hit.values())}
        if not hit:
            return Outcome(True, observed, f"all values of {listed(bad)} are finite ({len(frame)} rows)")
        where = listed(f"{k} in {c}" for c, k in hit.items())
        return Outcome(
            False, observed, f"NaN, null or infinite values ({where}) in {len(frame)} rows: impute or drop those rows"
        )


def _numeric(frame: pd.DataFrame) -> list[str]:
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
