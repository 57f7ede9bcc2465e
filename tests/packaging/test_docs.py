"""The documentation builds without a warning, from this code, and needs no other host to be read."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest

from ballast.methods.frame.catalogue import index, methods
from ballast.methods.frame.claims import figure_of
from ballast.methods.frame.parameters import defaults, describe

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [Path(sys.executable).with_name("mkdocs"), "build", "--strict", "--quiet", "--site-dir", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_docs_when_built_then_the_list_of_methods_leads_to_a_page_of_every_method(site):
    page = (site / "methods.html").read_text()
    paths = {name: path for path, name in re.findall(r'<a href="(methods/[^"#]+)" id="(\w+)">', page)}
    assert set(paths) == set(index())
    titled = {
        name: re.search(rf"<h1[^>]*><code>{name}</code>", (site / path).read_text()) for name, path in paths.items()
    }
    assert [name for name, title in titled.items() if title is None] == []


def test_page_of_a_method_when_built_then_shows_what_it_takes_claims_and_how_it_is_used(site):
    text = re.sub(r"<[^>]+>", "", (site / "methods" / "kliep.html").read_text())
    told = unescape(text)
    cls = methods()["kliep"]
    assert cls.claim is not None
    doc = inspect.getdoc(cls) or ""
    example = ["steps:\n    weigher: {use: kliep}", doc.partition("\nExamples\n--------\n")[2].splitlines()[-1]]
    shown = [cls.claim.text, figure_of(cls), cls.reference, "Cost", "(n + m) c d once in float32 blocks", *example]
    assert [line for line in shown if line not in told] == []
    for name, default in defaults(cls).items():
        assert re.search(rf"\b{name} = {re.escape(repr(default))} {re.escape(describe(cls, name))}", told), name


def test_docs_when_built_then_every_link_leads_somewhere(site):
    pages = {page.resolve(): page.read_text() for page in site.rglob("*.html")}
    anchors = {page: set(re.findall(r'\bid="([^"]+)"', text)) for page, text in pages.items()}
    dead = []
    for page, text in pages.items():
        for link in map(unescape, re.findall(r'<(?:a|img|script|link)\b[^>]*\b(?:href|src)="([^"]+)"', text)):
            if re.match(r"[a-z]+:|//", link) or page.name == "404.html":
                continue
            path, _, anchor = link.partition("#")
            there = (page.parent / path).resolve() if path else page
            if not there.exists() or (anchor and there in anchors and unquote(anchor) not in anchors[there]):
                dead.append(f"{page.relative_to(site.resolve())}: {link}")
    assert len(pages) > len(methods())
    assert dead == []


def test_docs_when_read_then_every_page_is_in_the_navigation_and_says_whom_it_is_for():
    pages = {
        page.relative_to(ROOT / "docs").as_posix(): page.read_text("utf-8") for page in (ROOT / "docs").rglob("*.md")
    }
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:\n")[2]
    assert [path for path in pages if f"- {path}\n" not in navigation] == []
    heads = {path: text.partition("\n")[2].lstrip()[:400] for path, text in pages.items() if path != "index.md"}
    assert [path for path, head in heads.items() if not head.startswith("For whoever ")] == []


def test_list_of_methods_when_filtered_and_sorted_then_shows_the_rows_asked_for(site, tmp_path):
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium on PATH")
    page = (site / "methods.html").read_text()
    act = """<script>
      const [role, room, verdict] = document.querySelectorAll(".methods select");
      document.querySelector(".methods input").value = "x_target";
      [room.value, verdict.value] = ["weights", "partly"];
      room.dispatchEvent(new Event("input", { bubbles: true }));
      const heading = document.querySelector(".methods th button");
      heading.click(), heading.click();
      document.title = [...document.querySelectorAll(".methods tbody tr:not([hidden])")]
        .map((row) => row.cells[0].textContent.trim()).join(" ");
    </script></body>"""
    (site / "acted.html").write_text(page.replace("</body>", act))
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", f"--user-data-dir={tmp_path}"]
    command = [chromium, *options, "--dump-dom", (site / "acted.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None, done.stderr
    asked = [cls for cls in methods().values() if cls.room() == "weights" and "X_target" in cls.needs()]
    expected = sorted((cls.name for cls in asked if cls.claim and cls.claim.verdict == "partly"), reverse=True)
    assert len(expected) > 1
    assert title[1].split() == expected


def test_docs_when_built_then_no_page_loads_a_part_from_another_host(site):
    pages = list(site.rglob("*.html"))
    remote = re.compile(r"""<(script|img|iframe)[^>]+src=["']?(https?:)?//|<link[^>]+stylesheet[^>]+(https?:)?//""")
    assert len(pages) > len(methods())
    assert [page.name for page in pages if remote.search(page.read_text())] == []


def test_docs_when_built_then_the_picture_of_the_house_shows_every_room(site):
    shown = re.findall(r'<text class="name"[^>]*>(\w+)</text>', (site / "images" / "house.svg").read_text())
    package = ROOT / "ballast"
    rooms = [path.parent.name for path in package.glob("*/__init__.py")]
    assert sorted(shown) == sorted([*rooms, *(path.stem for path in package.glob("[a-z]*.py"))])


def test_pages_on_the_code_when_they_name_a_file_then_it_is_there():
    for page in (ROOT / "docs" / "architecture.md", ROOT / "docs" / "extending.md"):
        named = re.findall(r"`(ballast/[\w/.]+)`", page.read_text(encoding="utf-8"))
        assert named
        assert [path for path in named if not (ROOT / path).exists()] == []


def test_contributing_when_read_then_tells_every_target_and_every_room():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    targets = " ".join(lines).split()
    assert {"test", "docs"} <= set(targets)
    assert [name for name in targets if f"`make {name}`" not in text] == []
    rooms = [path.parent.name for path in (ROOT / "ballast").glob("*/__init__.py")]
    assert [name for name in rooms if f"`ballast.{name}`" not in text] == []
