"""What a suite of a pipeline's YAML means: its entries as expectations, or an error that names the right word."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import ValidationError

from ballast.errors import SpecError, nearest
from ballast.gates.great_expectations.asks import check_asks
from ballast.gates.great_expectations.builtin import UNUSABLE, builtin_arguments, builtin_names
from ballast.gates.great_expectations.conditions import columns_of, parse_condition
from ballast.gates.great_expectations.custom import check_custom, custom_arguments, custom_name
from ballast.gates.great_expectations.files import entry_of, items_of, named
from ballast.gates.own import predictions, promotion, reports, roles, tables, weights
from ballast.gates.own.form import Own
from ballast.methods.frame.closure import digest
from ballast.stages import GATED, STAGES
from ballast.words import in_words, one_line, plural, shown

Severity = Literal["error", "warn"]
"""What a failure does: "error" closes the gate, "warn" is shown and lets pass."""

OWN: Mapping[str, type[Own]] = {
    cls.type(): cls
    for module in (tables, roles, weights, reports, predictions, promotion)
    for cls in vars(module).values()
    if isinstance(cls, type) and issubclass(cls, Own) and cls.__name__.startswith("Expect")
}
"""Ballast's own expectations by their name in YAML."""

COLUMNS: Mapping[str, tuple[str, ...]] = {name: STAGES[name].columns for name in GATED if STAGES[name].columns}
"""The columns of each kind of stage; a dataset of a sampler may lack the last two. Sources have whatever they have."""

_NAMING = ("column", "column_A", "column_B", "column_list", "column_set", "columns")
"""Arguments that name columns of the table."""

_TELLING = ("column", "column_A", "column_B", "column_list", "feature", "with", "name", "model", "slice")
"""Arguments that tell expectations of one type apart; their values go into the name."""


_NUMBERS = frozenset(
    (
        "weight",
        "score",
        "value",
        "low",
        "high",
        "n",
        "statistic",
        "p_value",
        "adjusted_p_value",
        "threshold",
        "effect_size",
    )
)
"""Columns of stages' tables that hold numbers, so that a date or a text cannot be a bound on them."""


@dataclass(frozen=True)
class Expectation:
    """One entry of a suite.

    Attributes
    ----------
    type : the expectation's name in YAML, Great Expectations' or Ballast's own.
    arguments : what it is given, without the severity.
    severity : "error" closes the gate, "warn" is shown and lets pass.
    name : unique within the suite and valid as a Dagster check name, such as
        ``expect_column_values_to_not_be_null__digit``; it stays while the type and the arguments stay.
    custom : the import path of the class of one that is neither Great Expectations' nor Ballast's; else empty.
    """

    type: str
    arguments: dict[str, Any] = field(default_factory=dict)
    severity: Severity = "error"
    name: str = ""
    custom: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", _name(self.type, self.arguments))

    @property
    def definition(self) -> str:
        """What it asks for, as JSON; it tells whether a stored verdict is one on the gate as it is declared now.

        Of one with a class of the user's, the code behind that counts, too.
        """
        code = {"code": digest(self.custom)} if self.custom else {}
        return json.dumps({self.type: self.arguments, **code}, sort_keys=True, default=str)

    @property
    def is_own(self) -> bool:
        """Whether it is one of Ballast's."""
        return self.type in OWN and not self.custom

    @property
    def roles(self) -> frozenset[str]:
        """The data roles that it checks its table against."""
        return frozenset(self.arguments["with"] if self.is_own and OWN[self.type].between_roles else ())

    @property
    def is_mutual(self) -> bool:
        """Whether the roles that it checks its table against are checked against it, too."""
        return self.is_own and OWN[self.type].mutual


def _name(type_: str, arguments: Mapping[str, Any]) -> str:
    given = [arguments[a] for a in _TELLING if a in arguments]
    words = [str(w) for value in given for w in (value if isinstance(value, list | tuple) else [value])]
    return re.sub(r"[^A-Za-z0-9_]+", "_", "__".join([type_, "_".join(words)] if words else [type_]))


def parse_suite(
    entries: Any, *, where: str, stage: str | None = None, folder: Path = Path()
) -> tuple[Expectation, ...]:
    """Gives the expectations of a suite as YAML has it: items ``{expect_x: {arguments}}`` or ``expect_x`` alone.

    In place of a list, or as an item of it, ``{suite: file.json, expectations: [package.ExpectX]}`` stands for the
    expectations of a suite in Great Expectations' own format; its path counts from `folder`. An item may also name the
    class of an expectation by its import path.

    ``where`` names the file and key, for the errors; ``stage`` is the kind of stage that the suite stands after.
    Great Expectations is touched only where a class is named, the data never. SpecError for an empty suite, an item of
    another form, an unknown expectation, argument or severity, a missing argument, a value out of range, an
    expectation on another kind of stage or on a column that such a stage has not, or the same one twice; a line for
    each such item.
    """
    if isinstance(entries, Mapping) and "suite" in entries:
        listed = [(where, entries)]
    elif isinstance(entries, str) or not isinstance(entries, Iterable) or isinstance(entries, Mapping):
        raise SpecError(
            f"{where}: a suite is a list of expectations, or {{suite: file.json}}, got {shown(entries)}; put '- ' "
            "before each"
        )
    else:
        listed = [(f"{where}[{position}]", entry) for position, entry in enumerate(entries)]
    found: list[Expectation] = []
    problems: list[str] = []
    for place, entry in listed:
        try:
            for told, item, classes in _items(entry, place, folder):
                try:
                    _add(found, entry_of(item, told) if classes is not None else item, told, stage, classes or {})
                except SpecError as error:
                    problems.append(one_line(str(error)))
        except SpecError as error:
            problems.append(one_line(str(error)))
    if problems:
        raise SpecError("\n".join(problems))
    if not found:
        raise SpecError(
            f"{where}: the suite is empty and would let anything pass; list an expectation or delete the key"
        )
    return unique_names(found)


def _items(entry: Any, where: str, folder: Path) -> list[tuple[str, Any, dict[str, str] | None]]:
    """Gives the items that an entry stands for, each after its place, and before the classes that a file's may be of.

    There are none for an item of the pipeline itself.
    """
    if not (isinstance(entry, Mapping) and "suite" in entry):
        return [(where, entry, None)]
    suite = named(entry, where)
    classes = {custom_name(path, f"{where}.expectations"): path for path in suite.expectations}
    return [(place, item, classes) for place, item in items_of(suite.suite, folder, where)]


def _add(found: list[Expectation], entry: Any, where: str, stage: str | None, classes: Mapping[str, str]) -> None:
    made = _parse_entry(entry, where, stage, classes)
    if any(_same(made, other) for other in found):
        raise SpecError(f"{where}: {made.type} occurs twice with the same arguments; delete one")
    found.append(made)


def unique_names(suite: Iterable[Expectation]) -> tuple[Expectation, ...]:
    """Gives the suite with ``_2``, ``_3`` ... after the names that come again."""
    taken: set[str] = set()
    unique = []
    for expectation in suite:
        name, count = expectation.name, 1
        while name in taken:
            count += 1
            name = f"{expectation.name}_{count}"
        taken.add(name)
        unique.append(replace(expectation, name=name))
    return tuple(unique)


def _same(one: Expectation, other: Expectation) -> bool:
    return (one.type, one.arguments) == (other.type, other.arguments)


def _parse_entry(entry: Any, where: str, stage: str | None, classes: Mapping[str, str]) -> Expectation:
    if isinstance(entry, str):
        entry = {entry: None}
    if not isinstance(entry, Mapping) or not entry:
        raise SpecError(f"{where}: an item is 'expect_x' or {{expect_x: {{arguments}}}}, got {shown(entry)}")
    if len(entry) > 1:
        raise SpecError(
            f"{where}: an item names one expectation, this one has {len(entry)} keys ({', '.join(map(str, entry))}); "
            "indent the arguments under the expectation, or put '- ' before each expectation"
        )
    type_, given = next(iter(entry.items()))
    custom = classes.get(type_) or (type_ if isinstance(type_, str) and "." in type_ else "")
    if custom:
        type_ = custom_name(custom, where)
    else:
        _check_type(type_, where, stage, classes)
    takes = custom_arguments(custom) if custom else expectation_arguments(type_)
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise SpecError(
            f"{where}: the arguments of {type_} are a mapping such as {_example(takes)}, got {shown(given)}"
        )
    arguments = {str(k): v for k, v in given.items()}
    severity = arguments.pop("severity", "error")
    if severity not in get_args(Severity):
        raise SpecError(f"{where}.{type_}: severity must be error or warn, got {shown(severity)}")
    _check_names(arguments, takes, f"{where}.{type_}")
    _check_values(type_, custom, arguments, f"{where}.{type_}")
    if stage is not None and stage in COLUMNS:
        _check_columns(type_, arguments, f"{where}.{type_}", stage)
    return Expectation(type_, arguments, severity, custom=custom)


def _check_type(type_: Any, where: str, stage: str | None, classes: Mapping[str, str]) -> None:
    if type_ in UNUSABLE:
        raise SpecError(f"{where}: {type_} needs a SQL database and a gate judges a table in memory; use another one")
    known = builtin_names() | OWN.keys()
    if type_ not in known:
        raise SpecError(
            f"{where}: unknown expectation {type_!r}{nearest(str(type_), sorted({*known, *classes}))}; the class of "
            "your own is named by its import path, for a `suite:` beside that under `expectations:`"
        )
    stages = OWN[type_].stages if type_ in OWN else ()
    if stage and stages and stage not in stages:
        raise SpecError(
            f"{where}: {type_} judges the table of a {in_words(stages, 'or')}, but this is the table of a {stage}"
        )


@cache
def expectation_arguments(type_: str) -> Mapping[str, bool]:
    """Gives the arguments of an expectation, own or built-in, each with True where it is required."""
    if type_ in OWN:
        return {f.alias or name: f.is_required() for name, f in OWN[type_].model_fields.items()}
    return builtin_arguments(type_)


def _example(takes: Iterable[str]) -> str:
    return "{" + ", ".join(f"{a}: ..." for a in list(takes)[:2]) + "}"


def _check_names(arguments: Mapping[str, Any], valid: Mapping[str, bool], where: str) -> None:
    listed = ", ".join([*valid, "severity"])
    for name in arguments:
        if name not in valid:
            raise SpecError(f"{where}: no argument {name!r}{nearest(name, valid)} (its arguments: {listed})")
    for name, required in valid.items():
        if required and arguments.get(name) is None:
            raise SpecError(f"{where}: argument {name!r} is missing (its arguments: {listed})")


def _check_values(type_: str, custom: str, arguments: Mapping[str, Any], where: str) -> None:
    if custom:
        check_custom(custom, arguments, where)
    elif type_ in OWN:
        try:
            OWN[type_].model_validate(arguments)
        except ValidationError as error:
            raise SpecError(f"{where}: {worded(error)}") from error
    else:
        check_asks(type_, arguments, where)


def _check_columns(type_: str, arguments: Mapping[str, Any], where: str, stage: str) -> None:
    """Refuses a gate on a column that the tables of a stage do not have, since it could never be judged."""
    named = {argument: arguments[argument] for argument in _NAMING if argument in arguments}
    if arguments.get("row_condition") is not None:
        named["row_condition"] = columns_of(parse_condition(arguments["row_condition"]))
    for argument, value in named.items():
        for name in value if isinstance(value, list) else [value]:
            if name not in COLUMNS[stage]:
                raise SpecError(
                    f"{where}: {argument} names {name!r}, and the table of a {stage} has no such column"
                    f"{nearest(str(name), COLUMNS[stage])} (its columns: {', '.join(COLUMNS[stage])})"
                )
    for bound in ("min_value", "max_value"):
        value = arguments.get(bound, 0)
        if arguments.get("column") in _NUMBERS and not isinstance(value, int | float | None):
            raise SpecError(f"{where}.{bound}: column {arguments['column']!r} holds numbers, got {shown(value)}")


def worded(error: ValidationError) -> str:
    """Gives what is wrong with an own expectation's arguments, in a line."""
    said = []
    for detail in error.errors():
        message = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        if detail["type"] == "too_short":
            message = f"a list of at least {plural(detail.get('ctx', {})['min_length'], 'item')}"
        if not detail["loc"]:
            said.append(message)
            continue
        key = str(detail["loc"][0])
        said.append(f"{key} must be {message}, got {shown(detail['input'])}")
    return "; ".join(dict.fromkeys(said))
