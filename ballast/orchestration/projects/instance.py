"""The Dagster instance in which a project's runs are recorded."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from filelock import FileLock

from ballast.orchestration.graph.home import home
from ballast.orchestration.projects.records import keep_connections

_SETTINGS = "telemetry:\n  enabled: false\nnux:\n  enabled: false\n"
_LONGEST_WAIT = 120.0  # seconds; making an instance takes about one
logging.getLogger("sqlalchemy.pool").addHandler(logging.NullHandler())  # what fails, or Ctrl-C stops, is raised too


def instance() -> dg.DagsterInstance:
    """Gives the Dagster instance of ``$DAGSTER_HOME``, else the project's own in ``.ballast/dagster``.

    It is made, with its databases, by one process at a time: two that make one database at once leave it broken.

    Raises
    ------
    OSError
        The folder cannot be made or written, or another process has been making the instance for two minutes.
    """
    if "DAGSTER_HOME" not in os.environ:
        folder = home() / "dagster"
        folder.mkdir(parents=True, exist_ok=True)
        settings = folder / "dagster.yaml"
        if not settings.exists():
            fresh = settings.with_suffix(f".{os.getpid()}.new")
            fresh.write_text(_SETTINGS, encoding="utf-8")
            fresh.replace(settings)
        os.environ["DAGSTER_HOME"] = str(folder)
    with _alone_in(Path(os.environ["DAGSTER_HOME"]).expanduser()):
        made = dg.DagsterInstance.get()
        for storage in (made.run_storage, made.event_log_storage, made.schedule_storage):
            assert storage is not None, "Dagster makes the databases of an instance with it"
        if type(made.event_log_storage) is SqliteEventLogStorage:
            keep_connections(made.event_log_storage)
        return made


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    if not os.access(folder, os.W_OK):  # of somebody's own making, with its records elsewhere
        yield
        return
    with FileLock(folder / "ballast.lock", timeout=_LONGEST_WAIT):
        yield
