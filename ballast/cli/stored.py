"""``ballast ls``: what the warehouse holds, a row a table."""

from __future__ import annotations

from collections import defaultdict

from rich.markup import escape

from ballast.cli.console import out
from ballast.cli.tables import print_fitting
from ballast.errors import ParameterError, nearest
from ballast.orchestration.projects.find import project_resource
from ballast.stages import STAGES
from ballast.warehouse import Commit
from ballast.warehouse.names import view_of
from ballast.words import plural


def print_stored(pipelines: list[str]) -> None:
    """Prints the tables of the pipelines, or of all, by the names that SQL knows them by, the oldest first.

    Rows are those of the newest version, of every partition where there are some. ParameterError for a pipeline of
    which nothing is stored.
    """
    warehouse = project_resource().open()
    found: defaultdict[str, list[Commit]] = defaultdict(list)
    for commit in warehouse.commits():  # the newest first
        found[commit.asset].append(commit)
    there = {asset.partition("/")[0] for asset in found}
    for name in pipelines:
        if name not in there:
            held = f" (it holds {', '.join(sorted(there))})" if there else ""
            raise ParameterError(f"{warehouse.url} holds nothing of {name!r}{nearest(name, there)}{held}")
    rows = [
        _row(commits)
        for asset, commits in reversed(found.items())
        if not pipelines or asset.partition("/")[0] in pipelines
    ]
    if not rows:
        out.print(f"{warehouse.url} holds nothing yet: run a pipeline first", markup=False, soft_wrap=True)
        return
    rows.sort(key=lambda row: row[0].partition(".")[0])
    print_fitting(
        out, ("table", "kind", "rows >", "versions >", "made (UTC)", "method"), rows, spare=("method", "kind")
    )
    said = f"{plural(len(rows), 'table')} in {warehouse.url}; read one by "
    said += f'`ballast sql "SELECT * FROM {rows[-1][0]}"`'
    out.print(said, markup=False, highlight=False, soft_wrap=True)


def _row(commits: list[Commit]) -> tuple[str, ...]:
    newest = commits[0]
    last: dict[str | None, Commit] = {}
    for commit in commits:
        last.setdefault(commit.partition, commit)
    stage = STAGES.get(newest.kind or "")
    partitions = f" in {plural(len(last), 'partition')}" if newest.partition is not None else ""
    return (
        escape(".".join(view_of(newest.asset))),
        f"{newest.kind or ''}{partitions}",
        "" if stage and stage.model else f"{sum(commit.row_count for commit in last.values()):,}",
        str(len(commits)),
        f"{newest.created_at:%Y-%m-%d %H:%M}",
        escape(newest.method or ""),
    )
