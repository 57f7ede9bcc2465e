"""How commands end: exit codes, one message an error, and output that nobody reads or that cannot be printed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from ballast.cli.exits import exit_on_error
from ballast.errors import SpecError
from tests.cli.conftest import BALLAST, Folder


def ended(error: BaseException, *, debug: bool = False) -> int:
    with pytest.raises(typer.Exit) as ending, exit_on_error(debug):
        raise error
    return ending.value.exit_code


@pytest.mark.parametrize("error", [ZeroDivisionError("two\nlines"), MemoryError(), SystemExit(0), OSError(28, "full")])
def test_error_that_nobody_foresaw_is_one_line_exit_code_2_and_a_traceback_in_the_log(
    error, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("BALLAST_HOME", str(tmp_path / "home"))
    assert ended(error) == 2
    said = capsys.readouterr().err
    log = tmp_path / "home" / "errors.log"
    assert said.startswith(f"{type(error).__name__}: ")
    assert said.count("\n") == 1
    assert str(log) in said
    assert "Traceback (most recent call last)" in log.read_text()
    assert f"raise error\n{type(error).__name__}" in log.read_text()


@pytest.mark.parametrize("error", [ZeroDivisionError("zero"), SpecError("wrong")])
def test_debug_prints_the_traceback_of_any_error(error, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BALLAST_HOME", str(tmp_path / "home"))
    assert ended(error, debug=True) == 2
    said = capsys.readouterr().err
    assert "Traceback (most recent call last)" in said
    assert said.splitlines()[-1].startswith(f"{type(error).__name__}: ")


def test_error_where_no_log_can_be_written_still_is_one_line_that_tells_how_to_see_more(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("BALLAST_HOME", str(tmp_path / "file"))
    assert ended(ZeroDivisionError("zero")) == 2
    assert "give --debug for its traceback" in capsys.readouterr().err


def test_interrupt_is_exit_code_130_without_a_traceback(capsys):
    assert ended(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "stopped\n"


@pytest.mark.parametrize("before", [True, False])
def test_debug_may_stand_before_or_behind_the_command(folder: Folder, before: bool):
    arguments = ("--debug", "run", "gone") if before else ("run", "gone", "--debug")
    result = folder.ballast(*arguments)
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert "Traceback" not in folder.ballast("run", "gone").stderr


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "import nothing_of_that_name",
            r"ModuleNotFoundError: No module named 'nothing_of_that_name' (definitions.py:1)",
        ),
        ("\ndef wrong(:", "(definitions.py:2)"),
        ("import sys\nsys.exit(0)", "SystemExit: 0 (definitions.py:2)"),
    ],
)
@pytest.mark.parametrize("command", [("check",), ("run", "demo"), ("report", "demo"), ("sql", "SELECT 1")])
def test_project_that_does_not_load_exits_with_2_and_names_the_line(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, command, code, said
):
    (folder.path / "definitions.py").write_text(code)
    monkeypatch.delitem(sys.modules, "definitions", raising=False)  # that of another project, in a process of many
    result = folder.ballast(*command)
    assert result.exit_code == 2
    assert f"the Dagster project in {folder.path} does not load" in result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_report_that_cannot_be_written_leaves_the_outcome_printed_and_exits_with_2(folder: Folder):
    (folder.home / "reports" / "demo.html").mkdir(parents=True)
    result = folder.ballast("run", "demo")
    assert result.exit_code == 2, result.output
    assert "reweighted" in result.stdout
    assert f"cannot write the report to {folder.home / 'reports' / 'demo.html'}: Is a directory" in result.stdout
    again = folder.ballast("report", "demo")
    assert again.exit_code == 2
    assert again.stderr.startswith("BallastError: cannot write the report")


def shell(folder: Folder, command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of bash in the project, where ``ballast`` is the command, and any failure in a pipe counts."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder.path,
        env={**os.environ, "BALLAST_HOME": str(folder.home), "PATH": f"{BALLAST.parent}:{os.environ['PATH']}", **env},
        capture_output=True,
        text=True,
    )


@pytest.mark.full
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("ballast check demo | head -1", 0),
        ("ballast sql \"SELECT repeat('x', 999) FROM range(200000)\" --csv | head -1", 0),
        ("ballast catalog --json | head -1", 0),
        ("ballast check demo > /dev/full", 2),
        ("ballast sql 'SELECT 1' --csv > /dev/full", 2),
        ("ballast check demo >&-", 0),
        ("ballast run gone 2> /dev/full", 2),
    ],
)
def test_output_that_goes_nowhere_leaves_the_exit_code_alone(finished: Folder, command: str, code: int):
    done = shell(finished, command)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.full
def test_stream_that_cannot_hold_a_character_shows_its_escape(folder: Folder):
    folder.declare(
        gates={"train": [{"expect_column_values_to_be_in_set": {"column": "colour", "value_set": ["grün"]}}]}
    )
    ran = shell(folder, "ballast run demo", PYTHONIOENCODING="ascii")
    assert ran.returncode == 1, ran.stderr
    assert "\\xfc" in ran.stdout
    assert ran.stdout.isascii()
    printed = shell(folder, "ballast sql \"SELECT 'ü' AS a\" --csv", PYTHONIOENCODING="ascii")
    assert printed.stdout == "a\nü\n"


@pytest.mark.full
def test_interrupt_while_the_command_loads_prints_no_traceback(tmp_path: Path):
    script = (
        "import os, signal, sys\n"
        "class Stop:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Stop())\n"
        "from ballast.cli import app\n"
    )
    done = subprocess.run(["python", "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == -2
    assert done.stderr == ""


HALF_MADE = """
import os, signal

class Half:
    def __init__(self):
        os.kill(os.getpid(), signal.SIGINT)
        self.made = True

    def __del__(self):
        self.made

def target():
    Half()
"""


def test_interrupt_while_something_is_half_made_prints_no_traceback(folder: Folder):
    (folder.path / "halves.py").write_text(HALF_MADE)
    folder.declare(data__target={"loader": "halves.target", "id": "key", "drop": ["kind"]})
    process = folder.start("check", "demo")
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130, said
    assert said == "stopped\n"


def test_interrupt_while_dagster_closes_its_records_prints_no_traceback(folder: Folder):
    script = (
        "import os, signal, sys\n"
        "def stop(frame, event, argument):\n"
        "    if event == 'call' and frame.f_code.co_name == 'do_close':\n"
        "        sys.setprofile(None)\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.setprofile(stop)\n"
        "from ballast.cli import app\n"
        "app(['run', 'demo'])\n"
    )
    env = {**os.environ, "BALLAST_HOME": str(folder.home)}
    done = subprocess.run(["python", "-c", script], capture_output=True, text=True, cwd=folder.path, env=env)
    assert done.returncode in (130, -2), done.stderr
    assert done.stderr == "Stopped. What was finished is stored; the same command goes on from there.\n"
