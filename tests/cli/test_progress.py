"""What moves while ``ballast run`` works: on a real terminal, and a line a step where there is none."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios

import pytest

from tests.cli.conftest import BALLAST, Folder

LONGEST = 240  # seconds until a test that waits for what does not come fails


def on_terminal(folder: Folder, *arguments: str, columns: int = 80, lines: int = 24, **environment: str) -> str:
    """Gives all that a command writes to a terminal of that size."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    drop = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CI")
    env = {name: value for name, value in os.environ.items() if name not in drop}
    env |= {"BALLAST_HOME": str(folder.home), "TERM": "xterm-256color", **environment}
    process = subprocess.Popen([BALLAST, *arguments], cwd=folder.path, env=env, stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = bytearray()
    try:
        while chunk := os.read(ours, 65536):
            written += chunk
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    assert process.wait() == 0, written.decode()
    return written.decode()


def plain(written: str) -> list[str]:
    """Gives the lines without what colours them or moves the cursor."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written).replace("\r", "").splitlines()


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    return on_terminal(Folder(tmp_path_factory.mktemp("terminal")), "run", "demo")


def test_run_on_a_terminal_counts_its_steps_up_while_they_run_with_rows_and_seconds(shown: str):
    text = "\n".join(plain(shown))
    counts = [int(n) for n in re.findall(r"(\d+) of 13 steps", text)]
    assert counts == sorted(counts)
    assert len(set(counts)) >= 6, counts
    assert re.search(r"density +done +200 rows +\d+\.\d\d s", text)
    assert re.search(r"(drift|baseline|density) +\S +\w+ on \d+ rows +\d+ s", text), "no step is shown as it runs"
    assert "\x1b[?25h" in shown  # the cursor is there again


def test_run_on_80_columns_cuts_no_word_of_its_table_and_wraps_no_line(shown: str):
    lines = plain(shown)
    end = lines[max(j for j, line in enumerate(lines) if re.search(r"\bstep +(method +)?.*outcome", line)) + 1 :]
    assert any(re.search(r"^ ?reweighted +.*1 open +\d+\.\d\d +done", line) for line in end), end
    assert not any("…" in line for line in end), end
    assert max(len(line) for line in end if not line.startswith("Report: ")) <= 80  # a path is never broken
    assert any(line.startswith("Shift        The data have shifted: drift finds 2 of") for line in end), end


def test_run_on_a_terminal_without_colour_writes_none(finished: Folder):
    shown = on_terminal(finished, "run", "demo", "--select", "drift", NO_COLOR="1")
    assert not re.search(r"\x1b\[(3[0-7]|4[0-7]|38;)", shown)


NETWORK = {"use": "torch_mlp", "params": {"hidden": [16], "max_epochs": 3000, "patience": None}}


def test_run_on_a_terminal_counts_the_epochs_of_a_network_and_elsewhere_keeps_to_a_line_a_step(folder: Folder):
    folder.declare(data__test=None, data__target=None, steps={"net": NETWORK})
    shown = on_terminal(folder, "run", "demo")
    counts = [int(n) for n in re.findall(r"torch_mlp on 200 rows, epoch (\d+) of 3000", "\n".join(plain(shown)))]
    assert counts == sorted(counts)
    assert len(set(counts)) >= 3, counts
    piped = folder.ballast("run", "demo", "--fresh")
    assert piped.exit_code == 0, piped.output
    assert "epoch" not in piped.output


LOADER = """
import os
from pathlib import Path
import pandas as pd

def target():
    os.read(int(os.environ["GO"]), 1)
    return pd.read_csv(Path(__file__).parent / "pipelines" / "demo" / "target.csv")
"""


def test_run_outside_a_terminal_tells_of_a_step_when_it_ends_and_not_when_all_have(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
):
    (folder.path / "waiting.py").write_text(LOADER)
    target = {"loader": "waiting.target", "id": "key", "drop": ["kind"]}
    folder.declare(data__target=target, steps={"drift": {"use": "kolmogorov_smirnov"}})
    go, let = os.pipe()
    monkeypatch.setenv("GO", str(go))
    process = folder.start("run", "demo", pass_fds=[go])
    os.close(go)
    try:
        assert process.stdout is not None
        told = ""
        while "train: done" not in told:
            assert select.select([process.stdout.fileno()], [], [], LONGEST)[0], f"only {told!r} while target waits"
            told += os.read(process.stdout.fileno(), 4096).decode()
    finally:
        os.write(let, b"x")
        os.close(let)
    out, err = process.communicate(timeout=LONGEST)
    assert "train: done 200 rows" in told
    assert "target: done 120 rows" in out, out + err
