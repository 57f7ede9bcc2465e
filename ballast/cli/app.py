"""The commands. Each loads what it needs when it is called, so that ``ballast --help`` is quick."""

from __future__ import annotations

import shlex
import webbrowser
from pathlib import Path
from typing import Annotated, Literal

import typer

from ballast import __version__
from ballast.cli.console import err, out, write_out
from ballast.cli.exits import exit_on_error

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
)

PipelineArgument = Annotated[str, typer.Argument(help="A pipeline's name, its folder, or a YAML file.")]
PartitionOption = Annotated[str | None, typer.Option(help="The partition to work on; default all, or the latest.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Print the traceback of an error.")]


def _version(asked: bool) -> None:
    if asked:
        out.print(__version__)
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Keep models upright when the data shifts: check, weigh, resample, train and judge, as one gated graph.

    Exit code of every command: 0: done, and every gate is open; 1: a gate is closed; 2: anything else;
    130: stopped by Ctrl-C.
    """
    if debug:
        commands = [(info.name, info.callback) for info in app.registered_commands]
        context.default_map = {name or call.__name__: {"debug": True} for name, call in commands if call is not None}


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
    memory: Annotated[
        str | None,
        typer.Option(
            "--memory",
            envvar="BALLAST_MEMORY",
            help="What a step may use, as 4GiB; tests by column add up the parts of larger tables. Default: half.",
        ),
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Run a pipeline here, with its gates, and write its report.

    Exit code 0: all ran and every gate is open; 1: a gate is closed; 2: a step failed or the pipeline is wrong.
    """
    with exit_on_error(debug):
        with out.status("Loading Ballast ..."):
            from ballast.cli.run import run_pipeline

        raise typer.Exit(run_pipeline(pipeline, select or [], partition, force=force, fresh=fresh, memory=memory))


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
    closed: Annotated[
        bool, typer.Option("--closed", help="Print only the gates that are not open, a line each.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Judge every gate: of the sources as they are now, of the steps as last stored.

    Exit code 0: all open; 1: a gate is closed; 2: something could not be judged.
    """
    with exit_on_error(debug):
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
                closed=closed,
            )
        )


@app.command()
def explain(
    name: Annotated[str, typer.Argument(help="A pipeline, or one of its data roles and steps: digits/density.")],
    debug: DebugOption = False,
) -> None:
    """Say in words what a pipeline makes, or what one step will do: rows, columns, parameters, gates, readers."""
    with exit_on_error(debug):
        from ballast.cli.explain import explain as told

        told(name)


@app.command()
def catalog(
    name: Annotated[str | None, typer.Argument(help="A method, to print all that there is to know of it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    room: Annotated[str | None, typer.Option(help="Only the methods of this room, such as weights.")] = None,
    role: Annotated[str | None, typer.Option(help="Only the methods of this role, such as weigher.")] = None,
    verdict: Annotated[str | None, typer.Option(help="Only those whose claim has this verdict: reproduced ...")] = None,
    search: Annotated[str | None, typer.Option(help="Only those whose card has all of these words.")] = None,
    debug: DebugOption = False,
) -> None:
    """List the methods in a line each: name, role and what it gives; of one, print the whole card."""
    with exit_on_error(debug):
        from ballast.cli.catalogue import print_card, print_catalog

        if name is None:
            print_catalog(out, as_json=as_json, room=room, role=role, verdict=verdict, search=search)
        else:
            print_card(out, name)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help='Such as "SELECT * FROM digits.density".')],
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV in UTF-8, for programs; a text like a formula gets a ' in front.")
    ] = False,
    files: Annotated[bool, typer.Option("--files", help="Let the query read files, such as FROM 'new.csv'.")] = False,
    debug: DebugOption = False,
) -> None:
    """Query the warehouse in SQL; nothing can be written this way.

    One SELECT, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN (not ANALYZE).
    """
    with exit_on_error(debug):
        from ballast.cli.tables import csv_of, print_frame
        from ballast.orchestration.projects.find import project_resource

        frame = project_resource().open().sql(query, files=files)
        if as_csv:
            write_out(csv_of(frame))
        else:
            print_frame(out, frame)


@app.command("ls")
def stored(
    pipelines: Annotated[list[str] | None, typer.Argument(help="Pipelines to list; default all.")] = None,
    debug: DebugOption = False,
) -> None:
    """List what is stored: the tables by their names in SQL, with their rows, versions and age."""
    with exit_on_error(debug):
        from ballast.cli.stored import print_stored

        print_stored(pipelines or [])


@app.command()
def prune(
    keep: Annotated[int | None, typer.Option(help="Keep this many of the newest versions of each step.")] = None,
    older_than: Annotated[str | None, typer.Option(help="Remove versions older than this, such as 30d or 12h.")] = None,
    retired: Annotated[
        bool, typer.Option("--retired", help="Remove partitions that their pipelines no longer declare, models too.")
    ] = False,
    models: Annotated[
        bool, typer.Option("--models", help="Remove old models too, and what they were trained on.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be removed.")] = False,
    debug: DebugOption = False,
) -> None:
    """Remove old versions, or retired partitions, from the warehouse.

    The latest version of every step and declared partition stays; so do models and all that one of them was trained
    on, unless --models is given.
    """
    with exit_on_error(debug):
        from ballast.cli.prune import prune_project

        prune_project(keep, older_than, retired=retired, models=models, dry_run=dry_run)


@app.command()
def report(
    pipeline: PipelineArgument,
    partition: PartitionOption = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser too.")] = False,
    debug: DebugOption = False,
) -> None:
    """Write a pipeline's report from what is stored, and print where it is."""
    with exit_on_error(debug):
        from ballast.orchestration.commands.run import partition_keys, write_report_of
        from ballast.orchestration.projects.find import find

        declared = find(pipeline)
        plan = declared.plan()
        definitions = declared.definitions(plan)
        for key in partition_keys(plan, partition):
            path = write_report_of(declared, plan, definitions, key)
            out.print(str(path), markup=False, highlight=False, soft_wrap=True)
            if show and not webbrowser.open(path.as_uri()):
                err.print("There is no browser to open it in.")


@app.command()
def export(
    step: Annotated[str, typer.Argument(help="A step, or an alias: digits/reweighted, digits/density.")],
    place: Annotated[
        Path,
        typer.Argument(help="The folder for a model, or the file for rows: .parquet, .csv, .arrow, .feather."),
    ],
    form: Annotated[
        Literal["ballast", "mlflow", "onnx"],
        typer.Option(
            "--format",
            help="What is to read a model: ballast.load, mlflow.pyfunc or onnxruntime (the last two: extras).",
        ),
    ] = "ballast",
    experiment: Annotated[
        str | None,
        typer.Option(help="An experiment of MLflow to log the model in, too, where MLFLOW_TRACKING_URI says."),
    ] = None,
    version: Annotated[int | None, typer.Option(help="The version of the step; default the latest.")] = None,
    join: Annotated[
        str | None, typer.Option(help="The data role whose columns stand beside a step's rows, such as train.")
    ] = None,
    partition: Annotated[str | None, typer.Option(help="The partition of a step's rows.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Export even from behind a closed gate; that is said beside it.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Write a model into a folder that `ballast.load` reads, or the rows of another step into a file.

    A folder holds the model, its encoder, the schema of its training rows, and a model card. A file holds weights,
    drawn rows, features, scores, predictions or a data role's rows, for another trainer.
    """
    with exit_on_error(debug):
        from ballast.cli.export import export as written

        written(step, place, form, experiment, version, join=join, partition=partition, force=force)


AliasArgument = Annotated[str, typer.Argument(help="The name that the model in use goes by: digits/production.")]


@app.command()
def promote(
    alias: AliasArgument,
    step: Annotated[str, typer.Argument(help="The learner step whose model is to be used: digits/reweighted.")],
    why: Annotated[str, typer.Option(help="Why, for those who come after.")],
    version: Annotated[int | None, typer.Option(help="The version of the step; default the latest.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Use it even with a gate closed behind it; this is recorded.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Make a model the one in use, by hand; who did it, when and why is recorded."""
    with exit_on_error(debug):
        from ballast.cli.promote import promote_model

        promote_model(alias, step, version, why, force=force)


@app.command()
def rollback(
    alias: AliasArgument,
    why: Annotated[str, typer.Option(help="Why, for those who come after.")] = "",
    debug: DebugOption = False,
) -> None:
    """Go back to the model that was in use before; twice goes two back. No rule moves to what was rolled back."""
    with exit_on_error(debug):
        from ballast.cli.promote import roll_back_model

        roll_back_model(alias, why)


@app.command()
def history(alias: AliasArgument, debug: DebugOption = False) -> None:
    """List the models that were in use, the newest first: since when, by rule or by hand, by whom and why."""
    with exit_on_error(debug):
        from ballast.cli.promote import print_history

        print_history(alias)


@app.command()
def adopt(pipeline: PipelineArgument, debug: DebugOption = False) -> None:
    """Take over a pipeline's name that another project stored under in this warehouse.

    The tables stay; the next run goes on from them, and the other project is refused from then on.
    """
    with exit_on_error(debug):
        from ballast.cli.adopt import adopt_pipeline

        adopt_pipeline(pipeline)


@app.command()
def init(
    directory: Annotated[
        Path | None, typer.Argument(help="The folder of the new project; created if it does not exist.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--from", help="A table of your own with labels: CSV, Parquet or JSON.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Its column with the label, or the value to predict.")] = None,
    id: Annotated[str | None, typer.Option(help="Its column with an id that is each row's own.")] = None,
    target: Annotated[
        Path | None, typer.Option(help="A table of rows that the model will meet; with labels, it is judged on them.")
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Make a working Dagster project with one Ballast pipeline in it.

    With --from, --label and --id the pipeline is for a table of your own, with gates that its rows suggest, and is run
    at once; exit code as of `ballast run`. Without, it is an example.
    """
    with exit_on_error(debug):
        from ballast.cli.init import begin, check_asked, make_project

        check_asked(directory, table, label, id, target)
        if table is not None and label is not None and id is not None:
            with out.status("Reading the table ..."):
                folder, name = begin(directory, table, label=label, id=id, target=target)
            _say_how(
                f"Made a project in {folder}, and in it pipelines/{name}/defs.yaml. It runs now; again:", folder, name
            )
            from ballast.cli.run import run_pipeline

            raise typer.Exit(run_pipeline(str(folder / "pipelines" / name), [], None, force=False, fresh=False))
        assert directory is not None
        made = make_project(directory)
        _say_how(f"Made {len(made)} files in {directory}. Next:", directory, "wine")


def _say_how(told: str, folder: Path, name: str) -> None:
    for line in (told, f"  cd {shlex.quote(str(folder))}", f"  ballast run {name}"):
        out.print(line, markup=False, highlight=False, soft_wrap=True)
