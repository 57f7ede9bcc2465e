"""Models as safetensors files: arrays, and a declaration in the header of the class and values they belong to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ballast.errors import ModelStoreError, UntrustedModelError
from ballast.warehouse.models import trust
from ballast.warehouse.models.stored_names import METHODS

_DECLARATION = "ballast"  # the key of the declaration in a safetensors header


def dumps(model: Any, name: str) -> bytes:
    """Gives a fitted model that has ``to_tensors``, of the class that files call this, as safetensors bytes.

    Raises
    ------
    UntrustedModelError
        The class is none of Ballast's.
    ModelStoreError
        ``to_tensors`` gave what the format lacks: an array of texts, say, or a number that is not finite.
    """
    from safetensors.numpy import save

    if trust.with_tensors(name) is None:
        raise UntrustedModelError(
            f"{name} is not a class under {METHODS} with from_tensors, so a model of it is not stored"
        )
    declaration, tensors = model.to_tensors()
    try:
        text = json.dumps({"class": name, "declaration": declaration}, allow_nan=False)
        arrays = {key: np.array(array, order="C") for key, array in tensors.items()}
        return save(arrays, metadata={_DECLARATION: text})
    except Exception as error:  # an array's type or a value of the declaration that the format lacks
        raise ModelStoreError(
            f"{name}.to_tensors gave something that safetensors and JSON cannot hold: {error}"
        ) from error


def loads(path: Path, data: bytes) -> object:
    """Gives the model back that a file's bytes hold; `path` is what messages call it.

    Raises
    ------
    UntrustedModelError
        It names a class that is none of Ballast's.
    ModelStoreError
        It is not a safetensors file that Ballast wrote, or its declaration and arrays are not a model.
    """
    from safetensors.numpy import load

    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        record = json.loads(header["__metadata__"][_DECLARATION], parse_constant=_refuse)
        name, declaration = str(record["class"]), record["declaration"]
    except Exception as error:  # any bytes may be in the file
        raise ModelStoreError(
            f"{path} is not a model in safetensors ({type(error).__name__}: {error}); none of it was run"
        ) from error
    cls = trust.with_tensors(name)
    if cls is None:
        raise UntrustedModelError(
            f"{path}: {name:.200} is not a class under {METHODS} with from_tensors; none of it was run"
        )
    try:
        return cls.from_tensors(declaration, tensors)
    except Exception as error:
        raise ModelStoreError(
            f"{path} cannot be rebuilt ({type(error).__name__}: {error}); it was changed, or {name} was, since it was "
            "stored: run its step again"
        ) from error


def _refuse(constant: str) -> None:
    raise ValueError(f"its declaration holds {constant}, which is not a number")
