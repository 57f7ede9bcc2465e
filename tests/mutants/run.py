"""Tries the mutants of list.yaml, each in a copy of the package: ``python tests/mutants/run.py``.

First every test that they name must pass on the code as it is. Exit code 1 where one does not, or a mutant lives.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("ballast", "tests", "pyproject.toml")
FAILED = 1
"""What pytest exits with where a test failed; 2 and more where none could be run."""


@dataclass(frozen=True)
class Mutant:
    """A fault in the code: ``mutant`` in place of ``text`` in ``file``, and the ``test`` that must find it.

    ``why`` is what holds of the code as it is.
    """

    why: str
    file: str
    text: str
    mutant: str
    test: str


def read() -> list[Mutant]:
    """Gives the mutants of the list."""
    return [Mutant(**entry) for entry in yaml.safe_load(Path(__file__).with_name("list.yaml").read_text())]


def run_tests(folder: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Runs tests on the copy in a folder, up to the first that fails."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    # Bytecode that is kept would hide a mutant of the same size, made within the same second.
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def killed(folder: Path, mutant: Mutant) -> bool:
    """Gives whether the mutant's test finds it, and says so; the copy in the folder is as before."""
    path = folder / mutant.file
    sound = path.read_text()
    if sound.count(mutant.text) != 1:
        print(f"NOT ONCE  {mutant.file}: {mutant.text}")
        return False
    path.write_text(sound.replace(mutant.text, mutant.mutant))
    done = run_tests(folder, mutant.test)
    path.write_text(sound)
    print(f"{'killed' if done.returncode == FAILED else 'LIVES'}  {mutant.file}: {mutant.why}", flush=True)
    if done.returncode not in (0, FAILED):
        print(done.stdout + done.stderr)
    return done.returncode == FAILED


def main() -> int:
    mutants = read()
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = Path(name)
        for part in COPIED:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)
        sound = run_tests(folder, *sorted({mutant.test for mutant in mutants}))
        if sound.returncode:
            print(f"The tests must pass on the code as it is, and do not:\n{sound.stdout}{sound.stderr}")
            return 1
        living = [mutant for mutant in mutants if not killed(folder, mutant)]
    print(f"{len(mutants) - len(living)} of {len(mutants)} mutants are found")
    return 1 if living else 0


if __name__ == "__main__":
    sys.exit(main())
