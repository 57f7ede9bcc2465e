"""The going of old versions, and of files that no version names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ballast.warehouse.locks import leases
from ballast.warehouse.tables import layouts, pruning
from ballast.warehouse.tables.commits import Commit
from ballast.warehouse.tables.kept_files import STAGING, unnamed

if TYPE_CHECKING:
    from ballast.warehouse.warehouse import Warehouse


def prune(
    self: Warehouse,
    *,
    keep: int | None = None,
    older_than: timedelta | None = None,
    partitions: Sequence[tuple[str, str]] | None = None,
    models: bool = False,
    dry_run: bool = False,
) -> list[Commit]:
    """Removes old versions, of every asset and partition but the latest, and gives their commits, oldest first.

    Files that no version names go too, but none that a process which lives may be writing or reading.

    Parameters
    ----------
    keep
        How many of the newest versions stay.
    older_than
        How old a version must be to go.
    partitions
        Instead of old versions, all versions of these (asset, partition), their models too; what a model of
        another was made from stays.
    models
        Without it models stay, and every version that one of them was made from.
    dry_run
        Only gives what would go.

    Raises
    ------
    WarehouseError
        Not one of `keep`, `older_than` and `partitions` is given, but none or several, or one is not positive.
    """
    pruning.check_choice(keep, older_than, partitions)
    with self._reading() if dry_run else self._writing() as con:
        gone = pruning.chosen(con, keep, older_than, partitions, models=models) if con else []
        if con is None or dry_run:
            return gone
        assets, left = {commit.asset for commit in gone}, []
        for asset in assets:
            left += layouts.delete_rows(con, asset, [commit.version for commit in gone if commit.asset == asset])
        if gone:
            pruning.delete_commits(con, gone)
        if partitions is not None:
            layouts.refresh_views(con, assets)
        root = self.home.files
        if root is not None and root.exists():
            self._sessions.afterwards(con, stored=partial(_remove, root, unnamed(con, root), left))
    if gone if root is None else leases.clear(root / STAGING) is None:
        self.home.tidy(self.timeout)
    return gone


def _remove(root: Path, folders: Sequence[Path], left: Sequence[str]) -> None:
    """Removes folders that no version names, of which some were `left` by one just now.

    Those stay that are younger than the oldest lease of a process that lives: it may have begun to read what was a
    version's then. The prune after it has ended removes them.
    """
    since = leases.clear(root / STAGING)
    for folder in left:
        with suppress(OSError):  # a lake's, which removes it itself
            os.utime(root / folder)
    for folder in folders:
        with suppress(OSError):
            if since is None or folder.stat().st_mtime < since:
                shutil.rmtree(folder)
                folder.parent.rmdir()  # unless it holds other versions, or is the root of a lake
