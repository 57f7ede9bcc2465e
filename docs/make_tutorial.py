"""Plays the tutorial: follows docs/tutorial.md in an empty folder, and writes what came out into the page.

    python docs/make_tutorial.py [FILE to write in place of the page]

Each command has a process of its own, forked from one that has the libraries loaded, which saves most of the time. A
block of Python with a title is a file to write; one of YAML is put into the file that its title names, ``under`` a key
or ``in place of`` a line; one of sh is run, a command a line, with the exit code of its comment (0 where there is
none); one of text is what the last command printed, from the line that begins as the block does, as many lines as the
block has.
"""

from __future__ import annotations

import importlib
import os
import re
import runpy
import sys
import tempfile
import traceback
from pathlib import Path

from ballast.cli import app

PAGE = Path(__file__).with_name("tutorial.md")
BLOCK = re.compile(r'```(\w+)(?: title="([^"]+)")?\n(.*?)```', re.DOTALL)
LOADED = ("ballast.orchestration.commands.run", "ballast.reporting.report", "great_expectations", "skrub", "torch")


def main() -> None:
    for name in LOADED:
        importlib.import_module(name)
    made = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    with tempfile.TemporaryDirectory() as folder:
        made.write_text(played(PAGE.read_text("utf-8"), Path(folder)), "utf-8")


def played(page: str, folder: Path) -> str:
    """Gives a page with what its commands print, once they have been run in a folder one after another.

    Raises SystemExit where a command ends with another exit code than its line says, or prints nothing like the block.
    """
    printed, place = "", folder
    pieces, end = [], 0
    for block in BLOCK.finditer(page):
        language, title, body = block.groups()
        if language == "python":
            (place / title).write_text(body, "utf-8")
        elif language == "yaml":
            edit(place, title, body)
        elif language == "sh":
            for line in body.splitlines():
                place, printed = command(line, place, printed)
        else:
            pieces += [page[end : block.start(3)], shown(printed, body)]
            end = block.end(3)
    return "".join([*pieces, page[end:]])


def edit(place: Path, title: str, body: str) -> None:
    """Puts lines of YAML where a title says: ``FILE, under KEY`` or ``FILE, in place of LINE``."""
    name, where = title.split(", ", 1)
    file = place / name
    lines = file.read_text("utf-8").splitlines(keepends=True)
    key = where.removeprefix("under ").removeprefix("in place of ")
    (at,) = (i for i, line in enumerate(lines) if line.strip().split(" #")[0] == key)
    lines[at : at + 1] = [lines[at], body] if where.startswith("under ") else [body]
    file.write_text("".join(lines), "utf-8")


def command(line: str, place: Path, printed: str) -> tuple[Path, str]:
    """Runs a line; gives the folder in which the next one is run, and what the last one printed."""
    wanted = int(found[1]) if (found := re.search(r"# exits with (\d)", line)) else 0
    name, *arguments = line.partition("#")[0].split()
    if name == "cd":
        return (place / arguments[0]).resolve(), printed
    if name not in ("python", "ballast"):
        sys.exit(f"{line!r} is neither cd, python nor ballast")
    with tempfile.TemporaryFile("w+") as output:
        if (child := os.fork()) == 0:
            os._exit(_run_here([name, *arguments], place, output.fileno()))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        printed = output.read()
    if code != wanted:
        sys.exit(f"{line!r} ended with {code}, not {wanted}:\n{printed}")
    return place, printed


def _run_here(words: list[str], place: Path, output: int) -> int:
    """Runs a command in this process, which is to end with it; gives its exit code."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(place)
    try:
        if words[0] == "python":
            runpy.run_path(words[1], run_name="__main__")
        else:
            sys.argv = words
            app()
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def shown(printed: str, body: str) -> str:
    """Gives as many lines of what was printed as a block has, from the first that begins as the block does."""
    lines = printed.splitlines()
    starts = body.splitlines()[0].split(" ")[0]
    start = next((i for i, line in enumerate(lines) if line.startswith(starts)), None)
    if start is None:
        sys.exit(f"no line begins with {starts!r} in:\n{printed}")
    return "\n".join(lines[start : start + len(body.splitlines())]) + "\n"


if __name__ == "__main__":
    main()
