"""Every method's card says what a user needs to choose it by."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from ballast.methods.frame.base import ROLES, Method
from ballast.methods.frame.card import Verdict
from ballast.methods.frame.catalogue import methods
from ballast.methods.frame.claims import figure_of
from ballast.methods.frame.parameters import adapters, defaults, describe

TESTS = Path(__file__).parents[2]
ROOMS = {
    "evaluation",
    "features",
    "labels",
    "learners",
    "out_of_distribution",
    "parts",
    "robust",
    "sampling",
    "shift",
    "weights",
}
SECTIONS = ("Parameters", "Attributes", "Raises", "Notes", "Examples")
ENTRIES = {
    "Parameters": r"\w+ : .+, default .+",
    "Attributes": r"\w+_(, \w+_)* : .+",
    "Raises": r"\w+Error(, \w+Error)*",
}
WORDS = {
    int: "int",
    float: "float",
    str: "str",
    bool: "bool",
    NoneType: "None",
    list: "list",
    tuple: "tuple",
    dict: "dict",
    Mapping: "dict",
    Sequence: "sequence",
}


@pytest.fixture(params=methods().values(), ids=methods().keys())
def cls(request: pytest.FixtureRequest) -> type[Method]:
    return request.param


def card(cls: type[Method]) -> str:
    return inspect.cleandoc(cls.__doc__ or "")


def test_name_when_read_then_snake_case_and_like_its_class(cls):
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", cls.name)
    joined = cls.name.replace("_", "")
    assert joined in cls.__name__.lower() or cls.__name__.lower() in joined, f"{cls.__name__} is named {cls.name}"


def test_room_when_read_then_the_package_it_is_public_in(cls):
    assert cls.room() in ROOMS
    room = sys.modules[f"ballast.methods.{cls.room()}"]
    assert getattr(room, cls.__name__, None) is cls, f"ballast.methods.{cls.room()} does not export {cls.__name__}"
    assert cls.__name__ in room.__all__
    assert issubclass(cls, ROLES[cls.role])


def test_reference_when_read_then_has_authors_and_a_year(cls):
    assert re.search(r"\b(1[89]|20)\d\d\b", cls.reference), f"no year in {cls.reference!r}"
    assert len(cls.reference.split()) >= 5


def test_survey_ids_when_named_then_ids_of_the_survey(cls):
    assert all(re.fullmatch(r"S\d{3}|B-[a-z-]+", survey_id) for survey_id in cls.survey_ids)
    assert len(set(cls.survey_ids)) == len(cls.survey_ids)


def test_claim_when_read_then_has_a_text_a_verdict_and_a_figure(cls):
    assert cls.claim is not None
    assert cls.claim.verdict in get_args(Verdict)
    assert len(cls.claim.text.split()) >= 5
    if cls.claim.verdict != "by definition":
        assert re.search(r"\d", figure_of(cls)), "a verdict of an experiment needs the measured number"


def test_claim_when_it_comes_from_a_paper_then_has_its_own_test(cls):
    own = TESTS.joinpath("claims", *cls.__module__.split(".")[2:-1], f"test_{cls.name}.py")
    if cls.claim is not None and cls.claim.verdict == "by definition" and not own.exists():
        named = re.compile(rf"\b({cls.name}|{cls.__name__})\b")
        assert any(named.search(p.read_text()) for p in TESTS.rglob(f"{cls.room()}/test_*.py")), "no test names it"
        return
    assert "pytest.mark.claim" in own.read_text()


def test_docstring_when_read_then_says_what_when_and_at_what_cost(cls):
    text = card(cls)
    first = text.split("\n\n")[0].replace("\n", " ")
    assert first.endswith("."), f"the first paragraph is no sentence: {first!r}"
    assert len(first) <= 200, f"the first paragraph is too long for a list ({len(first)} characters)"
    assert re.search(r"\bUse (it|this)\b", text), "does not say when to use it"
    assert re.search(r"\b[Nn]ot\b", text), "does not say when not to use it"
    assert re.search(r"\bCost\b", text), "does not state its cost"
    if "Error(" in inspect.getsource(cls):
        assert re.search(r"\b(Errors|Raises)\b", text), "does not state its errors"
    assert re.search(r"\([nmk](, ?\w+)?,?\)|\([nm] rows\)", text + _docs_of_calls(cls)), "gives no shape"


def _docs_of_calls(cls: type[Method]) -> str:
    return " ".join(inspect.getdoc(getattr(cls, entry)) or "" for entry in cls.entry_points if hasattr(cls, entry))


def test_calls_when_read_then_have_docstrings(cls):
    for entry in cls.entry_points:
        if hasattr(cls, entry):
            assert inspect.getdoc(getattr(cls, entry)), f"{entry} has no docstring"


def test_parameters_when_read_then_all_annotated_with_defaults(cls):
    hints = get_type_hints(cls.__init__, include_extras=True)
    for name, default in defaults(cls).items():
        assert name in hints, f"{name} has no annotation"
        assert default is not inspect.Parameter.empty, f"{name} has no default"
        assert adapters(cls)[name] is not None, f"the annotation of {name} validates nothing"
        assert describe(cls, name)


def sections(cls: type[Method]) -> dict[str, str]:
    """Gives the sections of a docstring by their titles."""
    parts = re.split(r"^(\w+)\n-+\n", card(cls), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_sections_when_read_then_those_of_numpy_in_their_order(cls):
    assert list(sections(cls)) == [title for title in SECTIONS if title in sections(cls)]


@pytest.mark.parametrize(("title", "entry"), ENTRIES.items())
def test_section_when_read_then_each_entry_has_a_line_and_its_text_below(cls, title, entry):
    for line in sections(cls).get(title, "").strip().splitlines():
        assert re.fullmatch(f"{entry}|    .+", line), f"{title}: {line!r} is not as in `alpha : float > 0, default 0.5`"


def test_parameters_when_documented_then_those_of_init_with_types_and_defaults(cls):
    found = re.findall(
        r"^(\w+) : (.+), default (.+)\n((?: {4}.+\n)*)", sections(cls).get("Parameters", ""), re.MULTILINE
    )
    assert [name for name, *_ in found] == list(defaults(cls)), "Parameters lists others, or in another order"
    hints = get_type_hints(cls.__init__, include_extras=True)
    for name, kind, default, text in found:
        assert default.replace('"', "'") == repr(defaults(cls)[name]), f"the default of {name} is another one"
        types, choices = told_by(hints[name])
        assert types <= set(re.findall(r"\w+", kind)), f"{name} : {kind} does not say {types}"
        assert all(choice in kind + text for choice in choices), f"{name} does not list {choices}"


def told_by(hint: Any) -> tuple[set[str], set[str]]:
    """Gives the types that an annotation allows, in a docstring's words, and the values, where it lists them."""
    origin, inner = get_origin(hint), [a for a in get_args(hint) if a is not ...]
    if origin is Annotated:
        return told_by(inner[0])
    if origin is Literal:
        return set(), {f'"{value}"' if isinstance(value, str) else repr(value) for value in inner}
    if hint in WORDS or origin in WORDS:
        types, parts = {WORDS[hint if hint in WORDS else origin]}, [] if WORDS.get(origin) == "dict" else inner
    else:
        types, parts = set(), inner if origin in (Union, UnionType) else []
    told = [told_by(part) for part in parts]
    return types.union(*(t for t, _ in told)), set().union(*(c for _, c in told))
