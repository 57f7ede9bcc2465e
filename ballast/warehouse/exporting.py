"""A model out of the warehouse, into a folder."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ballast.warehouse.warehouse import Warehouse

_BY = "ballast.bundles.stored"
"""What knows a model's folder, in a part of the package above the store, which loads when it is asked for."""


def export_model(
    self: Warehouse,
    name: str,
    folder: str | Path,
    *,
    version: int | None = None,
    format: Literal["ballast", "mlflow", "onnx"] = "ballast",
    models: str | Path | None = None,
    force: bool = False,
) -> Path:
    """Writes a learner step's model into a folder, whole or not at all, and gives its path.

    Parameters
    ----------
    name
        "digits/reweighted", or an alias such as "digits/production".
    folder
        One that holds a model in this format already is replaced.
    version
        Of the step, default the latest.
    format
        What is to read it: ``ballast.load``, ``mlflow.pyfunc`` or onnxruntime; the last two need the extra of the name.
    models
        The folder of the warehouse's models; default ``models`` beside a DuckDB file.
    force
        Also from behind a closed gate; the model's card says so.

    Raises
    ------
    VersionNotFoundError
        There is no such step or version.
    ModelStoreError
        The step is not a learner's, what it was made from is gone, or a file is missing or was changed.
    GateClosedError
        A gate is closed behind the model, or behind what it was made from, or never judged that.
    FolderError
        The folder holds something else, or cannot be written.
    GraphError
        A part of the model cannot be an ONNX graph, or differs from it in a row.
    """
    stored = importlib.import_module(_BY).stored
    return stored(name, self, version=version, models=models, force=force).write(folder, format)
