"""The folder of a project, as the tests of the command line have it."""

from __future__ import annotations

from tests.cli.conftest import folder

__all__ = ["folder"]
