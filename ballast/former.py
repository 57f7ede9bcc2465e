"""Modules under the names that they had before: they work until version 0.3, with a warning.

``import ballast.orchestration.running`` gives a module whose names are those of the present one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

FORMER = {
    "ballast.gates.builtin": "ballast.gates.great_expectations.builtin",
    "ballast.gates.expectations": "ballast.gates.great_expectations.expectations",
    "ballast.methods.base": "ballast.methods.frame.base",
    "ballast.methods.novelty": "ballast.methods.out_of_distribution",
    "ballast.methods.parameters": "ballast.methods.frame.parameters",
    "ballast.methods.reports": "ballast.methods.frame.reports",
    "ballast.methods.streams": "ballast.methods.frame.streams",
    "ballast.methods.vocabulary": "ballast.methods.frame.vocabulary",
    "ballast.orchestration.checking": "ballast.orchestration.commands.check",
    "ballast.orchestration.compiler": "ballast.orchestration.compile.compiler",
    "ballast.orchestration.component": "ballast.orchestration.graph.component",
    "ballast.orchestration.execution": "ballast.orchestration.run.unit",
    "ballast.orchestration.inputs": "ballast.orchestration.run.run",
    "ballast.orchestration.outline": "ballast.orchestration.run.outline",
    "ballast.orchestration.pruning": "ballast.orchestration.commands.prune",
    "ballast.orchestration.recent": "ballast.orchestration.run.recent",
    "ballast.orchestration.resources": "ballast.orchestration.graph.resources",
    "ballast.orchestration.running": "ballast.orchestration.commands.run",
    "ballast.orchestration.sources": "ballast.orchestration.read.sources",
    "ballast.orchestration.yaml_files": "ballast.orchestration.spec.yaml_files",
    "ballast.warehouse.commits": "ballast.warehouse.tables.commits",
    "ballast.warehouse.embedded": "ballast.warehouse.homes.embedded",
    "ballast.warehouse.hashing": "ballast.warehouse.tables.hashing",
    "ballast.warehouse.lake": "ballast.warehouse.homes.lake",
    "ballast.warehouse.layouts": "ballast.warehouse.tables.layouts",
    "ballast.warehouse.matrices": "ballast.warehouse.tables.matrices",
    "ballast.warehouse.queries": "ballast.warehouse.tables.queries",
    "ballast.warehouse.turns": "ballast.warehouse.locks.turns",
}
"""Each former module, and where most of it is now."""


class _Former(MetaPathFinder, Loader):
    """Finds the modules of ``FORMER``, which nothing else finds."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in FORMER else None

    def exec_module(self, module: ModuleType) -> None:
        from ballast.methods.frame.moved import moved

        module.__getattr__ = moved(module.__name__, FORMER[module.__name__])  # type: ignore[method-assign]


def install() -> None:
    """Makes former modules importable; once a process, after all other ways to find a module."""
    if not any(type(finder).__name__ == _Former.__name__ for finder in sys.meta_path):
        sys.meta_path.append(_Former())
