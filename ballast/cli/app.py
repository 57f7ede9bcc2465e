"""The commands. Each loads what it needs when it is called, so that ``ballast --help`` is quick."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ballast import __version__
from ballast.cli.console import FAILED, INTERRUPTED, err, out
from ballast.errors import BallastError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Keep models upright when the data shifts: check, weigh, resample, train and judge, as one gated graph.",
)

PipelineArgument = Annotated[str, typer.Argument(help="A pipeline's name, its folder, or a YAML file.")]
PartitionOption = Annotated[str | None, typer.Option(help="The partition to work on; default all, or the latest.")]


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Turns Ballast's own errors into one message and exit code 2, and Ctrl-C into 130."""
    try:
        yield
    except BallastError as error:
        err.print(f"[bold red]{type(error).__name__}[/]: ", end="")
        err.print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt as error:
        err.print("[yellow]stopped[/]")
        raise typer.Exit(INTERRUPTED) from error


def _version(asked: bool) -> None:
    if asked:
        out.print(__version__)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Options that stand before the command."""


@app.command()
def run(
    pipeline: PipelineArgument,
    select: Annotated[
        list[str] | None, typer.Option("--select", help="Run this step only, on what is stored; may be repeated.")
    ] = None,
    partition: PartitionOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Read inputs even if their gate is closed; this is recorded.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Compute again even what is stored for the same inputs.")
    ] = False,
) -> None:
    """Run a pipeline here, with its gates, and write its report.

    Exit code 0: all ran and every gate is open; 1: a gate is closed; 2: a step failed or the pipeline is wrong.
    """
    with exit_on_error():
        from ballast.cli.run import run_pipeline

        raise typer.Exit(run_pipeline(pipeline, select or [], partition, force=force, fresh=fresh))


@app.command()
def check(
    pipelines: Annotated[
        list[str] | None, typer.Argument(help="Pipelines to check; default all of the project.")
    ] = None,
    spec_only: Annotated[bool, typer.Option("--spec-only", help="Check the YAML alone, no data.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Write the verdicts as JUnit XML too.")] = None,
    select: Annotated[
        list[str] | None, typer.Option("--select", help="Judge only this data role or step; may be given again.")
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option("--file", help="NAME=PATH: judge this table as that data role's or step's; may be given again."),
    ] = None,
    partition: PartitionOption = None,
    stored: Annotated[bool, typer.Option("--stored", help="Judge sources as last stored, not as now.")] = False,
) -> None:
    """Judge every gate: of the sources as they are now, of the steps as last stored.

    Exit code 0: all open; 1: a gate is closed; 2: something could not be judged.
    """
    with exit_on_error():
        from ballast.cli.check import check_pipelines

        raise typer.Exit(
            check_pipelines(
                pipelines or [],
                spec_only=spec_only,
                junit=junit,
                select=select or [],
                files=file or [],
                partition=partition,
                stored=stored,
            )
        )


@app.command()
def catalog(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    room: Annotated[str | None, typer.Option(help="Only the methods of this room.")] = None,
) -> None:
    """List the methods: name, role, room, the ids they cover, and whether their paper's claim held."""
    with exit_on_error():
        from ballast.cli.tables import print_catalog

        print_catalog(out, as_json=as_json, room=room)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help='Such as "SELECT * FROM digits.density".')],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for programs.")] = False,
) -> None:
    """Query the warehouse in SQL; nothing can be written this way."""
    with exit_on_error():
        from ballast.cli.tables import print_frame
        from ballast.orchestration.projects.find import project_resource

        frame = project_resource().open().sql(query)
        if as_csv:
            frame.to_csv(sys.stdout, index=False)
        else:
            print_frame(out, frame)


@app.command()
def prune(
    keep: Annotated[int | None, typer.Option(help="Keep this many of the newest versions of each step.")] = None,
    older_than: Annotated[str | None, typer.Option(help="Remove versions older than this, such as 30d or 12h.")] = None,
    models: Annotated[
        bool, typer.Option("--models", help="Remove old models too, and what they were trained on.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be removed.")] = False,
) -> None:
    """Remove old versions from the warehouse.

    The latest version of every step and partition stays; so do models and all that one of them was trained on,
    unless --models is given.
    """
    with exit_on_error():
        from ballast.cli.tables import age, print_pruned
        from ballast.orchestration.commands.prune import prune as remove
        from ballast.orchestration.projects.find import project_resource

        limit = None if older_than is None else age(older_than)
        gone = remove(project_resource(), keep=keep, older_than=limit, models=models, dry_run=dry_run)
        print_pruned(out, gone, dry_run=dry_run)


@app.command()
def report(pipeline: PipelineArgument, partition: PartitionOption = None) -> None:
    """Write a pipeline's report from what is stored, and print where it is."""
    with exit_on_error():
        from ballast.orchestration.commands.run import partition_keys, write_report_of
        from ballast.orchestration.projects.find import find

        declared = find(pipeline)
        plan = declared.plan()
        definitions = declared.definitions(plan)
        for key in partition_keys(plan, partition):
            out.print(str(write_report_of(declared, plan, definitions, key)), soft_wrap=True)


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="The folder of the new project; created if it does not exist.")],
) -> None:
    """Make a working Dagster project with one Ballast pipeline in it."""
    with exit_on_error():
        from ballast.cli.init import make_project

        made = make_project(directory)
        out.print(f"Made {len(made)} files in {directory}. Next:", markup=False, highlight=False, soft_wrap=True)
        out.print(f"  cd {shlex.quote(str(directory))}", markup=False, highlight=False, soft_wrap=True)
        out.print("  ballast run wine", highlight=False)
