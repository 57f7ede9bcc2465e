"""``ballast catalog``: the list on 80 columns and for programs, what narrows it, and a method's whole card."""

from __future__ import annotations

import io
import json
import re

import pytest
import yaml
from rich.console import Console

import ballast
from ballast import Pipeline
from ballast.cli.catalogue import print_card, print_catalog
from ballast.cli.example import example_of
from ballast.methods.frame.catalogue import methods
from ballast.methods.frame.parameters import defaults
from tests.cli.conftest import Folder


def terminal(width: int) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue()).splitlines()


def test_catalog_as_json_holds_every_method_with_its_verdict(folder: Folder):
    result = folder.ballast("catalog", "--json")
    cards = {card["name"]: card for card in json.loads(result.stdout)}
    assert set(cards) == set(ballast.catalog()["name"])
    assert cards["kliep"]["room"] == "weights"
    assert cards["kliep"]["verdict"]


def test_catalog_of_a_room_lists_that_one_alone(folder: Folder):
    result = folder.ballast("catalog", "--room", "sampling")
    assert result.exit_code == 0
    assert "smote" in result.output
    assert "kliep" not in result.output


def test_catalog_of_an_unknown_room_names_the_rooms(folder: Folder):
    result = folder.ballast("catalog", "--room", "weight")
    assert result.exit_code == 2
    assert "there is no room 'weight', did you mean 'weights'?" in result.stderr


@pytest.mark.parametrize("width", [40, 80, 160])
def test_catalog_on_a_terminal_gives_each_method_one_line_that_fits(width: int):
    console = terminal(width)
    print_catalog(console, as_json=False, room=None, role=None, verdict=None, search=None)
    *lines, last = printed(console)
    assert [line.split()[0] for line in lines] == list(ballast.catalog()["name"])
    assert max(map(len, lines)) <= width
    assert last.startswith(f"{len(lines)} methods; ")
    kliep = next(line for line in lines if line.startswith("kliep "))
    assert ("weigher" in kliep) == (width > 60)
    assert "Weighs" in kliep


def test_catalog_when_piped_gives_whole_sentences(folder: Folder):
    lines = folder.ballast("catalog").stdout.splitlines()
    cards = ballast.catalog().itertuples()
    assert lines == [f"{card.name}  {card.role}  {card.summary}" for card in cards]


@pytest.mark.parametrize(
    ("options", "column", "value"),
    [(["--role", "test"], "role", "test"), (["--verdict", "partly"], "verdict", "partly")],
)
def test_catalog_is_narrowed_by_role_and_verdict(folder: Folder, options, column, value):
    found = json.loads(folder.ballast("catalog", "--json", *options).stdout)
    cards = ballast.catalog()
    assert [card["name"] for card in found] == list(cards.loc[cards[column] == value, "name"])


def test_catalog_search_finds_all_words_in_cards_and_docstrings_whatever_their_case(folder: Folder):
    lines = folder.ballast("catalog", "--search", "Sugiyama maximum LIKELIHOOD").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["kliep"]
    assert folder.ballast("catalog", "--search", "no method has xyzzy").stdout == ""


@pytest.mark.parametrize("option", ["--role", "--verdict"])
def test_catalog_of_what_there_is_not_exits_with_2_and_names_what_there_is(folder: Folder, option):
    result = folder.ballast("catalog", option, "weighr")
    assert result.exit_code == 2
    assert f"there is no {option[2:]} 'weighr'" in result.stderr


def test_card_of_a_method_holds_parameters_vocabulary_cost_claim_streams_and_examples(folder: Folder):
    card = folder.ballast("catalog", "kliep").stdout
    assert card.startswith("kliep  weigher, weights\n\nWeighs by a kernel model")
    for name, value in defaults(methods()["kliep"]).items():
        assert re.search(rf"^  {name} : \w.*, default [\"]?{value}[\"]?\n      [A-Z]", card, re.MULTILINE), name
    for told in (
        "  n_centers : int >= 1, default 100\n      Kernels, centred at rows",
        "Attributes\n  ratio_ : ndarray of shape (n,)\n      The estimated ratio",
        "Raises\n  OverlapError\n      The target lies",
        "  fit: X_target: Encoded",
        "Cost: ",
        "Verdict: partly: ",
        "In batches: no",
        "Reference: Sugiyama",
        "steps:\n      weigher: {use: kliep}",
        ">>> weigher =",
    ):
        assert told in card, told
    assert "In batches: yes: partial_fit, merge, finalize" in folder.ballast("catalog", "bucketed_ratio").stdout


def test_card_of_an_unknown_method_exits_with_2_and_names_the_nearest(folder: Folder):
    result = folder.ballast("catalog", "klepp")
    assert result.exit_code == 2
    assert "there is no method 'klepp', did you mean 'kliep'?" in result.stderr


@pytest.mark.parametrize("name", methods())
def test_every_card_fits_80_columns_and_its_example_is_a_sound_pipeline(name: str):
    console = terminal(80)
    print_card(console, name)
    lines = printed(console)
    pipeline, python = lines.index("In a pipeline"), lines.index("In Python")
    assert max(map(len, lines[:pipeline] + lines[python:])) <= 80
    plan = Pipeline(**yaml.safe_load(example_of(methods()[name]))["attributes"]).plan("defs.yaml")
    assert name in str(plan.spec.model_dump())
