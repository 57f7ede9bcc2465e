"""The documentation builds without a warning, from this code, and needs no other host to be read."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import ballast

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [Path(sys.executable).with_name("mkdocs"), "build", "--strict", "--quiet", "--site-dir", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_docs_when_built_then_the_methods_page_has_a_card_for_every_method(site):
    page = (site / "methods.html").read_text()
    names = list(ballast.catalog()["name"])
    assert names
    assert [name for name in names if f'<h3 id="{name}">' not in page] == []


def test_docs_when_built_then_no_page_loads_a_part_from_another_host(site):
    pages = list(site.rglob("*.html"))
    remote = re.compile(r"""<(script|img|iframe)[^>]+src=["']?(https?:)?//|<link[^>]+stylesheet[^>]+(https?:)?//""")
    assert len(pages) > 5
    assert [page.name for page in pages if remote.search(page.read_text())] == []
