"""``ballast promote``, ``rollback`` and ``history``: which model an alias names, by hand and on record."""

from __future__ import annotations

from rich.markup import escape

from ballast.cli.console import out
from ballast.cli.tables import print_fitting
from ballast.orchestration.commands.promote import promote, roll_back
from ballast.orchestration.projects.find import project_resource
from ballast.warehouse.aliases import history, unknown
from ballast.warehouse.tables.aliases import Use


def promote_model(alias: str, step: str, version: int | None, why: str, *, force: bool) -> None:
    """Makes an alias name a model's version, and says what it named before."""
    resource = project_resource()
    use = promote(resource, alias, step, version=version, why=why, force=force)
    _tell(use, history(resource.open(), alias))


def roll_back_model(alias: str, why: str) -> None:
    """Makes an alias name again what it named before, and says what that is."""
    resource = project_resource()
    use = roll_back(resource, alias, why=why)
    _tell(use, history(resource.open(), alias))


def print_history(alias: str) -> None:
    """Prints all that an alias has named, the newest first; VersionNotFoundError where there is no such alias."""
    warehouse = project_resource().open()
    uses = history(warehouse, alias)
    if not uses:
        raise unknown(warehouse, alias)
    rows = [
        (
            str(use.number),
            escape(use.model),
            str(use.version),
            f"{use.since:%Y-%m-%d %H:%M}",
            f"{use.way}{', forced' if use.forced else ''}",
            escape(use.who),
            escape(use.why),
        )
        for use in reversed(uses)
    ]
    head = (escape(alias), "model", "version >", "since (UTC)", "by", "who", "why")
    print_fitting(out, head, rows, spare=("who", "why"))


def _tell(use: Use, uses: list[Use]) -> None:
    before = next((str(u) for u in reversed(uses) if u.number < use.number), None)
    was = f"before it was {before}" if before else "it is new"
    told = f"{use.alias} is now {use}; {was}.{' Gates are closed behind it, which is recorded.' if use.forced else ''}"
    out.print(told, markup=False, highlight=False, soft_wrap=True)
