"""What a card says in numbers is measured: a number typed into it is a setting of its claim's test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ballast.methods.frame.catalogue import methods
from tests.claims import ledger

PLACEHOLDER = re.compile(r"\{[^}]*\}")
NUMBER = re.compile(r"(?<![\w.])(?:\d*\.\d+(?:\s?%)?|\d+\s?%)")
"""Decimal numbers and percentages; whole numbers are rows, columns and seeds."""
TESTS = {file.stem.removeprefix("test_"): file for file in (ledger.ROOT / "tests" / "claims").rglob("test_*.py")}


def settings(test: Path) -> set[float]:
    """Gives the numbers in the code of a claim's test and of the worlds that it is about."""
    own, _ = ledger.modules_of(test)
    files = [ledger.ROOT.joinpath(*m.split(".")).with_suffix(".py") for m in own if m.startswith("tests.")]
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_bytes())))
    values = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return {float(value) for value in values if isinstance(value, int | float)}


def typed(figure: str, settings: set[float]) -> list[str]:
    """Gives the numbers outside placeholders that are not settings; a percentage may be one as a share, or its rest."""

    def is_setting(number: str) -> bool:
        value = float(number.rstrip("% "))
        shares = [round(value / 100, 9), round(1 - value / 100, 9)] if number.endswith("%") else []
        return not settings.isdisjoint([value, *shares])

    return [number for number in NUMBER.findall(PLACEHOLDER.sub("{}", figure)) if not is_setting(number)]


@pytest.mark.parametrize("name", sorted(methods()))
def test_card_when_it_states_a_figure_then_from_the_record_and_not_typed(name):
    claim = methods()[name].claim
    found = typed(claim.figure, settings(TESTS[name]) if name in TESTS else set()) if claim else []
    assert not found, (
        f"the card of {name} says {', '.join(found)}, which is not a number of its claim's test: let that record the "
        "figure, name it in braces, and run `make claims`; what no test measures leaves the card"
    )


def test_typed_when_a_figure_is_no_setting_then_told_and_placeholders_and_settings_are_not():
    figure = "150 rows at 0.90, 5 % wrong, 8 % kept: error {e:.3f} +- {e.spread:.3f}, before 0.31, .4 in 66% of draws"
    assert typed(figure, {0.9, 0.05, 0.92}) == ["0.31", ".4", "66%"]


def test_settings_when_a_test_uses_a_world_then_its_numbers_too():
    assert {40.0, 27.4} <= settings(TESTS["covariate_balancing_propensity"]), "its seeds, and Kang and Schafer's world"
