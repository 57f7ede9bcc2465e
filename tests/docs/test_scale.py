"""The page on rows beyond memory does what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ballast.given import over_rows
from tests.docs.test_library import of_last_line

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")


def test_page_when_its_blocks_run_in_order_then_they_give_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {"__name__": "page"}
    given = None
    for kind, block in re.findall(r"```(python|text)\n(.*?)```", PAGE, re.DOTALL):
        if kind == "python":
            given = of_last_line(block, space)
        else:
            assert repr(given) == block.rstrip("\n")
    weights = space["weights"].reader().read_all().column("weight").to_numpy()
    assert abs(weights.mean() - 1) < 0.02
    assert space["metrics"]["value"][0] > 0.45  # a label that nothing tells


def test_names_of_the_package_when_listed_then_each_is_there_and_most_are_on_the_page() -> None:
    assert all(hasattr(over_rows, name) for name in over_rows.__all__)
    assert [name for name in over_rows.__all__ if name not in PAGE] == []
