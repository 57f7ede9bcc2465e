"""What an expectation asks for, in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ballast.gates.suite import OWN, Expectation
from ballast.words import in_words, listed, percent, shown, spaced

_LONGEST = 8  # values of a set that are named


def sentence_of(expectation: Expectation) -> str:
    """Gives a sentence of what an expectation asks for, and what comes of a failure.

    Examples
    --------
    >>> print(sentence_of(Expectation("expect_column_values_to_be_between", {"column": "age", "min_value": 0})))
    The values of column age are at least 0. A failure closes the gate.
    """
    said = _own(expectation) if expectation.is_own else _built_in(expectation.type, dict(expectation.arguments))
    fate = "A failure closes the gate" if expectation.severity == "error" else "A failure is a warning"
    return f"{said}. {fate}."


def _own(expectation: Expectation) -> str:
    """Gives the first line of an expectation of Ballast's, its arguments in place of their names."""
    if expectation.type in _EITHER:
        return _EITHER[expectation.type](expectation.arguments)
    line = (OWN[expectation.type].__doc__ or "").strip().split("\n")[0].rstrip(".").split(": ``{")[0]
    fields = OWN[expectation.type].model_fields
    given = {f.alias or name: f.default for name, f in fields.items() if not f.is_required()} | expectation.arguments
    given = {name: value for name, value in given.items() if value is not None}
    for name in list(given):
        if f"``{name}``" in line:
            line = line.replace(f"``{name}``", _value(given.pop(name)))
    line = re.sub(r"(, or)? in ``(\w+)``,? or", "", line).replace("``", "")
    more = [f"{spaced(name)} {_value(value)}" for name, value in given.items() if value]
    return f"{line} ({', '.join(more)})" if more else line


def _sample_size(given: Mapping[str, Any]) -> str:
    parts = [f"{_value(given[name])} {of}" for name, of in (("min_size", "rows"), ("min_share", "of all rows"))
             if given.get(name) is not None]  # fmt: skip
    return f"The weights' effective sample size is at least {in_words(parts)}"


def _range(given: Mapping[str, Any]) -> str:
    return f"Every weight is {_bounds({'min_value': given.get('min'), 'max_value': given.get('max')})}"


def _drift(given: Mapping[str, Any]) -> str:
    parts = [
        f"{what} {_value(given[name])}"
        for name, what in (("max_effect_size", "an effect size of at most"), ("min_p_value", "a p-value of at least"))
        if given.get(name) is not None
    ]
    of = f"column {given['feature']}" if given.get("feature") else "what was tested"
    but = f" (but {_value(given['except'])})" if given.get("except") else ""
    return f"The shift of {of} is small: {in_words(parts, 'or')}{but}"


def _metric(given: Mapping[str, Any]) -> str:
    of = f" of {given['model']}" if given.get("model") else ""
    where = f" in slice {given['slice']}" if given.get("slice") else ""
    parts = [
        f"{how} {'that of ' + str(bound.get('model')) if isinstance(bound, Mapping) else bound}"
        for name, how in (("at_least", "at least"), ("at_most", "at most"))
        if (bound := given.get(name)) is not None
    ]
    within = f", within {given['margin']}" if given.get("margin") else ""
    return f"The {spaced(given['name'])}{of}{where} is {in_words(parts)}{within}"


_EITHER: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "expect_effective_sample_size": _sample_size,
    "expect_weight_range": _range,
    "expect_drift_below": _drift,
    "expect_metric": _metric,
}
"""The words of those that ask for one thing or another."""


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return in_words(f"{spaced(key)} {inner}" for key, inner in value.items())
    if isinstance(value, list | tuple | set):
        return listed(value, _LONGEST) or "none"
    return str(value) if isinstance(value, str | int | float) and len(str(value)) <= 80 else shown(value)


def _built_in(name: str, given: dict[str, Any]) -> str:
    """Gives the words of the name of an expectation of Great Expectations, with its arguments put between them."""
    words = name.removeprefix("expect_")
    if words == "column_pair_values_a_to_be_greater_than_b" and {"column_A", "column_B"} <= given.keys():
        return f"The values of column {given['column_A']} are greater than those of column {given['column_B']}"
    of, plural = _subject(words, given)
    words = re.sub(r"^(select_column|compound_columns|multicolumn|column_pair|columns?|table)_?", "", words)
    what, _, asked = words.partition("to_") if not words.startswith("to_") else ("", "", words.removeprefix("to_"))
    what = spaced(what).strip()
    if what:
        plural = what.endswith("s") and not what.startswith("proportion")
        of = f"the {what} of {of}"
    said = [of, _verb(asked, given, plural=plural)]
    if (share := given.pop("mostly", None)) is not None:
        said.append(f"in at least {percent(share, 1)} of the rows")
    if (condition := given.pop("row_condition", None)) is not None:
        said.append(f"where {condition}")
    rest = [f"{spaced(key)} {_value(value)}" for key, value in given.items() if value is not None]
    said_all = " ".join(said) + (f" ({', '.join(rest)})" if rest else "")
    return said_all[:1].upper() + said_all[1:]


def _subject(words: str, given: dict[str, Any]) -> tuple[str, bool]:
    """Gives what an expectation is about, and whether that is more than one thing."""
    if "column" in given:
        return f"column {given.pop('column')}", False
    if "column_A" in given and "column_B" in given:
        return f"columns {given.pop('column_A')} and {given.pop('column_B')}", True
    if "column_list" in given and not words.startswith("table"):
        return f"columns {in_words(given.pop('column_list'))}", True
    return "the table", False


def _verb(asked: str, given: dict[str, Any], *, plural: bool) -> str:
    be, have = ("are", "match") if plural else ("is", "matches")
    negated = asked.startswith("not_")
    asked = asked.removeprefix("not_")
    if asked == "exist":
        return "is there"
    if asked.startswith("be_between"):
        return f"{be} {_bounds(given)}"
    if asked == "be":
        return f"is {_object('', given)}"
    if asked.startswith("be_"):
        return f"{be}{' not' if negated else ''} {_object(asked.removeprefix('be_'), given)}"
    if asked.startswith("match_"):
        verb = f"do{'' if plural else 'es'} not match" if negated else have
        return f"{verb} {_object(asked.removeprefix('match_'), given)}"
    first, _, rest = asked.partition("_")
    return f"{first if plural else f'{first}s'} {_object(rest, given)}".strip()


_HOLDING = ("value_set", "regex", "regex_list", "strftime_format", "type_", "type_list", "value", "column_set",
            "column_list", "value_pairs_set", "sum_total", "threshold")  # fmt: skip
"""Arguments that are what the words ask for, so that their names need not be said."""


def _object(words: str, given: dict[str, Any]) -> str:
    words = spaced(words).replace("type list", "one of the types").replace("regex list", "the expressions")
    words = words.replace("in set", "in the set").replace("regex", "the expression")
    held = [_value(given.pop(name)) for name in _HOLDING if given.get(name) is not None]
    return f"{words} {', '.join(held)}".strip()


def _bounds(given: dict[str, Any]) -> str:
    low, high = given.pop("min_value", None), given.pop("max_value", None)
    above, below = (bool(given.pop(name, False)) for name in ("strict_min", "strict_max"))
    if low is not None and high is not None and not above and not below:
        return f"from {low} to {high}"
    parts = [f"{'above' if above else 'at least'} {low}"] if low is not None else []
    parts += [f"{'below' if below else 'at most'} {high}"] if high is not None else []
    return in_words(parts) or "within the bounds"
