"""Checks of what a method refuses, and how: hostile rows give a result, or a reason in the method's own words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import NotFittedError

from ballast.errors import DataError
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.testing.cases import Case
from ballast.testing.contracts import contract_or_error, holds_contract, refuses
from ballast.testing.outcomes import fitted, outcome
from ballast.testing.registry import check
from ballast.testing.world import Arguments, M, N, arguments, as_frames, each, take


@check()
def check_bad_arguments_named(case: Case) -> None:
    given, learned = arguments(case), fitted(case)
    for entry in [*case.entries, *case.cls.stream_points[:1]]:
        method = case.make() if entry == case.entries[0] else learned
        call = {name: given[name] for name in case.needs(entry) if name in given}
        for name in call:
            for fault, bad in _faults(name, call):
                try:
                    getattr(method, entry)(**{**call, name: bad})
                except Exception as error:
                    message = f"{entry} with {fault} {name}: {type(error).__name__}: {error}"
                    if not (isinstance(error, DataError) and name in str(error) and case.owner in str(error)):
                        raise AssertionError(message) from error
                else:
                    raise AssertionError(f"{entry} with {fault} {name} is accepted")


def _faults(name: str, call: Arguments) -> Iterator[tuple[str, Any]]:
    """Gives what may be wrong with an argument, each with an example."""
    value, rows = call[name], VOCABULARY[name].rows
    if rows is None:
        return
    if isinstance(value, dict):
        first, others = next(iter(value)), {k: v for k, v in call.items() if k != name}
        single = "probs" if name == "probabilities" else name.removesuffix("s")
        for fault, bad in _faults(single, {**others, single: value[first]}):
            yield fault, {**value, first: bad}
        yield "no", {}
        return
    yield "empty", value[:0]
    if sum(VOCABULARY[other].rows == rows for other in call) > 1:
        yield "too short", value[:-1]
    if isinstance(value, pd.DataFrame):
        return
    yield "three-dimensional", value.reshape(*value.shape, *[1] * (3 - value.ndim))
    if value.dtype.kind == "f":
        seen = call.get("observed")  # what rows that are not observed have may be missing
        at = 4 if seen is None or rows != "sample" else int(np.argmax(seen)) * (value.size // len(value))
        for fault in (np.nan, np.inf):
            bad = value.copy()
            bad.flat[at] = fault
            yield str(fault), bad
    if value.ndim == 2 and name.removesuffix("_target") in call and name.endswith("_target"):
        yield "too wide", np.hstack([value, value])


@check(lambda case: len(case.entries) > 1 and "X" in case.needs() and "X" in case.needs(case.entries[1]))
def check_other_columns_refused(case: Case) -> None:
    given, method, entry = arguments(case), fitted(case, as_frames), case.entries[1]
    call = {name: given[name] for name in case.needs(entry)}
    with refuses(DataError, f"{case.owner}: X has 6 column"):
        getattr(method, entry)(**{**call, "X": np.hstack([given["X"], given["X"]])})
    other = as_frames(call)
    other["X"] = other["X"][list(other["X"].columns[::-1])]
    with refuses(DataError, f"{case.owner}: X does not have the columns"):
        getattr(method, entry)(**other)


@check(lambda case: len(case.entries) > 1)
def check_not_fitted(case: Case) -> None:
    """A call before ``fit`` says so, unless the method learns nothing."""
    given = arguments(case)
    for entry in case.entries[1:]:
        call = {name: given[name] for name in case.needs(entry)}
        try:
            result = getattr(case.make(), entry)(**call)
        except NotFittedError:
            continue
        assert len(result) == N, f"{entry} before fit gave {len(result)} values for {N} rows"


@check(lambda case: "y" in case.vocabulary and not case.regression)
def check_one_class(case: Case) -> None:
    given = arguments(case)
    given["y"] = np.zeros(N, dtype=int)
    error = contract_or_error(case, given)
    if case.cls.role == "learner":
        assert error is not None, "a classifier learns from one class"
        assert "class" in str(error), f"the message does not speak of classes: {error}"


@check(lambda case: "X" in case.vocabulary)
def check_one_feature(case: Case) -> None:
    given = arguments(case, d=1)
    holds_contract(case, outcome(case, given), given)


@check()
def check_few_rows(case: Case) -> None:
    for n, m in ((1, 1), (2, 2), (3, 3), (N, 1), (1, M)):
        contract_or_error(case, take(arguments(case), np.arange(n), np.arange(m)))


@check(lambda case: "groups" in case.vocabulary)
def check_group_of_one_row(case: Case) -> None:
    given = arguments(case)
    given["groups"] = np.where(np.arange(N) == 0, "alone", given["groups"])
    if "groups_target" in given:
        given["groups_target"] = np.where(np.arange(M) == 0, "elsewhere", given["groups_target"])
    contract_or_error(case, given)


@check(lambda case: bool({"X", "table"} & set(case.vocabulary)))
def check_constant_features(case: Case) -> None:
    def constant(name: str, value: Any) -> Any:
        if name in ("X", "X_target"):
            return np.ones_like(value)
        return value.iloc[[0] * len(value)].reset_index(drop=True) if name.startswith("table") else value

    contract_or_error(case, each(arguments(case), constant))


@check(lambda case: "X" in case.vocabulary)
def check_features_of_any_scale(case: Case) -> None:
    """Numbers of a size that real columns have (incomes, rates) still give a result, or a reason."""
    for scale in (np.array([1e-6, 1.0, 1e6]), 1e-6, 1e6):
        given = each(arguments(case), lambda n, v, scale=scale: v * scale if n in ("X", "X_target") else v)
        contract_or_error(case, given)


@check(lambda case: "X" in case.vocabulary)
def check_extreme_row(case: Case) -> None:
    """A placeholder such as 99999999 in one row leaves a result, or a reason why there is none."""
    for name in ("X", "X_target"):
        given = arguments(case)
        if name in given:
            given[name] = given[name].copy()
            given[name][0] = 1e8
            contract_or_error(case, given)


@check(lambda case: "table" in case.vocabulary)
def check_columns_without_values(case: Case) -> None:
    """A column may be empty in one sample or both, or hold categories that the other lacks."""
    given = arguments(case)
    for column, value in (("income", np.nan), ("town", None), ("town", "Rome")):
        for names in (("table", "table_target"), ("table_target",)):
            without = {name: given[name].assign(**{column: value}) for name in names if name in given}
            contract_or_error(case, {**given, **without})
