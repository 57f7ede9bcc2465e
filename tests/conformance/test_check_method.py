"""People hold methods of their own to the suite, and what it says leads to the fault."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest

from ballast.errors import ParameterError
from ballast.methods.frame.base import Method, Scorer
from ballast.methods.frame.parameters import Count, Seed
from ballast.testing import budget, check_method, checks_of
from ballast.testing.cases import cases_of
from ballast.testing.outcomes import fitted, shared

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
METHODS = {found[1]: block for block in BLOCKS if (found := re.search(r"^class (\w+)", block, re.MULTILINE))}


class Centred(Scorer):
    """The distance from the mean, which it finds in some rounds."""

    name = "centred"
    quick: ClassVar[dict] = {"n_rounds": 3}
    rounds: ClassVar[list[int]] = []

    def __init__(self, n_rounds: Count = 1000, random_state: Seed = None) -> None:
        self.n_rounds = n_rounds
        self.random_state = random_state

    def fit(self, X):
        self.rounds.append(self.n_rounds)
        self.mean_ = X.mean(axis=0)
        self.threshold_ = 3.0
        return self

    def score_samples(self, X):
        return np.abs(X - self.mean_).sum(axis=1)


class Squared(Centred):
    """Overflows for rows that are far off."""

    name = "squared"

    def score_samples(self, X):
        return np.exp(super().score_samples(X))


class Excused(Squared):
    name = "excused"
    conformance_exceptions: ClassVar[dict] = {
        "extreme_row": "it is the exponential of a distance",
        "features_of_any_scale": "it is the exponential of a distance",
    }


def imported(name: str, block: str, monkeypatch: pytest.MonkeyPatch) -> dict:
    """Runs a block of the page as a module of one's own, outside Ballast, and gives what it defines."""
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(block, "page", "exec"), vars(module))
    return vars(module)


def test_method_of_yours_when_sound_then_passes_every_check_with_its_quick_parameters():
    Centred.rounds.clear()
    check_method(Centred)
    assert set(Centred.rounds) == {3, 1}  # and the least, once it is looked at
    check_method(Centred, parameters={"n_rounds": 7})
    assert set(Centred.rounds) == {3, 1, 7}


def test_method_of_the_catalogue_when_named_then_checked():
    check_method("inverse_class_frequency")


def test_method_when_it_fails_a_check_then_the_message_names_both():
    with pytest.raises(AssertionError, match=r"Squared fails the check 'features_of_any_scale': .*NaN or infinite"):
        check_method(Squared)


def test_exceptions_when_declared_then_excuse_the_checks_they_name():
    check_method(Excused)


@pytest.mark.parametrize(
    ("exceptions", "words"),
    [
        ({"no_such_check": "it cannot"}, "names ['no_such_check'], which are not checks"),
        ({"deterministic": "it cannot"}, "passes the check 'deterministic' from which it excepts itself (it cannot)"),
    ],
)
def test_exceptions_when_they_excuse_nothing_then_refused(exceptions, words):
    cls = type("Needless", (Centred,), {"conformance_exceptions": exceptions})
    with pytest.raises(AssertionError, match=re.escape(words)):
        check_method(cls)


@pytest.mark.parametrize("wrong", [Method, "sklearn.linear_model.Ridge"])
def test_what_has_no_role_when_checked_then_refused(wrong):
    with pytest.raises(ParameterError, match="cannot be checked: subclass one of the roles"):
        checks_of(wrong)


def test_quick_when_it_names_no_parameter_then_refused():
    cls = type("Hasty", (Centred,), {"quick": {"n_round": 3}})
    with pytest.raises(ParameterError, match="did you mean 'n_rounds'"):
        checks_of(cls)


def test_outcome_when_checks_share_it_then_made_once_and_kept_from_writers():
    (case,) = cases_of(Centred)
    first = shared(case)
    assert shared(case) is first
    with pytest.raises(ValueError, match="read-only"):
        first.rows["score_samples"][0] = 0.0
    fitted(case).mean_[:] = 7.0
    assert (shared(case).method.mean_ != 7.0).all()


def test_budget_when_the_checks_took_too_long_then_names_the_slowest_check_and_fit():
    spent = budget.Spent({"deterministic": 1.0, "every_choice": budget.LIMIT}, (0.75, "every_choice", "Slow(n=9)"))
    with pytest.raises(AssertionError, match=r"took 4\.0 s .*'every_choice' took .* 0\.75 s with Slow\(n=9\)"):
        spent.hold()


def test_budget_when_checks_ran_then_is_what_they_took_together():
    checks = dict(checks_of(Centred))
    hold = checks.pop("budget")
    for check in checks.values():
        check()
    assert set(hold.__self__.checks) == set(checks)
    assert hold.__self__.slowest[1] in checks
    hold()


@pytest.mark.parametrize("block", METHODS.values(), ids=METHODS.keys())
def test_method_of_the_page_when_checked_then_passes(block, monkeypatch):
    found = imported("my_methods", block, monkeypatch)
    (cls,) = [
        value for value in found.values() if getattr(value, "__module__", "") == "my_methods" and type(value) is type
    ]
    check_method(cls)


def test_example_of_the_page_when_run_then_passes(monkeypatch):
    imported("my_methods", METHODS["NormRatio"], monkeypatch)
    (example,) = [block for block in BLOCKS if "check_method(" in block]
    tests = imported("test_my_methods", example, monkeypatch)
    tests["test_norm_ratio"]()
    one_by_one = tests["test_norm_ratio_one_by_one"]
    (mark,) = one_by_one.pytestmark
    for name, check in mark.args[1]:
        one_by_one(name, check)
