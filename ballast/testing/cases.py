"""A method as the conformance suite runs it: its class, quick parameters, and what its calls take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, get_args, get_type_hints

from sklearn.base import is_regressor

from ballast.methods.frame.base import Method
from ballast.methods.frame.parameters import check_names, defaults, schema
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.methods.learners import DomainMLP
from ballast.methods.training.part import Part, SamplePolicy
from ballast.testing.budget import Spent

QUICK: dict[str, Any] = {"random_state": 0, "device": "cpu", "n_bootstrap": 20, "n_permutations": 49, "n_repeats": 1}
"""Parameters by name, where a class takes them. What else makes a method quick, its class says in ``quick``."""


@dataclass(frozen=True, eq=False)
class Case:
    """A method's class and the parameters that differ from the defaults.

    Attributes
    ----------
    name : the method's name, with the task where it has several.
    spent : what its checks took in this process.
    """

    name: str
    cls: type[Method]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    spent: Spent = field(default_factory=Spent)

    def make(self, **more: Any) -> Any:
        return self.cls(**{**self.parameters, **more})

    @property
    def owner(self) -> str:
        """The name by which the class's messages call it."""
        return self.cls.name or self.cls.__name__

    @property
    def takes(self) -> set[str]:
        return set(defaults(self.cls))

    @cached_property
    def entries(self) -> list[str]:
        """The calls of the role that the class has."""
        found = [e for e in self.cls.entry_points if hasattr(self.cls, e)]
        if self.regression:
            found = [e for e in found if e not in ("predict_proba", "decision_function")]
        return found

    @cached_property
    def regression(self) -> bool:
        return self.parameters.get("task") == "regression" or is_regressor(self.make())

    def needs(self, entry: str | None = None, *, required: bool = False) -> list[str]:
        """The vocabulary that a call takes, or that it cannot do without."""
        return [n for n, must in self.cls.needs(entry).items() if n in VOCABULARY and (must or not required)]

    @cached_property
    def vocabulary(self) -> list[str]:
        """The vocabulary of all the calls together."""
        return list(dict.fromkeys(name for entry in self.entries for name in self.needs(entry)))


def cases_of(cls: type[Method], parameters: Mapping[str, Any] | None = None) -> list[Case]:
    """Gives a method with its quick parameters and the given ones: a ``task`` each in turn, a part in a learner.

    Raises ParameterError for a parameter, of ``quick`` too, that the class does not take.
    """
    own, spent = {**cls.quick, **(parameters or {})}, Spent()
    check_names(cls, own, cls.name or cls.__name__)
    if issubclass(cls, Part):
        return [_hosted(cls, own, spent)]
    found = {**_quick(cls), **own}
    tasks = [t for t in ("classification", "regression") if "task" not in found and t in _choices(cls, "task")]
    name = cls.name or cls.__name__
    labels = {"classification": name, "regression": f"{name}[regression]"}
    both = [Case(labels[task], cls, {**found, "task": task}, spent) for task in tasks]
    return both or [Case(name, cls, found, spent)]


def _hosted(part: type[Part], parameters: Mapping[str, Any], spent: Spent) -> Case:
    """Gives the case of a part: the learner that gives it all it may ask for, trained with it."""
    task = getattr(part, "task", None) or "classification"
    place = "sampling" if issubclass(part, SamplePolicy) else "regularizer"
    made = part(**{**_quick(part), **parameters})
    return Case(part.name, DomainMLP, {**_quick(DomainMLP), **DomainMLP.quick, "task": task, place: made}, spent)


def _quick(cls: type[Method]) -> dict[str, Any]:
    return {name: value for name, value in QUICK.items() if name in defaults(cls)}


def _choices(cls: type[Method], name: str) -> tuple[Any, ...]:
    return get_args(get_type_hints(cls.__init__).get(name))


def settings(case: Case) -> list[dict[str, Any]]:
    """Gives each parameter at each of its choices and at its least and greatest value, the others as they are."""
    made = case.make().get_params(deep=False)
    return [
        {name: value}
        for name, part in schema(case.cls)["properties"].items()
        for value in _edges(part)
        if name not in ("task", "device") and value != made[name]
    ]


def _edges(part: dict[str, Any]) -> list[Any]:
    if "anyOf" in part:
        return [value for option in part["anyOf"] for value in _edges(option)]
    found = list(part.get("enum", [])) + [part[key] for key in ("const", "minimum", "maximum") if key in part]
    return found + {"boolean": [False, True], "null": [None]}.get(part.get("type", ""), [])
