"""Expectations on what one data role has in common with another: ids, columns, categories, labels."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

import numpy as np
from pydantic import Field, model_validator

from ballast.columns import canonical, kind_of, numbers_of
from ballast.errors import DataError
from ballast.gates.own.form import Outcome, Own, column, id_column
from ballast.gates.own.types import type_fault
from ballast.methods.common.tasks import task_of
from ballast.words import in_words, listed, percent, plural

if TYPE_CHECKING:
    import pandas as pd

    from ballast.gates.context import GateContext

_Stored = TypeVar("_Stored")
_Share = Annotated[float, Field(ge=0, le=1)]
MOST_CATEGORIES = 40
"""Text of more different training values than this is free text, which the encoder does not turn into categories."""
SAME_IDS_SHARE = 0.5
"""Of the ids of a role: where so many differ from another role's by capitals alone, they are the same ids."""


class BetweenRoles(Own):
    """Base of the expectations that hold a data role against those that stand under ``with``."""

    between_roles = True
    roles: Annotated[list[str], Field(min_length=1)] = Field(alias="with")

    def compared(self, context: GateContext, is_stored: Callable[[str], bool]) -> tuple[list[str], list[str]]:
        """Gives the roles that can be looked at, and those that are not stored; only a source can do without these."""
        others = [role for role in self.roles if role != context.role]
        absent = [role for role in others if not is_stored(role)]
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
        there, absent = self.compared(context, lambda role: context.ids(role) is not None)
        shared = {role: _shared(ids, context.ids(role)) for role in there}
        told = {role: (len(values), how, listed(values)) for role, (values, how) in shared.items()}
        return self.said(context.role or context.asset, len(ids), told, absent)

    def said(self, here: str, n: int, shared: Mapping[str, tuple[int, str, str]], absent: list[str]) -> Outcome:
        """Gives the outcome of n ids, with the number of those shared with a role, how they differ, and examples."""
        observed, found = dict[str, Any](rows=n), []
        for role, (count, how, such) in shared.items():
            observed[f"shared_with_{role}"] = count
            if count:
                found.append(
                    f"{count} of {n} ids of {here} ({percent(count, n)}) are also in {role}{how} (such as {such})"
                )
        if found:
            remedy = "a model looks better on rows it was fitted on; take the shared rows out of one of the two"
            return Outcome(False, observed, f"{'; '.join(found)}: {remedy}")
        said = f"none of {n} ids of {here} is in {in_words(shared, 'or')}" if shared else ""
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
        there, absent = self.compared(context, lambda role: context.ids(role) is not None)
        tables = {role: _table(context, role) for role in there}
        theirs = {role: compared_columns(map(str, table.columns), context, role) for role, table in tables.items()}

        def fault(role: str, name: str) -> str:
            return type_fault(tables[role][name], frame[name], role)

        return self.said(len(frame), frame.columns, theirs, fault, absent)

    def said(
        self,
        rows: int,
        columns: Collection[object],
        theirs: Mapping[str, list[str]],
        fault_of: Callable[[str, str], str],
        absent: list[str],
    ) -> Outcome:
        """Gives the outcome by the columns of each role that must be here, and what is wrong with one that is."""
        faults, there, n = [], list(theirs), sum(map(len, theirs.values()))
        for role, names in theirs.items():
            lacking = [name for name in names if name not in columns]
            if lacking:
                faults.append(f"{plural(len(lacking), 'column')} of {role} missing: {listed(lacking)}")
            faults += [
                f"column {name!r} {fault}" for name in names if name in columns and (fault := fault_of(role, name))
            ]
        observed = {"columns": n, "faults": len(faults)}
        if faults:
            remedy = "correct the source, or say what the columns hold (data.<role>.types)"
            return Outcome(False, observed, f"{listed(faults, most=8, by='; ')} ({rows} rows): {remedy}")
        said = f"the {plural(n, 'column')} of {in_words(there)} are here, and of the same types" if there else ""
        return _holds(observed, said, absent)


def _table(context: GateContext, role: str) -> pd.DataFrame:
    return stored(context.table(role), role)


def stored(rows: _Stored | None, role: str) -> _Stored:
    """Gives the rows of a role; DataError where they are not there."""
    if rows is None:
        raise DataError(f"the rows of {role} are not stored; run {role} first")
    return rows


def compared_columns(columns: Iterable[str], context: GateContext, role: str) -> list[str]:
    """Gives the columns of another role's table that this one must have: features, and a label that both name."""
    ours, theirs = context.label, context.label_of(role)
    labels = {ours, theirs} - {None}
    features = context.feature_columns(list(columns), role)
    return [c for c in features if c not in labels] + ([theirs] if theirs is not None and theirs == ours else [])


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
        import pandas as pd

        there, absent = self.compared(context, lambda role: context.ids(role) is not None)
        found: list[Unseen] = []
        for role in there:
            table = _table(context, role)
            for name in context.feature_columns(list(map(str, table.columns)), role):
                if name in frame.columns and name not in self.left_out and _has_categories(table[name]):
                    known = set(pd.Series(canonical(table[name])).dropna())
                    found.append(Unseen(role, name, *unseen(known, frame[name])))
        return self.said(found, there, absent)

    def said(self, found: Sequence[Unseen], there: list[str], absent: list[str]) -> Outcome:
        """Gives the outcome by the columns of categories that were compared with each role."""
        shares: dict[str, tuple[float, str]] = {}
        n = len(found)
        for seen in found:
            if seen.share > shares.get(seen.name, (0.0, ""))[0]:
                shares[seen.name] = (seen.share, seen.said)
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


def may_have_categories(values: pd.Series) -> bool | None:
    """Says by a column's type and any one value whether it is one of categories; None: where there are few of them."""
    import pandas as pd

    if kind_of(values) not in ("category", "truth"):
        return False
    return True if isinstance(values.dtype, pd.CategoricalDtype) else None


def _has_categories(values: pd.Series) -> bool:
    import pandas as pd

    if (known := may_have_categories(values)) is not None:
        return known
    return pd.Series(canonical(values)).nunique() <= MOST_CATEGORIES


class Unseen(NamedTuple):
    """The rows of a column with a value, those of them whose category a role lacks, and these categories."""

    role: str
    name: str
    rows: int
    unknown: int
    categories: Collection[str]

    @property
    def share(self) -> float:
        return self.unknown / self.rows if self.rows else 0.0

    @property
    def said(self) -> str:
        such = f"{self.unknown} of {self.rows} rows ({percent(self.unknown, self.rows)})" if self.rows else "no row"
        return f"{such} have a category that {self.role} does not have (such as {listed(self.categories)})"


def unseen(known: Collection[Any], ours: pd.Series) -> tuple[int, int, list[str]]:
    """Gives the rows with a value, how many have one that is not known, and those values, each once."""
    import pandas as pd

    values = pd.Series(canonical(ours)).dropna()
    unknown = values[~values.isin(known)]
    return len(values), len(unknown), list(unknown.unique())


class ExpectKnownLabels(BetweenRoles):
    """Every label is one that the data roles ``with`` have; labels that are numbers to regress on are not held."""

    stages = ("source", "labels")

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        import pandas as pd

        there, absent = self.compared(context, lambda role: context.ids(role) is not None)
        compared = [role for role in there if context.label is not None and context.label_of(role) is not None]
        labels_of = {role: column(_table(context, role), str(context.label_of(role))) for role in compared}
        if numbers := [role for role in compared if _are_numbers(context, labels_of[role])]:
            return self.of_numbers(len(frame), numbers, absent)
        found = []
        for role, theirs in labels_of.items():
            known = set(pd.Series(canonical(theirs)).dropna())
            ours = Unseen(role, str(context.label), *unseen(known, column(frame, str(context.label))))
            found.append((ours, listed(theirs.dropna().unique(), most=12)))
        return self.said(len(frame), context.role or context.asset, found, absent)

    def said(self, n: int, here: str, compared: Sequence[tuple[Unseen, str]], absent: list[str]) -> Outcome:
        """Gives the outcome of n rows, by the labels that are unknown to a role and those that it has."""
        observed, found = dict[str, Any](rows=n), []
        for ours, theirs in compared:
            observed[f"unknown_to_{ours.role}"] = ours.unknown
            if ours.unknown:
                found.append(
                    f"{ours.unknown} of {ours.rows} labels in column {ours.name!r} are unknown to {ours.role} (such "
                    f"as {listed(ours.categories)}; {ours.role} has {theirs})"
                )
        if found:
            remedy = "no model can predict them: correct the labels, or train on rows of every class"
            return Outcome(False, observed, f"{'; '.join(found)}: {remedy}")
        if not compared and not absent:
            return _holds(observed, f"{here} has no labels to compare", absent)
        roles = in_words(ours.role for ours, _ in compared)
        return _holds(observed, f"all labels are among those of {roles}" if compared else "", absent)

    def of_numbers(self, n: int, roles: list[str], absent: list[str]) -> Outcome:
        """Gives the outcome of n rows where labels of some roles are numbers."""
        return _holds({"rows": n}, f"the labels of {in_words(roles)} are numbers to regress on, not classes", absent)


def _are_numbers(context: GateContext, labels: pd.Series) -> bool:
    if kind_of(labels) != "number":
        return False
    kind = context.label_kind
    return kind == "numbers" if kind is not None else task_of(numbers_of(labels.dropna())) == "regression"
