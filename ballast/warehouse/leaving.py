"""What may leave the warehouse: nothing from behind a closed gate, unless somebody insists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ballast.errors import GateClosedError
from ballast.warehouse.tables import ancestry

if TYPE_CHECKING:
    from ballast.warehouse.tables.commits import Commit, Verdict
    from ballast.warehouse.warehouse import Warehouse


def behind(warehouse: Warehouse, versions: Iterable[tuple[str, int]]) -> list[Commit]:
    """Gives some (asset, version) and all that these were made from, the nearest first; what was pruned is left out."""
    with warehouse._reading() as con:
        return ancestry.behind(con, versions) if con else []


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


def closed_behind(
    warehouse: Warehouse, before: Sequence[Commit], verdicts: Sequence[Verdict] | None = None
) -> list[str]:
    """Gives which versions are behind a closed gate or were never judged, each in words.

    `verdicts` are those on the versions, where they are known already.
    """
    before = list({(c.asset, c.version): c for c in before}.values())
    if verdicts is None:
        verdicts = warehouse.verdicts_of([(c.asset, c.version) for c in before])
    closed = [f"{v.asset} (version {v.version}): {v.gate}: {v.message}" for v in verdicts if v.closes]
    unjudged = [c for c in before if warehouse.basis_of(c.asset, c.version) is None]
    return [*closed, *(f"{c.asset} (version {c.version}): its gates never judged it" for c in unjudged)]
