"""What every test shares: a quiet, repeatable environment, and reasons to skip where a machine lacks a part."""

from __future__ import annotations

import os
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import postgres

pytest_plugins = ["tests.claims.plugin", "tests.dealing"]

# Set before numpy and torch load: the workers share the cores, and one thread sums in one order.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
os.environ.pop("DAGSTER_HOME", None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URI of a Postgres server that lives as long as the tests; see `postgres.new_database`."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, postgres.server(Path(folder)) as uri:
        yield uri


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Adds the room `extra` to the package; gives the function that writes a module into it."""
    import ballast.methods
    from ballast.methods.frame.catalogue import index, methods

    def forget() -> None:
        index.cache_clear()
        methods.cache_clear()

    folder = tmp_path / "rooms" / "extra"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('"""Methods that are to come."""\n')
    monkeypatch.setattr(ballast.methods, "__path__", [*ballast.methods.__path__, str(folder.parent)])

    def write(module: str, source: str) -> None:
        (folder / f"{module}.py").write_text(textwrap.dedent(source))
        forget()

    forget()
    yield write
    forget()
    for loaded in [m for m in sys.modules if m.startswith("ballast.methods.extra")]:
        del sys.modules[loaded]


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")
