"""The wheel: what it holds, and that it works away from the repository."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import ballast

ROOT = Path(__file__).parents[2]
INFO = f"dagster_ballast-{ballast.__version__}.dist-info"


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Gives the standard output of a command; a failure shows all it printed."""
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT, cwd=folder)
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_when_built_then_it_holds_all_of_the_package_and_nothing_else(wheel):
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith(f"{INFO}/")}
    files = [path for path in (ROOT / "ballast").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert packed == {path.relative_to(ROOT).as_posix() for path in files}
    assert "ballast/py.typed" in packed


def test_wheel_when_built_then_its_metadata_name_licence_python_and_entry_points(wheel):
    archive = zipfile.ZipFile(wheel)
    metadata = email.message_from_bytes(archive.read(f"{INFO}/METADATA"))
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert not any("dagster-ge" in requirement for requirement in metadata.get_all("Requires-Dist", []))
    assert archive.read(f"{INFO}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    entry_points = archive.read(f"{INFO}/entry_points.txt").decode().split()
    assert entry_points == [
        *("[console_scripts]", "ballast", "=", "ballast.cli:app"),
        *("[dagster_dg_cli.registry_modules]", "ballast", "=", "ballast"),
    ]


def test_wheel_when_installed_without_any_dependency_then_it_imports_elsewhere(wheel, tmp_path):
    run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", tmp_path / "there", wheel, cwd=tmp_path)
    script = "import ballast, ballast.errors; print(ballast.__file__, sorted(ballast.__all__))"
    # -S: without the packages of this environment
    printed = run(sys.executable, "-S", "-c", script, cwd=tmp_path, PYTHONPATH=str(tmp_path / "there"))
    assert printed.startswith(str(tmp_path / "there"))
    assert "Warehouse" in printed


@pytest.mark.full
def test_wheel_when_installed_with_its_dependencies_then_all_of_it_works_elsewhere(wheel, tmp_path):
    venv.create(tmp_path / "fresh", with_pip=True, symlinks=os.name != "nt")
    fresh_python = tmp_path / "fresh" / "bin" / "python"
    run(fresh_python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel, cwd=tmp_path)
    script = "import ballast; print(ballast.__file__); [getattr(ballast, name) for name in ballast.__all__]"
    assert run(fresh_python, "-I", "-c", script, cwd=tmp_path).startswith(str(tmp_path / "fresh"))
    assert "kliep" in run(fresh_python.with_name("ballast"), "catalog", "--json", cwd=tmp_path)
