"""Expectations on what one data role has in common with another: ids, columns, categories, labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from ballast.columns import canonical, kind_of, numbers_of, scale_of
from ballast.errors import DataError
from ballast.gates.own.form import Outcome, Own, column, id_column
from ballast.methods.common.tasks import task_of
from ballast.precision import coarser_of, rounded
from ballast.words import in_words, listed, percent, plural

if TYPE_CHECKING:
    import pandas as pd

    from ballast.gates.context import GateContext

_DAY = 86_400
_Share = Annotated[float, Field(ge=0, le=1)]
MOST_CATEGORIES = 40
"""Text of more different training values than this is free text, which the encoder does not turn into categories."""
REPEATED_SHARE = 0.5
"""Of a column's rows: where so many hold a number that stands there again, its numbers repeat."""
SAME_IDS_SHARE = 0.5
"""Of the ids of a role: where so many differ from another role's by capitals alone, they are the same ids."""


class BetweenRoles(Own):
    """Base of the expectations that hold a data role against those that stand under ``with``."""

    between_roles = True
    roles: Annotated[list[str], Field(min_length=1)] = Field(alias="with")

    def _absent(self, context: GateContext) -> tuple[list[str], list[str]]:
        """Gives the roles that can be looked at, and those that are not stored; only a source can do without these."""
        others = [role for role in self.roles if role != context.role]
        absent = [role for role in others if context.ids(role) is None]
        if absent and context.stage != "source":
            raise DataError(f"the rows of {in_words(absent)} are not stored; run {in_words(absent)} first")
        return [role for role in others if role not in absent], absent


def _holds(observed: dict[str, Any], said: str, absent: list[str]) -> Outcome:
    """Gives the outcome of what holds for the roles that could be looked at; `said` is empty where there were none."""
    missed = f"not compared with {in_words(absent)}: not stored yet" if absent else ""
    return Outcome(True, observed, "; ".join(filter(None, (said, missed))))


class ExpectNoSharedIds(BetweenRoles):
    """No sample id of this table is also in one of the data roles ``with``: no leakage.

    Ids are the same where they read the same, whatever their type: 7, "7" and "7 " are. A source is checked against
    those roles that are stored; the others are checked against it when they are stored.
    """

    mutual = True

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        ids = id_column(frame, context).dropna()
        here = context.role or context.asset
        there, absent = self._absent(context)
        observed, found = dict[str, Any](rows=len(ids)), []
        for role in there:
            shared, how = _shared(ids, context.ids(role))
            observed[f"shared_with_{role}"] = len(shared)
            if len(shared):
                found.append(
                    f"{len(shared)} of {len(ids)} ids of {here} ({percent(len(shared), len(ids))}) are also in {role}"
                    f"{how} (such as {listed(shared)})"
                )
        if found:
            remedy = "a model looks better on rows it was fitted on; take the shared rows out of one of the two"
            return Outcome(False, observed, f"{'; '.join(found)}: {remedy}")
        said = f"none of {len(ids)} ids of {here} is in {in_words(there, 'or')}" if there else ""
        return _holds(observed, said, absent)


def _shared(ids: pd.Series, others: Any) -> tuple[np.ndarray, str]:
    """Gives the different ids that are among others, and how they differ in writing where they do."""
    import pandas as pd

    if ids.dtype.kind in "iu" and np.asarray(others).dtype.kind in "iu":
        return ids[ids.isin(others)].unique(), ""
    left, right = (pd.Series(canonical(pd.Series(side))).str.strip() for side in (ids.to_numpy(), others))
    hit = left.isin(right).to_numpy()
    if hit.any():
        return ids[hit].unique(), ""
    folded = left.str.lower().isin(right.str.lower()).to_numpy()
    if folded.sum() >= SAME_IDS_SHARE * min(len(left), len(right)):
        return ids[folded].unique(), " but for capitals"
    return ids.to_numpy()[:0], ""


class ExpectSameSchema(BetweenRoles):
    """The features and the label of the data roles ``with`` are here, in types that mean the same.

    Further columns are allowed. One that is missing here, or holds what theirs cannot (text for numbers, fractions for
    whole numbers, moments for days, a time zone or none), closes; so does one of numbers that repeat, kept as floats
    here and as doubles there or the other way round, so that equal numbers are not equal.
    """

    stages = ("source",)

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        there, absent = self._absent(context)
        faults, n = [], 0
        for role in there:
            table = _table(context, role)
            names = _compared(table, context, role)
            n += len(names)
            lacking = [name for name in names if name not in frame.columns]
            if lacking:
                faults.append(f"{plural(len(lacking), 'column')} of {role} missing: {listed(lacking)}")
            faults += [
                f"column {name!r} {fault}"
                for name in names
                if name in frame.columns and (fault := _type_fault(table[name], frame[name], role))
            ]
        observed = {"columns": n, "faults": len(faults)}
        if faults:
            remedy = "correct the source, or say what the columns hold (data.<role>.types)"
            return Outcome(False, observed, f"{listed(faults, most=8, by='; ')} ({len(frame)} rows): {remedy}")
        said = f"the {plural(n, 'column')} of {in_words(there)} are here, and of the same types" if there else ""
        return _holds(observed, said, absent)


def _table(context: GateContext, role: str) -> pd.DataFrame:
    table = context.table(role)
    if table is None:
        raise DataError(f"the rows of {role} are not stored; run {role} first")
    return table


def _compared(table: pd.DataFrame, context: GateContext, role: str) -> list[str]:
    """Gives the columns of another role's table that this one must have: features, and a label that both name."""
    ours, theirs = context.label, context.label_of(role)
    labels = {ours, theirs} - {None}
    features = context.feature_columns(list(map(str, table.columns)), role)
    return [c for c in features if c not in labels] + ([theirs] if theirs is not None and theirs == ours else [])


def _type_fault(theirs: pd.Series, ours: pd.Series, role: str) -> str:
    """Says what a column holds that the other role's cannot; empty where it is of the same type."""
    kind, wanted = kind_of(ours), kind_of(theirs)
    if "empty" in (kind, wanted):
        return ""
    if kind != wanted:
        return f"holds {_MEANING[kind]} ({ours.dtype}) where {role}'s holds {_MEANING[wanted]} ({theirs.dtype})"
    if kind == "number" and _is_whole(theirs) and not _is_whole(ours):
        values = ours.dropna().astype(float)
        broken = values[values % 1 != 0]
        if len(broken):
            return f"holds fractions in {len(broken)} rows (such as {broken.iloc[0]}) where {role}'s are whole numbers"
    if kind == "number":
        return _precision_fault(theirs, ours, role)
    if kind != "time":
        return ""
    scale, wanted = scale_of(ours), scale_of(theirs)
    if scale != wanted:
        return f"holds {_SCALES[scale]} where {role}'s holds {_SCALES[wanted]}"
    zone, zone_there = (getattr(side.dtype, "tz", None) is not None for side in (ours, theirs))
    if zone != zone_there:
        return f"has a time zone, and {role}'s has none" if zone else f"has no time zone, and {role}'s has one"
    if scale == "instant" and theirs.dtype.kind != "M" and (numbers_of(ours.dropna()) % _DAY).any():
        return f"holds times of day (such as {ours.dropna().iloc[0]}) where {role}'s are whole days"
    return ""


def _precision_fault(theirs: pd.Series, ours: pd.Series, role: str) -> str:
    """Says that numbers which repeat differ for how they are kept alone; empty where they do not."""
    import pandas as pd

    here, there = (numbers_of(side.dropna()) for side in (ours, theirs))
    coarser = coarser_of(ours, here, theirs, there)
    if coarser is None or pd.Series(there).duplicated(keep=False).mean() < REPEATED_SHARE:
        return ""
    alike = np.isin(rounded(here, coarser), rounded(there, coarser)) & ~np.isin(here, there)
    if alike.mean() < REPEATED_SHARE:
        return ""
    share = percent(int(alike.sum()), len(here))
    which = "this one" if (rounded(here, coarser) == here).all() else f"{role}'s"
    return (
        f"({ours.dtype}) and {role}'s ({theirs.dtype}) are equal as {coarser} alone in {share} of the rows (such as "
        f"{float(here[alike][0])}), for {which} has passed through {coarser}: keep both in one type"
    )


_SCALES = {"instant": "dates or moments", "time of day": "times of day", "duration": "durations"}
_MEANING = {
    "number": "numbers",
    "truth": "true and false",
    "time": "times",
    "category": "text or categories",
    "nested": "lists or mappings",
}


def _is_whole(values: pd.Series) -> bool:
    return getattr(values.dtype, "kind", "O") in "iu"


class ExpectKnownCategories(BetweenRoles):
    """Few rows have a category that the data roles ``with`` do not have.

    By column: above the share ``warn_above`` of its rows it warns, above ``close_above`` it closes. Categories are
    texts of at most 40 different values there, truths, and columns of pandas' or DuckDB's own type for them;
    those under ``except`` are left out. Missing values do not count.
    """

    stages = ("source",)
    warn_above: _Share = 0.05
    close_above: _Share = 0.5
    left_out: list[str] = Field(default=[], alias="except")

    @model_validator(mode="after")
    def _ordered(self) -> ExpectKnownCategories:
        if self.warn_above > self.close_above:
            raise ValueError("warn_above must not be above close_above")
        return self

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        there, absent = self._absent(context)
        shares: dict[str, tuple[float, str]] = {}
        n = 0
        for role in there:
            table = _table(context, role)
            for name in context.feature_columns(list(map(str, table.columns)), role):
                if name in frame.columns and name not in self.left_out and _has_categories(table[name]):
                    n += 1
                    share, said = _unseen(table[name], frame[name], role)
                    if share > shares.get(name, (0.0, ""))[0]:
                        shares[name] = (share, said)
        worst = max(shares, key=lambda name: shares[name][0], default=None)
        observed: dict[str, Any] = {"columns": n, "largest_unseen_share": shares[worst][0] if worst else 0.0}
        over = sorted((s for s in shares if shares[s][0] > self.warn_above), key=lambda s: -shares[s][0])
        if over:
            told = listed([f"column {name!r}: {shares[name][1]}" for name in over], most=8, by="; ")
            remedy = "an encoder knows none of them; map them to known ones, or train on rows that have them"
            closes = shares[over[0]][0] > self.close_above
            return Outcome(False, observed | {"column": over[0]}, f"{told}: {remedy}", None if closes else "warn")
        share = f"{observed['largest_unseen_share']:.1%}"
        said = (
            f"{plural(n, 'column')} of categories: at most {share} of the rows of one have a category that "
            f"{in_words(there, 'or')} does not have"
        )
        return _holds(observed, said if there else "", absent)


def _has_categories(values: pd.Series) -> bool:
    import pandas as pd

    if kind_of(values) not in ("category", "truth"):
        return False
    if isinstance(values.dtype, pd.CategoricalDtype):
        return True
    return pd.Series(canonical(values)).nunique() <= MOST_CATEGORIES


def _unseen(theirs: pd.Series, ours: pd.Series, role: str) -> tuple[float, str]:
    """Gives the share of the rows with a value whose category the other role lacks, and a sentence."""
    import pandas as pd

    values = pd.Series(canonical(ours)).dropna()
    unseen = values[~values.isin(set(pd.Series(canonical(theirs)).dropna()))]
    share = len(unseen) / len(values) if len(values) else 0.0
    such = f"{len(unseen)} of {len(values)} rows ({percent(len(unseen), len(values))})" if len(values) else "no row"
    return share, f"{such} have a category that {role} does not have (such as {listed(unseen.unique())})"


class ExpectKnownLabels(BetweenRoles):
    """Every label is one that the data roles ``with`` have; labels that are numbers to regress on are not held."""

    stages = ("source", "labels")

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        import pandas as pd

        there, absent = self._absent(context)
        compared = [role for role in there if context.label is not None and context.label_of(role) is not None]
        labels_of = {role: column(_table(context, role), str(context.label_of(role))) for role in compared}
        if numbers := [role for role in compared if _are_numbers(context, labels_of[role])]:
            said = f"the labels of {in_words(numbers)} are numbers to regress on, not classes"
            return _holds({"rows": len(frame)}, said, absent)
        observed, found = dict[str, Any](rows=len(frame)), []
        for role in compared:
            theirs, ours = labels_of[role], column(frame, str(context.label))
            labels = pd.Series(canonical(ours)).dropna()
            unknown = labels[~labels.isin(set(pd.Series(canonical(theirs)).dropna()))]
            observed[f"unknown_to_{role}"] = len(unknown)
            if len(unknown):
                found.append(
                    f"{len(unknown)} of {len(labels)} labels in column {context.label!r} are unknown to {role} (such "
                    f"as {listed(unknown.unique())}; {role} has {listed(theirs.dropna().unique(), most=12)})"
                )
        if found:
            remedy = "no model can predict them: correct the labels, or train on rows of every class"
            return Outcome(False, observed, f"{'; '.join(found)}: {remedy}")
        if not compared and not absent:
            return _holds(observed, f"{context.role or context.asset} has no labels to compare", absent)
        return _holds(observed, f"all labels are among those of {in_words(compared)}" if compared else "", absent)


def _are_numbers(context: GateContext, labels: pd.Series) -> bool:
    if kind_of(labels) != "number":
        return False
    kind = context.label_kind
    return kind == "numbers" if kind is not None else task_of(numbers_of(labels.dropna())) == "regression"
