"""A model for MLflow: a folder that ``mlflow.pyfunc`` loads, and an entry of a tracking server."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ballast.bundles.extras import needed
from ballast.bundles.places import replacing
from ballast.bundles.requirements import BALLAST, packages_of, pinned
from ballast.bundles.schema import described
from ballast.warehouse.tables.frames import pandas_frame

if TYPE_CHECKING:
    from ballast.bundles.stored import Stored

_FOLDER = "model"  # what the bundle within is called
_MARK = f"data/{_FOLDER}/bundle.json"
_EXAMPLE = 5  # training rows
_FREE = "pyarrow"  # which carries rows, and computes nothing: MLflow itself wants an older one than Ballast may have
_TYPES = {"b": "boolean", "i": "long", "u": "long", "f": "double"}


def save(stored: Stored, folder: Path) -> None:
    """Writes an MLflow model into a folder, whole or not at all; FolderError, MissingDependencyError."""
    with replacing(folder, _MARK) as fresh, tempfile.TemporaryDirectory() as place:
        fresh.rmdir()  # MLflow makes it itself
        needed("mlflow.pyfunc", "mlflow").save_model(fresh, **_described(stored, Path(place)))


def log(stored: Stored, experiment: str) -> str:
    """Logs the model, with its metrics and tags, in a run of an MLflow experiment, and gives its address.

    The tracking server is the one that MLflow is set to (``MLFLOW_TRACKING_URI``).
    """
    mlflow = needed("mlflow", "mlflow")
    mlflow.set_experiment(experiment)
    commit = stored.commit
    name = commit.asset.replace("/", "-")
    with mlflow.start_run(run_name=f"{name}-{commit.version}"), tempfile.TemporaryDirectory() as place:
        mlflow.set_tags(stored.tags)
        info = mlflow.pyfunc.log_model(name=name, tags=stored.tags, **_described(stored, Path(place)))
        if stored.metrics:
            mlflow.log_metrics(stored.metrics, model_id=info.model_id)
    return str(info.model_uri)


def _described(stored: Stored, place: Path) -> dict[str, Any]:
    """Gives what MLflow keeps of a model: its bundle, which holds no code, and what goes in and comes out.

    Every column goes in as one of any type that may be blank. MLflow holds a table to types by their names, so that a
    column of whole numbers could not have a blank, nor one of fractions be whole for a night; the model's own reader
    holds it by its values.
    """
    models, types = needed("mlflow.models", "mlflow"), needed("mlflow.types.schema", "mlflow")
    example = pandas_frame(stored.rows.slice(0, _EXAMPLE))
    model = stored.model()
    found = model.predict_table(example)
    took = [types.ColSpec(types.AnyType(), name, required=False) for name in stored.schema.types.names]
    gives = [types.ColSpec(_TYPES.get(found[name].dtype.kind, "string"), str(name)) for name in found]
    return {
        "loader_module": "ballast.bundles.served",
        "data_path": str(stored.write(place / _FOLDER)),
        "signature": models.ModelSignature(types.Schema(took), types.Schema(gives)),
        "input_example": example if all(map(_in_json, stored.schema.types.types)) else None,
        "pip_requirements": [
            *(pinned(package) if package != _FREE else package for package in packages_of(stored.files.values())),
            pinned(BALLAST),
        ],
        "metadata": {"columns": described(stored.schema.types), "metrics": stored.metrics, "tags": stored.tags},
    }


def _in_json(kind: pa.DataType) -> bool:
    """Gives whether JSON, in which MLflow keeps an example, holds values of a type, or text that the reader takes."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    plain = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string)
    return any(is_kind(kind) for is_kind in (*plain, pa.types.is_timestamp, pa.types.is_date))
