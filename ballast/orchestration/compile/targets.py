"""Whether the targets of the steps that predict are each one's own, and are what its rows can be written to."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.deliver.files import place_of
from ballast.orchestration.plan.plan import Node
from ballast.orchestration.read.files import is_remote
from ballast.orchestration.spec.data import paths_of
from ballast.words import shown


def check_targets(draft: Draft) -> None:
    """Notes the targets that two steps would write, and those that the pipeline reads its own rows from.

    Two steps may share a table, in which each row says whose it is.
    """
    taken: dict[Path, str] = {}
    for name, step in draft.steps.items():
        if step.to is None or step.to.kind == "postgres":
            continue
        with draft.noting(name):
            place = _placed(draft, name, str(step.to.path or step.to.database))
            if step.to.path is not None:
                _check_own(draft, name, step.to.path, place, taken)


def _placed(draft: Draft, name: str, path: str) -> Path:
    try:
        return Path(str(place_of(path, draft.folder)).casefold())  # some disks ignore case
    except (OSError, RuntimeError, ValueError) as error:
        raise draft.fault(f"steps.{name}.to", f"{shown(path)} names no place: {error}") from error


def _check_own(draft: Draft, name: str, path: str, place: Path, taken: dict[Path, str]) -> None:
    key = f"steps.{name}.to"
    read = next((role for role in draft.data if _reads(draft, role, place)), None)
    for other, step in taken.items():
        if place == other or place in other.parents or other in place.parents:
            raise draft.fault(key, f"{step!r} writes there, too ({path}); name another place")
    if read is not None:
        raise draft.fault(key, f"{read!r} is read from there ({path}), and would be written over; name another place")
    taken[place] = name


def _reads(draft: Draft, role: str, place: Path) -> bool:
    """Says whether the paths of a role match a target's file, or files of its folder; `place` is in small letters."""
    patterns = [path for path in paths_of(draft.data[role]) if not is_remote(path)]
    names = [str(place), str(place / "any.parquet")]
    found = [str(place_of(path, draft.folder)).casefold() for path in patterns if _is_path(path, draft.folder)]
    return any(fnmatch(name, pattern) for pattern in found for name in names)


def _is_path(path: str, folder: Path) -> bool:
    try:
        place_of(path, folder)
    except (OSError, RuntimeError, ValueError):  # which is told where the rows are read
        return False
    return True


def check_split_targets(draft: Draft, nodes: Mapping[str, Node]) -> None:
    """Notes the steps whose target has room for one partition alone, or for partitions that they do not have."""
    for name, node in nodes.items():
        if name not in draft.spec.steps or node.step is None or node.step.to is None:  # or stands beside a step
            continue
        with draft.noting():
            if node.partitioned and node.step.to.kind == "file":
                raise draft.fault(
                    f"steps.{name}.to",
                    f"each of its partitions would write over the one before in {node.step.to.path}; name a folder "
                    "(out/scores/), which gets a file a partition, or a table",
                )
            if not node.partitioned and node.step.to.kind == "folder":
                raise draft.fault(
                    f"steps.{name}.to", "a folder gets a file a partition, and the step has none; name a .parquet file"
                )
