"""What may leave the warehouse: nothing from behind a closed gate, unless somebody insists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ballast.errors import GateClosedError

if TYPE_CHECKING:
    from ballast.warehouse.tables.commits import Commit, Verdict
    from ballast.warehouse.warehouse import Warehouse


def behind(warehouse: Warehouse, commit: Commit) -> list[Commit]:
    """Gives a version and all that it was made from, the nearest first; what was pruned is left out."""
    of = {(c.asset, c.version): c for c in warehouse.commits()}
    found: dict[tuple[str, int], Commit] = {}
    waiting = [(commit.asset, commit.version)]
    while waiting:
        key = waiting.pop(0)
        if key in found or key not in of:
            continue
        found[key] = of[key]
        waiting += of[key].inputs.items()
    return list(found.values())


def checked(warehouse: Warehouse, commit: Commit, before: Sequence[Commit], *, force: bool) -> list[Verdict]:
    """Gives the verdicts on a version and on what it was made from (``before``).

    Raises GateClosedError where one of them is closed, or one of the versions was never judged, and `force` is not
    given.
    """
    verdicts = warehouse.verdicts_of([(c.asset, c.version) for c in before])
    if not force and (closed := closed_behind(warehouse, before, verdicts)):
        told = "; ".join(closed)
        raise GateClosedError(
            f"{commit.asset} (version {commit.version}) does not leave: closed is the gate behind {told}. Fix the data "
            "or the step and run it again, or use --force (force=True), which is then said beside it"
        )
    return verdicts


def closed_behind(warehouse: Warehouse, before: Sequence[Commit], verdicts: Sequence[Verdict]) -> list[str]:
    """Gives what of a version, and of what it was made from, is behind a closed gate or was never judged, in words."""
    closed = [f"{v.asset} (version {v.version}): {v.gate}: {v.message}" for v in verdicts if v.closes]
    unjudged = [c for c in before if warehouse.basis_of(c.asset, c.version) is None]
    return [*closed, *(f"{c.asset} (version {c.version}): its gates never judged it" for c in unjudged)]
