"""What Great Expectations says of a table: one outcome for each built-in expectation, in plain words."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import great_expectations as gx
import numpy as np
from great_expectations.expectations.registry import get_expectation_impl

from ballast.errors import BallastError
from ballast.gates.great_expectations.custom import custom_class
from ballast.gates.great_expectations.families import BARE
from ballast.gates.great_expectations.views import View, view, view_as_is
from ballast.gates.own.form import Outcome
from ballast.words import SHOWN, listed, percent, plural

if TYPE_CHECKING:
    import pandas as pd

    from ballast.gates.suite import Expectation

_AS_GIVEN = ("min_value", "max_value", "sum_total", "quantile_ranges", "value_pairs_set")
"""Arguments that Great Expectations would turn into floats; they are in the column's type already."""
_ONE_AT_A_TIME = Lock()
"""Great Expectations keeps the frame that it judges in one place for all threads."""


@cache
def _batch_definition() -> Any:
    """Gives the one place in this process where frames become Great Expectations batches."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}  # type: ignore[assignment]
    asset = context.data_sources.add_pandas("ballast").add_dataframe_asset("stage")
    return asset.add_batch_definition_whole_dataframe("whole")


def judge_builtins(suite: Sequence[Expectation], frame: pd.DataFrame) -> dict[str, Outcome]:
    """Judges the built-in expectations of a suite, each on its own rows and columns of the table.

    Gives an outcome by expectation name, for those alone that Great Expectations answered. Cost: 3 to 5 s in the
    process for the first call (the import), then about 10 ms an expectation and a few passes over its columns.
    """
    found: dict[str, Outcome] = {}
    for expectation in suite:
        try:
            outcome = _judged(expectation, frame)
        except Exception as error:  # what one gate cannot judge closes it, not its neighbours
            outcome = unjudged(error)
        if outcome is not None:
            found[expectation.name] = outcome
    return found


def _judged(expectation: Expectation, frame: pd.DataFrame) -> Outcome | None:
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is looked at
        seen = _seen(expectation, frame)
    result = validated(expectation, seen)
    return None if result is None else outcome_of(expectation, result, seen)


def validated(expectation: Expectation, seen: View) -> Any:
    """Gives what Great Expectations says of a view; None where it drops the expectation."""
    make = custom_class(expectation.custom) if expectation.custom else _loosened(expectation.type)
    with np.errstate(over="ignore", invalid="ignore"):
        asked = gx.ExpectationSuite(name="gate", expectations=[make(**seen.arguments, meta={"name": expectation.name})])
        with _ONE_AT_A_TIME:
            batch = _batch_definition().get_batch(batch_parameters={"dataframe": seen.frame})
            results = batch.validate(asked, result_format="BASIC").results
    return next((found for found in results if found.expectation_config.meta["name"] == expectation.name), None)


def _seen(expectation: Expectation, frame: pd.DataFrame) -> View:
    given = expectation.arguments
    return view_as_is(given, frame) if expectation.custom else view(expectation.type, given, frame)


@cache
def _loosened(type_: str) -> Any:
    """Gives the class of an expectation, with those arguments left as they are given that it would convert."""
    made: Any = get_expectation_impl(type_)
    given = [name for name in _AS_GIVEN if name in made.__fields__]
    if not given:
        return made
    defaults = {name: made.__fields__[name].default for name in given if not made.__fields__[name].required}
    body = {"__module__": __name__, "__annotations__": dict.fromkeys(given, Any), **defaults}
    return type(made)(f"AsGiven{made.__name__}", (made,), body)


def _cannot(said: str) -> Outcome:
    return Outcome(False, {}, f"cannot be judged: {said}")


def unjudged(error: Exception) -> Outcome:
    """Gives the outcome of an expectation that raised an error."""
    return _cannot(str(error) if isinstance(error, BallastError) else _short(error))


def _short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {'; '.join(lines[:4])}"


def outcome_of(expectation: Expectation, result: Any, seen: View) -> Outcome:
    """Gives in plain words what Great Expectations says of a view."""
    raised = _exceptions(result.exception_info or {})
    if raised:
        return _cannot(f"{'; '.join(raised)} (columns: {listed(seen.frame.columns)})")
    details = result.result or {}
    arguments = {k: v for k, v in expectation.arguments.items() if k != "column" and v is not None}
    column = expectation.arguments.get("column")
    where = f"column {column!r}" if column else "the table"
    where += f" ({', '.join(f'{k}: {_said(v)}' for k, v in arguments.items())})" if arguments else ""
    counted = details.keys() & {"unexpected_count", "missing_count"}
    if expectation.custom and counted and details.get("missing_count") == details.get("element_count"):
        return _cannot(f"{where}: null in each of {plural(seen.rows, 'row')}, so there is nothing to judge")
    if not counted and _is_no_number(details.get("observed_value", 0)):
        unseen = _text(details["observed_value"], seen)
        why = _NO_DIVERGENCE if "partition_object" in arguments else _NO_NUMBER
        return _cannot(f"{where}: observed {unseen} in {plural(seen.rows, 'row')}; {why}")
    observed = {k: v for k, v in details.items() if isinstance(v, int | float | str | bool)}
    if "observed_value" in observed and seen.held is not None and seen.held.kind in ("duration", "time of day"):
        observed["observed_value"] = _text(observed["observed_value"], seen)
    passed = bool(result.success) and _within(details, seen.arguments)
    return Outcome(passed, observed, f"{where}: {_figures(expectation.type, details, seen)}")


def _within(details: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    """Whether quantiles of times lie in their ranges; Great Expectations lets them miss by a ten thousandth: days."""
    ranges = arguments.get("quantile_ranges", {}).get("value_ranges", [])
    found = details.get("observed_value") if ranges else None
    return found is None or all(
        low <= value <= high
        for value, (low, high) in zip(found["values"], ranges, strict=True)
        if not isinstance(value, float)
    )


_NO_DIVERGENCE = "the divergence is infinite: values occur that partition_object gives no weight; name them there"
_NO_NUMBER = "no bound can be held against that: there are too few values, or they are infinite or too large to add up"


def _said(value: Any) -> str:
    """Gives an argument as YAML has it, short."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_said(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{listed(map(_said, value))}]"
    return str(value) or "''"


def _is_no_number(value: Any) -> bool:
    """Whether an observed figure, or one of several, is missing, NaN or infinite."""
    if isinstance(value, Mapping):
        value = value.get("values", [])
    if isinstance(value, list | tuple):
        return any(map(_is_no_number, value))
    try:
        return value is None or not math.isfinite(value)
    except (TypeError, ValueError, OverflowError):  # a time, a text, a whole number beyond floats
        return bool(value != value)


def _exceptions(info: Mapping[str, Any]) -> list[str]:
    entries = [info] if "raised_exception" in info else [v for v in info.values() if isinstance(v, Mapping)]
    return list(dict.fromkeys(str(e.get("exception_message")) for e in entries if e.get("raised_exception")))


def _figures(type_: str, details: Mapping[str, Any], seen: View) -> str:
    if "element_count" in details and "unexpected_count" in details:
        return _counted(details, seen)
    outside, absent = details.get("partial_unexpected_list"), details.get("partial_missing_list")
    said = [f"not expected: {_examples(outside, seen)}"] if outside else []
    said += [f"not found: {_examples(absent, seen)}"] if absent else []
    if not said and details.get("observed_value") is not None:
        said = [f"observed {_text(details['observed_value'], seen)}"]
    rows = plural(seen.rows, "row")
    if type_ in BARE and not said:
        said = [f"the columns are {listed(seen.frame.columns)}"]
    return f"{'; '.join(said)}, {rows}" if said else f"as expected, {rows}"


def _counted(details: Mapping[str, Any], seen: View) -> str:
    judged = details["element_count"] - (details.get("missing_count") or 0)
    count = details["unexpected_count"]
    such = _examples(details.get("partial_unexpected_list") or [], seen)
    examples = f" (such as {such})" if count and such.strip("None, ") else ""
    nulls = f", {plural(details['missing_count'], 'null value')} left out" if details.get("missing_count") else ""
    return f"{count} of {judged} values ({percent(count, judged)}) are not as expected{examples}{nulls}"


def _examples(values: Sequence[Any], seen: View) -> str:
    return listed(list(dict.fromkeys(_text(value, seen) for value in values))[:SHOWN])


def _text(value: Any, seen: View) -> str:
    if isinstance(value, Mapping):
        value = value.get("values", value)
    if isinstance(value, list | tuple | set):
        texts = [_text(v, seen) for v in value]
        return f"({', '.join(texts)})" if isinstance(value, tuple) else ", ".join(texts[:SHOWN]) or "none"
    if seen.held is not None:
        return seen.held.text(value)
    return str(value.item() if hasattr(value, "item") else value)
