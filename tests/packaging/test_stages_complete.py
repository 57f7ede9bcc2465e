"""The table of stages: what other parts keep by stage is there for each, and none has a table of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ballast.gates.suite import OWN
from ballast.methods.frame.base import ROLES
from ballast.orchestration.run.stages import WORK
from ballast.reporting.figures import FIGURES
from ballast.reporting.metadata import VALUES
from ballast.reporting.page.html import document
from ballast.reporting.report import TABLES
from ballast.stages import STAGES, Stage

PACKAGE = Path(__file__).parents[2] / "ballast"

REGISTRIES = {
    "orchestration.run.stages.WORK": (WORK, lambda stage: stage.stored),
    "reporting.report.TABLES": (TABLES, lambda stage: bool(stage.section) and not stage.card),
    "reporting.metadata.VALUES": (VALUES, lambda stage: False),
    "reporting.figures.FIGURES": (FIGURES, lambda stage: False),
}
"""What is kept by stage, and of which kinds it must have an entry; beyond the default, others may have one."""


def missing(stages: Mapping[str, Stage]) -> list[str]:
    """Gives what the registries lack of the stages, and what they have that is none of them."""
    found = []
    for where, (registry, needed) in REGISTRIES.items():
        found += [f"{where} has no {s.name}" for s in stages.values() if needed(s) and s.name not in registry]
        found += [f"{where} has {name}, which is not a stage" for name in registry if name not in stages]
    found += [
        f"{s.name} is like {s.like}, which is not a stage" for s in stages.values() if s.like not in {"", *stages}
    ]
    found += [f"{name} judges stages that there are not" for name, own in OWN.items() if not {*own.stages} <= {*stages}]
    return found


def test_stages_when_each_registry_is_held_against_the_table_then_none_misses_one():
    assert missing(STAGES) == []


@pytest.mark.parametrize(
    ("row", "named"),
    [
        (Stage("imputer", "table", ("#000", "#fff")), ["orchestration.run.stages.WORK has no imputer"]),
        (
            Stage("imputer", "table", ("#000", "#fff"), section="Imputed"),
            ["orchestration.run.stages.WORK has no imputer", "reporting.report.TABLES has no imputer"],
        ),
        (
            Stage("imputer", "table", ("#000", "#fff"), section="Imputed", card=("numbers",), like="sourse"),
            ["orchestration.run.stages.WORK has no imputer", "imputer is like sourse, which is not a stage"],
        ),
    ],
)
def test_stages_when_the_table_has_one_more_then_each_registry_that_lacks_it_is_named(row, named):
    assert missing({**STAGES, row.name: row}) == named


def test_stages_when_the_table_has_one_less_then_each_registry_that_still_has_it_is_named():
    left = {name: stage for name, stage in STAGES.items() if name != "scorer"}
    assert [line for line in missing(left) if "WORK" in line or "FIGURES" in line] == [
        "orchestration.run.stages.WORK has scorer, which is not a stage",
        "reporting.figures.FIGURES has scorer, which is not a stage",
    ]
    assert any("expect_flagged_share judges" in line for line in missing(left))


def test_stages_when_held_against_the_roles_of_methods_then_only_two_roles_work_inside_anothers():
    assert ROLES.keys() - STAGES.keys() == {"transformer", "part"}


def test_stages_when_a_page_is_written_then_its_style_has_every_ones_colour_on_light_and_on_dark_paper():
    page = document("", ())
    for stage in STAGES.values():
        assert [page.count(f"--stage-{stage.name}:{colour};") for colour in dict.fromkeys(stage.colour)]
        assert page.count(f"--stage-{stage.name}:") == 2


def _lists(tree: ast.AST) -> Iterator[tuple[int, set[str]]]:
    """Gives the line and the texts of each list, tuple, set and mapping that is written out."""
    for node in ast.walk(tree):
        inner = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", ())
        texts = {e.value for e in inner if isinstance(e, ast.Constant) and isinstance(e.value, str)}
        yield getattr(node, "lineno", 0), texts


def test_stages_when_the_code_is_read_then_no_part_keeps_a_list_of_them_but_the_registries():
    tables = []
    spoken_of_methods = PACKAGE / "testing"  # its lists are of roles
    for path in sorted(p for p in PACKAGE.rglob("*.py") if not p.is_relative_to(spoken_of_methods)):
        for _, texts in _lists(ast.parse(path.read_text("utf-8"))):
            if len(texts & STAGES.keys()) >= 3:
                tables.append(".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    expected = {where.rpartition(".")[0] for where in REGISTRIES} - {"reporting.report"}  # of two stages alone
    of_sources = ["orchestration.graph.explained"]  # of arguments, some of which are called as stages are
    assert sorted(tables) == sorted([*expected, *of_sources])


def test_stages_when_the_report_is_read_then_it_asks_no_step_for_its_kind():
    asked = []
    for path in sorted((PACKAGE / "reporting").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Compare) and any(
                isinstance(e, ast.Constant) and e.value in STAGES for e in ast.walk(node)
            ):
                asked.append(f"{path.name}: {ast.unparse(node)}")
    assert asked == []
