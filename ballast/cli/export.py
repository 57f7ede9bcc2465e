"""``ballast export``: a model's folder, to be used without the project, or a step's rows as a file."""

from __future__ import annotations

from pathlib import Path

from ballast.bundles.stored import Form, stored
from ballast.cli.console import out
from ballast.errors import DataError, ParameterError
from ballast.orchestration.projects.find import project_resource
from ballast.warehouse.datasets.files import is_file, write
from ballast.words import plural


def export(
    name: str,
    place: Path,
    form: Form,
    experiment: str | None,
    version: int | None,
    *,
    join: str | None,
    partition: str | None,
    force: bool,
) -> None:
    """Writes a learner step's model into a folder, or another step's rows into a file, by the place's suffix."""
    if is_file(place):
        export_rows(name, place, version, join=join, partition=partition, force=force)
    elif join is not None or partition is not None:
        option = "--join" if join is not None else "--partition"
        raise DataError(f"{option} is for rows in a file: name one that ends in .parquet, .csv or .arrow, not {place}")
    else:
        export_model(name, place, form, experiment, version, force=force)


def export_rows(
    name: str, file: Path, version: int | None, *, join: str | None, partition: str | None, force: bool
) -> None:
    """Writes a step's rows into a file, and says what is in it."""
    warehouse = project_resource().open()
    found = warehouse.dataset(name, join=join, version=version, partition=partition, force=force)
    lost = write(found, file)
    of = f", partition {found.partition}" if found.partition else ""
    size = f"{plural(len(found), 'row')} of {plural(found.arrow.num_columns, 'column')}"
    for line in (f"Wrote {name}, version {found.version}{of}, to {file}: {size}.", *found.notes, *lost):
        _say(line)


_HOLDS: dict[Form, str] = {
    "ballast": "the model, its encoder and its card, README.md",
    "onnx": "a graph, model.onnx, and its card, README.md",
    "mlflow": "an MLflow model, with its card in data/model/README.md",
}
_USE: dict[Form, str] = {
    "ballast": "ballast.load({!r})",
    "mlflow": "mlflow.pyfunc.load_model({!r})",
    "onnx": "onnxruntime.InferenceSession({!r} + '/model.onnx')",
}


def export_model(
    name: str, folder: Path, form: Form, experiment: str | None, version: int | None, *, force: bool
) -> None:
    """Writes a learner step's model into a folder, and says how to use it."""
    if experiment is not None and form != "mlflow":
        raise ParameterError("--experiment: it is models of MLflow's that are logged in one; add --format mlflow")
    resource = project_resource()
    found = stored(name, resource.open(), version=version, models=resource.model_store(), force=force)
    path = found.write(folder, form)
    _say(f"Wrote {name}, version {found.commit.version}, to {path}: {_HOLDS[form]}.")
    if experiment is not None:
        from ballast.bundles.tracked import log

        _say(f"Logged it in the experiment {experiment!r}: mlflow.pyfunc.load_model({log(found, experiment)!r}).")
    _say(f"Use it with {_USE[form].format(str(folder))}.")


def _say(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)
