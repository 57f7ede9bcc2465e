"""The page on writing a method: what it shows of an assessor runs, and is drawn as it asks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ballast.reporting.figures import figures_for
from ballast.reporting.pictures.theme import as_svg

EXTENDING = (Path(__file__).parents[2] / "docs" / "extending.md").read_text("utf-8")


def test_assessor_of_extending_when_it_judges_then_its_picture_has_the_groups():
    (block,) = (b for b in re.findall(r"```python\n(.*?)```", EXTENDING, re.DOTALL) if "class Hits" in b)
    space: dict = {}
    exec(compile(block, "page", "exec"), space)
    y = np.array([0, 0, 1, 1])
    found = space["Hits"]().assess(y, np.array([0, 1, 1, 1]), np.array(["north", "north", "south", "south"]))
    (figure,) = figures_for("assessor", found.table, found.remembered)
    svg = as_svg(figure)
    assert all(text in svg for text in ("Hits by group", "north", "south", "0.75"))
    assert found.better == {"hits": "higher"}
