"""``ballast prune``: what goes, as a table."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import pandas as pd
from rich.markup import escape
from rich.table import Column, Table

from ballast.cli.console import out
from ballast.errors import ParameterError
from ballast.orchestration.commands.prune import prune, prune_retired, remove_unnamed
from ballast.orchestration.projects.find import every, project_resource, project_root
from ballast.warehouse import Commit
from ballast.words import plural


def prune_project(keep: int | None, older_than: str | None, *, retired: bool, models: bool, dry_run: bool) -> None:
    """Removes what is asked for and prints it."""
    if sum([keep is not None, older_than is not None, retired]) != 1:
        raise ParameterError("say what is to go, by one of --keep 5, --older-than 30d and --retired")
    left = remove_unnamed(project_resource(), dry_run=dry_run)
    if retired:
        plans = [declared.plan() for declared in every(project_root())]
        gone = prune_retired(project_resource(), plans, dry_run=dry_run)
    else:
        limit = None if older_than is None else age(older_than)
        gone = prune(project_resource(), keep=keep, older_than=limit, models=models, dry_run=dry_run)
    _print(gone, len(left), dry_run=dry_run)


def age(text: str) -> timedelta:
    """Gives a length of time written as 30d, 12h or 90min."""

    try:
        length = pd.Timedelta(text)
    except ValueError as error:
        raise ParameterError(
            f"--older-than {text!r} is not a length of time ({error}); write it as 30d or 12h"
        ) from error
    if text.strip().lstrip("+-").replace(".", "").isdigit():
        raise ParameterError(f"--older-than {text!r} has no unit; write it as {text.strip()}d or {text.strip()}h")
    return length.to_pytimedelta()


def _print(gone: list[Commit], files: int, *, dry_run: bool) -> None:
    did = "Would remove" if dry_run else "Removed"
    if files:
        out.print(f"{did} {plural(files, 'file')} of models whose runs were stopped or failed before they were stored")
    if not gone:
        out.print("Nothing to remove" if not files else "No version to remove")
        return
    by_asset: defaultdict[str, list[Commit]] = defaultdict(list)
    for commit in gone:
        by_asset[commit.asset if commit.partition is None else f"{commit.asset} [{commit.partition}]"].append(commit)
    table = Table("step", Column("versions", justify="right"), Column("rows", justify="right"), header_style="bold")
    for asset, commits in sorted(by_asset.items()):
        table.add_row(escape(asset), str(len(commits)), f"{sum(c.row_count for c in commits):,}")
    out.print(table)
    out.print(f"{did} {plural(len(gone), 'version')}")
