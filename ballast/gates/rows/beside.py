"""Ballast's expectations on a table and others beside it, over the rows of all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.columns import kind_of, numbers_of
from ballast.compute.states.counts import LIMIT, Counts
from ballast.errors import DataError
from ballast.gates.own import predictions, roles, tables, types
from ballast.gates.own.form import Outcome, column
from ballast.gates.rows.table import (
    RowsContext,
    RowTable,
    field_of,
    frames,
    ordered,
    sample,
    some,
    there,
    values_of,
    without_rows,
)
from ballast.methods.common.tasks import MANY_VALUES
from ballast.precision import coarser_of
from ballast.words import SHOWN

_BLANKS = "".join(char for char in map(chr, range(0x3001)) if char.isspace())
"""What str.strip takes away."""
_UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def parents_exist(expectation: tables.ExpectParentsExist, table: RowTable, context: RowsContext) -> Outcome:
    train = context.rows("train")
    if train is None:
        raise DataError("the training ids are not stored, so the parents cannot be looked up; run train first")
    names = [n for n in ("sample_id", "second_parent_id") if n == "sample_id" or n in table.schema.names]
    key, fields = context.id_of("train"), [field_of(table, name) for name in names]
    known = _same_key(fields, field_of(train, key))
    parents = " UNION ALL ".join(
        f"SELECT {there(field, f'x{i}')} AS v, row_number() OVER () + {i * len(table)} AS p FROM rows"
        for i, field in enumerate(fields)
    )
    orphans = (
        f"(SELECT v, min(p) AS p FROM ({parents}) WHERE v IS NOT NULL AND {known.format(v='v')} NOT IN "
        f"(SELECT {known.format(v='{id}')} FROM train WHERE {{id}} IS NOT NULL) GROUP BY v)"
    )
    columns = {f"x{i}": name for i, name in enumerate(names)} | {"id": key}
    (counts,) = table.ask(
        f"SELECT (SELECT count(*) FROM rows WHERE ({there(fields[0], 'x0')}) IS NULL) AS missing, "
        f"(SELECT count(*) FROM {orphans}) AS orphans",
        columns,
        others={"train": train},
    ).to_pylist()
    such = ""
    if counts["orphans"]:
        first = table.ask(f"SELECT v FROM {orphans} ORDER BY p LIMIT {SHOWN}", columns, others={"train": train})
        such = some(values_of(table, first, "sample_id"), counts["orphans"])
    return expectation.said(len(table), counts["missing"], counts["orphans"], such, len(train))


def _same_key(ours: list[pa.Field], theirs: pa.Field) -> str:
    """Gives the SQL by which ids of a few types are the same where ``members`` says so, of {v}."""
    kinds = {_id_kind(field) for field in (*ours, theirs)}
    return "{v}" if len(kinds) == 1 else "CAST({v} AS VARCHAR)"


def _id_kind(field: pa.Field) -> str:
    """Gives "numbers", "text" or "UUIDs"; DataError for ids of another type."""
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if pa.types.is_integer(kind):
        return "numbers"
    if isinstance(kind, pa.UuidType):
        return "UUIDs"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    raise DataError(
        f"ids in column {field.name!r} are {field.type}, and over rows beyond memory only text, whole numbers and "
        "UUIDs are compared; give the ids one of these types"
    )


def no_shared_ids(expectation: roles.ExpectNoSharedIds, table: RowTable, context: RowsContext) -> Outcome:
    stored, absent = expectation.compared(context, lambda role: context.rows(role) is not None)
    name = context.id or "sample_id"
    field = field_of(table, name)
    n = table.ask(f"SELECT count({there(field)}) AS n FROM rows", {"x": name})["n"][0].as_py()
    shared = {
        role: _shared(table, name, roles.stored(context.rows(role), role), context.id_of(role)) for role in stored
    }
    return expectation.said(context.role or context.asset, n, shared, absent)


def _shared(table: RowTable, name: str, others: RowTable, key: str) -> tuple[int, str, str]:
    """Gives how many different ids are among others, how they differ in writing where they do, and the first of them.

    As ``ballast.gates.own.roles`` has it: whole numbers by value, else texts without the blanks around them, and where
    none is the same, without capitals.
    """
    field, theirs = field_of(table, name), field_of(others, key)
    if {_id_kind(field), _id_kind(theirs)} == {"numbers"}:
        return _found(table, field, others, key, lambda value: value)
    found = _found(table, field, others, key, _as_read)
    if found[0]:
        return found
    hit = _among(field, lambda value: f"lower({_as_read(value)})")
    asked = f"SELECT count(*) AS n, (SELECT count({there(field)}) FROM rows) AS ids FROM {hit}"
    columns = {"x": name, "id": key}
    (counts,) = table.ask(asked, columns, _READ * 2, {"other": others}).to_pylist()
    if not counts["n"] or counts["n"] < roles.SAME_IDS_SHARE * min(counts["ids"], len(others)):
        return 0, "", ""
    count, _, such = _found(table, field, others, key, lambda value: f"lower({_as_read(value)})")
    return count, " but for capitals", such


_READ = [_UUID, _BLANKS]
"""The values of ``_as_read``."""


def _as_read(value: str) -> str:
    """Gives the SQL of an id's text: UUIDs in lower case, without the blanks around it."""
    text = f"CAST({value} AS VARCHAR)"
    return f"trim(CASE WHEN length({text}) = 36 AND regexp_full_match({text}, ?) THEN lower({text}) ELSE {text} END, ?)"


def _among(field: pa.Field, form: Callable[[str], str]) -> str:
    """Gives the SQL of the ids v, each at its position p, that are among those of another table."""
    return f"{ordered(field)} WHERE {form('v')} IN (SELECT {form('{id}')} FROM other WHERE {{id}} IS NOT NULL)"


def _found(
    table: RowTable, field: pa.Field, others: RowTable, key: str, form: Callable[[str], str]
) -> tuple[int, str, str]:
    hits = f"SELECT v, min(p) AS p FROM {_among(field, form)} GROUP BY v"
    asked = f"SELECT v, count(*) OVER () AS n FROM ({hits}) ORDER BY p LIMIT {SHOWN}"
    values = _READ * 2 if "?" in asked else []
    answer = table.ask(asked, {"x": field.name, "id": key}, values, {"other": others})
    count = answer["n"][0].as_py() if len(answer) else 0
    return count, "", some(values_of(table, answer, field.name), count)


def same_schema(expectation: roles.ExpectSameSchema, table: RowTable, context: RowsContext) -> Outcome:
    there_, absent = expectation.compared(context, lambda role: context.rows(role) is not None)
    others = {role: roles.stored(context.rows(role), role) for role in there_}
    theirs = {role: roles.compared_columns(other.schema.names, context, role) for role, other in others.items()}

    def fault(role: str, name: str) -> str:
        return _type_fault(others[role], table, name, role)

    return expectation.said(len(table), table.schema.names, theirs, fault, absent)


def _type_fault(others: RowTable, table: RowTable, name: str, role: str) -> str:
    theirs, ours = sample(others, name), sample(table, name)
    if fault := types.kind_fault(theirs, ours, role):
        return fault
    kind = kind_of(ours)
    if "empty" in (kind, kind_of(theirs)):
        return ""
    if kind == "number" and types.is_whole(theirs) and not types.is_whole(ours):
        found = [types.broken_of(frame[name]) for frame in frames(table, [name])]
        count = sum(n for n, _ in found)
        if count:
            return types.fractions(count, next(such for n, such in found if n), role)
    if kind == "number":
        return _precision_fault(others, table, name, role, theirs, ours)
    if (
        kind == "time"
        and types.whole_days(theirs)
        and any((numbers_of(frame[name].dropna()) % types.DAY).any() for frame in frames(table, [name]))
    ):
        return types.moments(ours.dropna().iloc[0], role)
    return ""


def _precision_fault(
    others: RowTable, table: RowTable, name: str, role: str, theirs: pd.Series, ours: pd.Series
) -> str:
    """Says what ``types.passed_through`` does, from SQL."""
    fits = [_fits_float(side, name) for side in (table, others)]
    ends = [np.array([1.0 if fit else 1 / 3]) for fit in fits]
    coarser = coarser_of(ours, ends[0], theirs, ends[1])
    if coarser is None:
        return ""
    if coarser != np.float32:
        raise DataError(f"column {name!r} is {coarser} here or in {role}, which SQL does not round to; keep both alike")
    values = "CAST(" + there(others.schema.field(name)) + " AS DOUBLE)"
    repeated = others.ask(
        f"SELECT coalesce(sum(n) FILTER (n > 1) / sum(n), 0) AS share FROM "
        f"(SELECT {values} AS v, count(*) AS n FROM rows GROUP BY v) WHERE v IS NOT NULL",
        {"x": name},
    )["share"][0].as_py()
    if repeated < types.REPEATED_SHARE:
        return ""
    own = "CAST(" + there(table.schema.field(name)) + " AS DOUBLE)"
    (found,) = table.ask(
        f"WITH other_values AS (SELECT DISTINCT {values} AS v FROM other), "
        f"rounded AS (SELECT DISTINCT TRY_CAST(v AS FLOAT) AS r FROM other_values), "
        f"ours AS (SELECT {own} AS v, row_number() OVER () AS p FROM rows) "
        f"SELECT count(*) AS n, count(*) FILTER (alike) AS alike, arg_min(v, p) FILTER (alike) AS such FROM ("
        f"SELECT v, p, TRY_CAST(v AS FLOAT) IN (SELECT r FROM rounded WHERE r IS NOT NULL) AND v NOT IN "
        f"(SELECT v FROM other_values WHERE v IS NOT NULL) AS alike FROM ours WHERE v IS NOT NULL)",
        {"x": name},
        others={"other": others},
    ).to_pylist()
    if found["alike"] < types.REPEATED_SHARE * found["n"]:
        return ""
    return types.passed_through(theirs, ours, role, coarser, found["alike"], found["n"], found["such"], fits[0])


def _fits_float(table: RowTable, name: str) -> bool:
    """Whether all numbers of a column are floats' numbers."""
    value = "CAST(" + there(table.schema.field(name)) + " AS DOUBLE)"
    asked = (
        f"SELECT bool_and(coalesce(CAST(TRY_CAST(v AS FLOAT) AS DOUBLE) = v, false)) AS fits FROM (SELECT {value} AS v "
    )
    return bool(table.ask(f"{asked} FROM rows) WHERE v IS NOT NULL", {"x": name})["fits"][0].as_py())


def known_categories(expectation: roles.ExpectKnownCategories, table: RowTable, context: RowsContext) -> Outcome:
    stored, absent = expectation.compared(context, lambda role: context.rows(role) is not None)
    found = []
    for role in stored:
        other = roles.stored(context.rows(role), role)
        names = context.feature_columns(other.schema.names, role)
        known = {
            name: texts
            for name in names
            if name in table.schema.names and name not in expectation.left_out
            if (texts := _categories(other, name)) is not None
        }
        counted = _unseen(table, known)
        found += [roles.Unseen(role, name, *counted[name]) for name in known]
    return expectation.said(found, stored, absent)


def _categories(table: RowTable, name: str) -> Mapping[str, int] | None:
    """Gives the categories of a column; None of one that is not of categories."""
    known = roles.may_have_categories(sample(table, name))
    if known is False:
        return None
    counts = _counted(table, name, LIMIT if known else roles.MOST_CATEGORIES)
    return None if counts.too_many and not known else counts.counts


def _counted(table: RowTable, name: str, limit: int = LIMIT) -> Counts:
    counts = Counts(limit)
    for batch in table.batches([name]):
        counts.add(batch.column(0))
        if counts.too_many:
            break
    return counts


def _unseen(table: RowTable, known: Mapping[str, Any]) -> dict[str, tuple[int, int, list[str]]]:
    """Gives ``roles.unseen`` of some columns, by the categories that are known of each."""
    rows, counts = dict.fromkeys(known, 0), dict.fromkeys(known, 0)
    such: dict[str, dict[str, None]] = {name: {} for name in known}
    for frame in frames(table, list(known)) if known else ():
        for name, categories in known.items():
            n, count, texts = roles.unseen(categories, frame[name])
            rows[name], counts[name] = rows[name] + n, counts[name] + count
            such[name] |= dict.fromkeys(texts)
    return {name: (rows[name], counts[name], list(such[name])) for name in known}


def known_labels(expectation: roles.ExpectKnownLabels, table: RowTable, context: RowsContext) -> Outcome:
    stored, absent = expectation.compared(context, lambda role: context.rows(role) is not None)
    compared = {
        role: (roles.stored(context.rows(role), role), str(context.label_of(role)))
        for role in stored
        if context.label is not None and context.label_of(role) is not None
    }
    for other, label in compared.values():
        column(without_rows(other), label)
    if numbers := [role for role, (other, label) in compared.items() if _are_numbers(context, other, label)]:
        return expectation.of_numbers(len(table), numbers, absent)
    ours = str(context.label)
    found = []
    for role, (other, label) in compared.items():
        column(without_rows(table), ours)
        counts = _unseen(table, {ours: _counted(other, label).counts})[ours]
        such = ""
        if counts[1]:
            different = f"(SELECT v, min(p) AS p FROM {ordered(field_of(other, label))} GROUP BY v)"
            n = other.ask(f"SELECT count(*) AS n FROM {different}", {"x": label})["n"][0].as_py()
            first = other.ask(f"SELECT v FROM {different} ORDER BY p LIMIT 12", {"x": label})
            such = some(values_of(other, first, label), n, 12)
        found.append((roles.Unseen(role, ours, *counts), such))
    return expectation.said(len(table), context.role or context.asset, found, absent)


def _are_numbers(context: RowsContext, table: RowTable, label: str) -> bool:
    if kind_of(sample(table, label)) != "number":
        return False
    if context.label_kind is not None:
        return context.label_kind == "numbers"
    value = there(field_of(table, label))
    asked = f"SELECT count(*) AS n FROM (SELECT DISTINCT CAST({value} AS DOUBLE) AS v FROM rows) WHERE v IS NOT NULL"
    return table.ask(asked, {"x": label})["n"][0].as_py() > MANY_VALUES


def prediction_shift(
    expectation: predictions.ExpectPredictionShiftBelow, table: RowTable, context: RowsContext
) -> Outcome:
    column(without_rows(table), "prediction")
    before = context.previous_rows()
    if before is None:
        return Outcome(True, {"rows": len(table)}, "the first version of these predictions: none is before it")
    version, older = before
    column(without_rows(older), "prediction")
    return expectation.said(len(table), len(older), version, partial(_effect, table, older))


def _effect(now: RowTable, then: RowTable) -> tuple[float, str]:
    kinds = {kind_of(sample(side, "prediction")) for side in (now, then)}
    if kinds == {"number"}:
        effect = _distance(now, then)
        if effect is not None:
            return effect
    counts = pd.DataFrame(
        {"now": _counted(now, "prediction").counts, "then": _counted(then, "prediction").counts}, dtype=float
    )
    return predictions.effect_of_classes(counts.fillna(0).astype(int).sort_index())


def _distance(now: RowTable, then: RowTable) -> tuple[float, str] | None:
    """Gives the largest distance of two distribution functions; None where there are few different values."""
    values = [f"SELECT CAST({there(side.schema.field('prediction'))} AS DOUBLE) AS v" for side in (now, then)]
    (found,) = now.ask(
        f"WITH both_sides AS ({values[0]}, 1 AS now, 0 AS old FROM rows UNION ALL {values[1]}, 0, 1 FROM older), "
        "counts AS (SELECT v, sum(now) AS now, sum(old) AS old FROM both_sides GROUP BY v), "
        "sums AS (SELECT v, sum(now) OVER up AS now, sum(old) OVER up AS old FROM counts WINDOW up AS (ORDER BY v)), "
        "ends AS (SELECT sum(now) AS now, sum(old) AS old, sum(v * now) / sum(now) AS mean_now, "
        "sum(v * old) / sum(old) AS mean_old, count(v) AS k, "
        "coalesce(sum(now) FILTER (v IS NULL), 0) > 0 AS lacks_now, "
        "coalesce(sum(old) FILTER (v IS NULL), 0) > 0 AS lacks_old FROM counts) "
        "SELECT k, lacks_now, lacks_old, mean_now, mean_old, "
        "(SELECT max(abs(sums.now / ends.now - sums.old / ends.old)) FROM sums) AS distance FROM ends",
        {"x": "prediction"},
        others={"older": then},
    ).to_pylist()
    if found["k"] <= predictions.MANY_NUMBERS:
        return None
    distance = math.nan if found["lacks_now"] or found["lacks_old"] else float(found["distance"])
    means = (math.nan if found[f"lacks_{side}"] else found[f"mean_{side}"] for side in ("old", "now"))
    return distance, predictions.moved(distance, *means)
