"""Fitted models as files that hold numbers and names, never code: skops, or safetensors with a declaration."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from ballast.errors import ModelStoreError, UntrustedModelError
from ballast.warehouse import trust
from ballast.warehouse.names import view_of

_DECLARATION = "ballast"  # the key of the declaration in a safetensors header


@dataclass(frozen=True)
class StoredModel:
    """A model's file: its path in the store, the sha256 of its bytes, "skops" or "safetensors", its class."""

    path: str
    sha256: str
    format: str
    class_name: str


class ModelStore:
    """A folder of models, one file each, named by asset, version and content; nothing is ever overwritten.

    Models that offer ``to_tensors() -> (declaration, arrays)`` and a classmethod ``from_tensors`` go to safetensors,
    all others to skops. Cost: milliseconds for scikit-learn models and numeric encoders; 0.1 to 0.5 s for an encoder
    that holds a ``skrub.TableVectorizer`` with text columns.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser().resolve()

    def save(self, asset: str, version: int, model: object, partition: str | None = None) -> StoredModel:
        """Writes a fitted model, whole or not at all.

        Raises
        ------
        UntrustedModelError
            Loading it again would need a type that is not trusted.
        ModelStoreError
            It holds something that no format without code can hold; the message names the attribute. Or the
            folder cannot be written.
        """
        view_of(asset)
        if hasattr(model, "to_tensors"):
            kind, data = "safetensors", _tensors_bytes(model)
        else:
            kind, data = "skops", _skops_bytes(model)
        sha256 = hashlib.sha256(data).hexdigest()
        path = _relative(asset, version, partition, sha256, kind)
        _write(self.folder / path, data)
        return StoredModel(path.as_posix(), sha256, kind, _class_name(model))

    def load(self, stored: StoredModel | tuple[str, int, str | None], *, sha256: str | None = None) -> Any:
        """Gives a model back.

        Parameters
        ----------
        stored
            What `save` gave, or (asset, version, partition) together with `sha256`.

        Raises
        ------
        ModelStoreError
            The file is missing, or not what was stored.
        UntrustedModelError
            It asks for types that are not trusted; nothing of it was run.
        """
        path, expected = self._locate(stored, sha256)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelStoreError(f"no model at {path} ({error}); run its step again") from error
        if hashlib.sha256(data).hexdigest() != expected:
            raise ModelStoreError(
                f"{path} is not the model that was stored: its sha256 differs (cut short, changed or swapped); "
                "restore the file or run its step again"
            )
        return _from_tensors(path, data) if path.suffix == ".safetensors" else _from_skops(path, data)

    def _locate(self, stored: StoredModel | tuple[str, int, str | None], sha256: str | None) -> tuple[Path, str]:
        expected = sha256 or (stored.sha256 if isinstance(stored, StoredModel) else None)
        if expected is None:
            raise ModelStoreError(f"loading {stored} needs the sha256 it was stored with; pass sha256=")
        if isinstance(stored, StoredModel):
            path = (self.folder / stored.path).resolve()
            if not path.is_relative_to(self.folder):
                raise ModelStoreError(f"{stored.path} lies outside the model store {self.folder}; it is not loaded")
            return path, expected
        kinds = [self.folder / _relative(*stored, expected, kind) for kind in ("skops", "safetensors")]
        return next((path for path in kinds if path.exists()), kinds[0]), expected


def _relative(asset: str, version: int, partition: str | None, sha256: str, kind: str) -> Path:
    parts = [_segment(part) for part in asset.split("/")]
    if partition is not None:
        parts.append("partition=" + _segment(partition))
    return Path(*parts, f"{int(version)}-{sha256[:16]}.{kind}")


def _segment(text: str) -> str:
    """Gives any text as the name of a file or folder."""
    name = quote(text, safe=" ").replace(".", "%2E")
    if len(name) <= 120:
        return name
    return f"{name[:80]}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _write(path: Path, data: bytes) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with fresh.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise ModelStoreError(
            f"cannot write the model to {path}: {error}; check that the folder is writable and the disk has room"
        ) from error


def _class_name(model: object) -> str:
    return f"{type(model).__module__}.{type(model).__qualname__}"


def _skops_bytes(model: object) -> bytes:
    data, names = _dumped(model)
    forbidden = trust.untrusted(names)
    if data is None or any("<" in name for name in forbidden):
        attribute, value = _culprit(model, f"{type(model).__name__}")
        raise ModelStoreError(
            f"{attribute} holds {value!r:.200}, which cannot be stored without code; use a function or class that "
            "a module defines by name, in place of a lambda or local one, or leave it out of the model"
        )
    if forbidden:
        attribute, _ = _culprit(model, f"{type(model).__name__}")
        raise UntrustedModelError(
            f"{attribute} needs types that are not trusted: {', '.join(forbidden)}; {trust.remedy(forbidden)}"
        )
    return data


def _dumped(value: object) -> tuple[bytes | None, list[str]]:
    """Gives a value as skops bytes with the types it needs beyond skops' own, or None if skops cannot hold it."""
    import skops.io

    try:
        data = skops.io.dumps(value, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
        return data, skops.io.get_untrusted_types(data=data)
    except Exception:  # whatever an object raises when it is taken apart
        return None, []


def _culprit(value: object, attribute: str) -> tuple[str, object]:
    """Gives the innermost attribute that keeps a model from being stored, and its value."""
    for step, member in _members(value):
        data, names = _dumped(member)
        if data is None or trust.untrusted(names):
            return _culprit(member, attribute + step)
    return attribute, value


def _members(value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return [(f"[{key!r}]", member) for key, member in value.items()]
    if isinstance(value, list | tuple):
        return [(f"[{index}]", member) for index, member in enumerate(value)]
    return [(f".{name}", member) for name, member in getattr(value, "__dict__", {}).items()]


def _from_skops(path: Path, data: bytes) -> object:
    import skops.io

    try:
        names = skops.io.get_untrusted_types(data=data)
    except Exception as error:  # any bytes may be in the file
        raise ModelStoreError(f"{path} is no skops file ({error}); nothing of it was run") from error
    if forbidden := trust.untrusted(names):
        raise UntrustedModelError(
            f"{path} asks for types that are not trusted: {', '.join(forbidden)}; nothing of it was run; "
            f"{trust.remedy(forbidden)}"
        )
    try:
        return skops.io.loads(data, trusted=names)
    except Exception as error:
        raise ModelStoreError(
            f"{path} cannot be rebuilt ({type(error).__name__}: {error}); the packages may have changed since it "
            "was stored: run its step again"
        ) from error


def _tensors_bytes(model: Any) -> bytes:
    from safetensors.numpy import save

    name = _class_name(model)
    _tensor_class(name)
    declaration, tensors = model.to_tensors()
    try:
        text = json.dumps({"class": name, "declaration": declaration})
        arrays = {key: np.array(array, order="C") for key, array in tensors.items()}
        return save(arrays, metadata={_DECLARATION: text})
    except Exception as error:  # an array's type or a value of the declaration that the format lacks
        raise ModelStoreError(
            f"{name}.to_tensors gave something that safetensors and JSON cannot hold: {error}"
        ) from error


def _from_tensors(path: Path, data: bytes) -> object:
    from safetensors.numpy import load

    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        record = json.loads(header["__metadata__"][_DECLARATION])
        name, declaration = record["class"], record["declaration"]
    except Exception as error:  # any bytes may be in the file
        raise ModelStoreError(f"{path} is no model in safetensors ({error}); nothing of it was run") from error
    cls = _tensor_class(name)
    try:
        return cls.from_tensors(declaration, tensors)
    except Exception as error:
        raise ModelStoreError(
            f"{path} cannot be rebuilt ({type(error).__name__}: {error}); {name} may have changed since it was "
            "stored: run its step again"
        ) from error


def _tensor_class(name: str) -> Any:
    """Gives the class of a tensor model by its full name, if that is one of Ballast's methods."""
    cls = trust.own(name)
    if cls is None or not hasattr(cls, "from_tensors"):
        raise UntrustedModelError(
            f"{name} is no class under {trust.METHODS} with from_tensors, so a model of it is neither stored nor loaded"
        )
    return cls
