"""Every method's card says what a user needs to choose it by."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import get_args, get_type_hints

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


def test_parameters_when_read_then_all_annotated_with_defaults_and_documented(cls):
    documented = card(cls)
    hints = get_type_hints(cls.__init__, include_extras=True)
    for name, default in defaults(cls).items():
        assert name in hints, f"{name} has no annotation"
        assert default is not inspect.Parameter.empty, f"{name} has no default"
        assert adapters(cls)[name] is not None, f"the annotation of {name} validates nothing"
        assert describe(cls, name)
        assert re.search(rf"^\s*(\w+, )*{name}(, \w+)* :", documented, re.MULTILINE), f"{name} is not documented"


def test_parameters_when_documented_then_exist(cls):
    section = re.search(r"^Parameters\n-+\n(.*?)(\n\n\w|\n\n?\w+\n-+\n|\Z)", card(cls), re.DOTALL | re.MULTILINE)
    if section is None:
        assert not defaults(cls), "has parameters but no section for them"
        return
    named = re.findall(r"^((?:\w+, )*\w+) :", section[1], re.MULTILINE)
    for name in ", ".join(named).split(", "):
        assert name in defaults(cls), f"{name} is documented but no parameter"
