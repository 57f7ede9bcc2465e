"""Whether the targets of the steps that predict are each one's own, and are what its rows can be written to."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.deliver.files import place_of
from ballast.orchestration.plan.plan import Node
from ballast.orchestration.read.files import is_remote, located
from ballast.orchestration.spec.pipeline import as_list


def check_targets(draft: Draft) -> None:
    """Notes the targets that two steps would write, and those that the pipeline reads its own rows from.

    Two steps may share a table, in which each row says whose it is.
    """
    taken: dict[Path, str] = {}
    for name, step in draft.steps.items():
        if step.to is not None and step.to.path is not None:
            with draft.noting(name):
                _check_path(draft, name, step.to.path, taken)


def _check_path(draft: Draft, name: str, path: str, taken: dict[Path, str]) -> None:
    key = f"steps.{name}.to"
    try:
        place = Path(str(place_of(path, draft.folder)).casefold())  # some disks ignore case
        read = next((role for role in draft.data if _reads(draft, role, place)), None)
    except (OSError, RuntimeError, ValueError) as error:
        raise draft.fault(key, f"{path!r} names no place: {error}") from error
    for other, step in taken.items():
        if place == other or place in other.parents or other in place.parents:
            raise draft.fault(key, f"{step!r} writes there, too ({path}); name another place")
    if read is not None:
        raise draft.fault(key, f"{read!r} is read from there ({path}), and would be written over; name another place")
    taken[place] = name


def _reads(draft: Draft, role: str, place: Path) -> bool:
    """Says whether the paths of a role match a target's file, or files of its folder; `place` is in small letters."""
    patterns = [path for path in as_list(draft.data[role].path) if not is_remote(path)]
    names = [str(place), str(place / "any.parquet")]
    return any(fnmatch(name, str(located(p, draft.folder)).casefold()) for p in patterns for name in names)


def check_split_targets(draft: Draft, nodes: Mapping[str, Node]) -> None:
    """Notes the steps whose target has room for one partition alone, or for partitions that they do not have."""
    for name, node in nodes.items():
        if node.step is None or node.step.to is None:
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
