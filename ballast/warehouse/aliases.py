"""What an alias names, such as digits/production, and how it comes to name another model."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from ballast.errors import ModelStoreError, VersionNotFoundError, WarehouseError, nearest
from ballast.warehouse.leaving import behind
from ballast.warehouse.models.store import ModelStore, StoredModel
from ballast.warehouse.tables import aliases
from ballast.warehouse.tables.aliases import Use, standing
from ballast.warehouse.tables.commits import Commit
from ballast.warehouse.warehouse import Warehouse
from ballast.words import listed


def history(warehouse: Warehouse, alias: str) -> list[Use]:
    """Gives all that an alias has named, the oldest first; nothing of a name that is not an alias."""
    with warehouse._reading() as con:
        return aliases.select_uses(con, alias) if con else []


def in_use(warehouse: Warehouse, alias: str) -> Use | None:
    """Gives what an alias names now, None while it names nothing."""
    return next(reversed(history(warehouse, alias)), None)


def names(warehouse: Warehouse) -> list[str]:
    """Gives the aliases that there are, in order."""
    with warehouse._reading() as con:
        return sorted({use.alias for use in aliases.select_uses(con)}) if con else []


def next_use(
    before: Sequence[Use],
    alias: str,
    named: tuple[str, int],
    way: Literal["rule", "hand", "rollback"],
    why: str,
    *,
    run_id: str | None = None,
    forced: bool = False,
) -> Use:
    """Gives the use that is to follow an alias's history, by whoever runs this process."""
    number = before[-1].number + 1 if before else 1
    return Use(alias, number, *named, datetime.now(UTC), way, _who(), run_id, why, forced)


def move(warehouse: Warehouse, use: Use) -> None:
    """Makes an alias name a model's version; OutdatedError where it was moved since the history that this follows."""
    with warehouse._writing() as con:
        aliases.insert_use(con, use)


def step_back(warehouse: Warehouse, alias: str, why: str) -> Use:
    """Gives the use by which an alias would name again what it named before; twice goes two back.

    Raises
    ------
    VersionNotFoundError
        There is no such alias.
    WarehouseError
        It has named nothing before.
    """
    before = history(warehouse, alias)
    if not before:
        raise unknown(warehouse, alias)
    stands = standing(before)
    if len(stands) < 2:
        raise WarehouseError(
            f"{alias} named nothing before {stands[-1]}, so that there is nothing to go back to; promote another model "
            f"(`ballast promote {alias} PIPELINE/STEP --why ...`)"
        )
    return next_use(before, alias, stands[-2].named, "rollback", why)


def unknown(warehouse: Warehouse, alias: str) -> VersionNotFoundError:
    """Gives the error that says which aliases there are."""
    there = names(warehouse)
    return VersionNotFoundError(
        f"{warehouse.url} has no alias {alias!r}{nearest(alias, there)} "
        f"(aliases: {listed(there) if there else 'none yet; `ballast promote` makes one'})"
    )


def parts(warehouse: Warehouse, models: ModelStore, use: Use) -> dict[str, Commit]:
    """Gives the version that an alias names, as ``estimator``, and with it its ``encoder`` and ``embedder``.

    Raises
    ------
    ModelStoreError
        One of them is gone, or its file is, or was changed: the error names the alias, the version and the remedy.
    """
    found = behind(warehouse, [use.named])
    of = {(c.asset, c.version): c for c in found}
    made = {"estimator": of.get(use.named), "encoder": next((c for c in found if c.kind == "encoder"), None)}
    if made["estimator"] is not None and (embed := made["estimator"].summary.get("embed")) is not None:
        asset = f"{use.model.partition('/')[0]}/{embed}"
        made["embedder"] = next((c for c in found if c.asset == asset), None)
    there: dict[str, Commit] = {}
    for part, commit in made.items():
        if commit is None:
            raise gone(use, f"the {_PARTS[part]} is no longer in {warehouse.url}")
        problem = models.problem(StoredModel.of(warehouse.read(commit.asset, version=commit.version)))
        if problem is not None:
            raise gone(use, problem)
        there[part] = commit
    return there


_PARTS = {
    "estimator": "model",
    "encoder": "encoder that it was fitted with",
    "embedder": "network that embeds its rows",
}


def gone(use: Use, problem: str) -> ModelStoreError:
    """Gives the error that a model which an alias names cannot be had."""
    return ModelStoreError(
        f"{use.alias} names {use}, which cannot be used: {problem}. Restore the file from a copy, go back to what was "
        f"in use before (`ballast rollback {use.alias}`), or promote another (`ballast promote {use.alias} STEP`)"
    )


def _who() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        user = "somebody"
    return f"{user}@{socket.gethostname()}"
