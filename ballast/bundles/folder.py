"""The folder in which a model leaves the house: files without code, each held to its hash."""

from __future__ import annotations

import base64
import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from ballast.bundles.model import Model
from ballast.bundles.places import replacing
from ballast.bundles.requirements import BALLAST, needed, version_of
from ballast.bundles.schema import Schema, Threshold, described
from ballast.errors import ModelStoreError
from ballast.warehouse.models.store import loads

INDEX, CARD, REQUIREMENTS = "bundle.json", "README.md", "requirements.txt"
_FORMAT = 1
_KINDS = ("skops", "safetensors")
PARTS = ("estimator", "encoder", "embedder")
"""The models in a folder, each a file by its own name; only some have an embedder."""
PACKAGES = (BALLAST, "scikit-learn", "skrub", "skops", "numpy", "pandas", "pyarrow", "torch", "safetensors")


def write(
    folder: Path, name: str, version: int, schema: Schema, card: str, parts: Mapping[str, tuple[str, bytes]]
) -> None:
    """Writes a model's folder, whole or not at all; one that holds a model already is replaced.

    `parts` gives for each of `PARTS` that there is the format ("skops", "safetensors") and the bytes. Raises
    FolderError where the folder holds something else, or cannot be written.
    """
    files = {f"{part}.{kind}": data for part, (kind, data) in parts.items()}
    files |= {CARD: card.encode(), REQUIREMENTS: needed(parts.values()).encode()}
    about: dict[str, Any] = {
        "format": _FORMAT,
        "name": name,
        "version": version,
        "schema": _written(schema),
        "packages": {package: found for package in PACKAGES if (found := version_of(package))},
        "files": {file: hashlib.sha256(data).hexdigest() for file, data in sorted(files.items())},
    }
    about["sha256"] = _seal(about)
    files[INDEX] = (json.dumps(about, indent=1, ensure_ascii=False) + "\n").encode()
    with replacing(folder, INDEX) as fresh:
        for file, data in files.items():
            (fresh / file).write_bytes(data)


def read(folder: Path) -> Model:
    """Gives the model in a folder.

    Raises
    ------
    ModelStoreError
        The folder holds no model, or one of another format, or a file in it is not the one that was written.
    UntrustedModelError
        A file asks for types that are not trusted; none of it was run.
    """
    try:
        about = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        sealed, files = about.pop("sha256"), {str(file): str(sha256) for file, sha256 in about["files"].items()}
    except FileNotFoundError:
        raise ModelStoreError(
            f"{folder} holds no model: it has no {INDEX}; name a folder of `ballast export`"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelStoreError(f"{folder / INDEX} cannot be read ({error}); {_AGAIN}") from error
    if sealed != _seal(about):
        raise ModelStoreError(f"{folder / INDEX} was changed since it was written; {_AGAIN}")
    if about["format"] != _FORMAT:
        raise ModelStoreError(f"{folder} is of format {about['format']}, and this Ballast reads {_FORMAT}; {_AGAIN}")
    known = {CARD, REQUIREMENTS, *(f"{part}.{kind}" for part in PARTS for kind in _KINDS)}
    parts = {file.partition(".")[0] for file in files}
    if not files.keys() <= known or not {"README", "estimator", "encoder"} <= parts:
        raise ModelStoreError(f"{folder / INDEX} does not name the files of a model; {_AGAIN}")
    _compare(folder, about["packages"])
    data = {file: _checked(folder / file, sha256) for file, sha256 in files.items()}
    models = {
        part: loads(folder / file, data[file])
        for part in PARTS
        for kind in _KINDS
        if (file := f"{part}.{kind}") in data
    }
    card = data[CARD].decode()
    return Model(about["name"], about["version"], _schema(about["schema"]), card, **{"embedder": None, **models})


_AGAIN = "export the model again"


def _seal(about: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _checked(file: Path, sha256: str) -> bytes:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ModelStoreError(f"{file} cannot be read ({error}); {_AGAIN}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelStoreError(f"{file} was changed since it was written: its sha256 differs; {_AGAIN}")
    return data


def _compare(folder: Path, packages: Mapping[str, str]) -> None:
    """Warns of packages in another version than the model was written with, by which its predictions may differ."""
    other = [
        f"{package} {found} (written with {packages[package]})"
        for package in packages
        if package in ("scikit-learn", "skrub") and (found := version_of(package)) and found != packages[package]
    ]
    if other:
        warnings.warn(
            f"{folder}: {', '.join(other)}: predictions may differ from the pipeline's; install the same versions",
            stacklevel=4,
        )


def _written(schema: Schema) -> dict[str, Any]:
    id_type = pa.schema([("id", schema.id_type)]) if schema.id_type is not None else None
    return {
        "columns": described(schema.types),
        "types": base64.b64encode(schema.types.serialize()).decode(),
        "rows": schema.rows,
        "missing": dict(schema.missing),
        "categories": dict(schema.categories),
        "id": schema.id,
        "label": schema.label,
        "id_type": base64.b64encode(id_type.serialize()).decode() if id_type is not None else None,
        "thresholds": {step: asdict(threshold) for step, threshold in schema.thresholds.items()},
    }


def _schema(about: Mapping[str, Any]) -> Schema:
    id_type = _types(about["id_type"]).field("id").type if about["id_type"] else None
    return Schema(
        _types(about["types"]),
        about["rows"],
        about["missing"],
        about["categories"],
        about["id"],
        about["label"],
        id_type,
        {step: Threshold(**found) for step, found in about.get("thresholds", {}).items()},
    )


def _types(text: str) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))
