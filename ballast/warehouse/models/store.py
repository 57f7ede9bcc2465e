"""Fitted models as files that hold numbers and names, never code: skops, or safetensors with a declaration."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from ballast.errors import ModelStoreError
from ballast.warehouse.models import archives, expected, skops_files, stored_names, tensor_files
from ballast.warehouse.names import view_of

if TYPE_CHECKING:
    import pandas as pd

_UNFINISHED = ".unfinished"  # the folder of files being written; no asset's, since theirs have no dot
_ABANDONED = 3600.0  # seconds after which a file there has no writer any more: the process was killed


@dataclass(frozen=True)
class StoredModel:
    """A model's file: its path in the store, the sha256 of its bytes, "skops" or "safetensors", its class.

    The class is what files call it (``ballast.warehouse.models.stored_names``); rows of before have its module of then.
    """

    path: str
    sha256: str
    format: str
    class_name: str

    @classmethod
    def of(cls, table: pd.DataFrame) -> StoredModel:
        """Gives what a model's table, of one row, says."""
        return cls(**{str(key): str(value) for key, value in table.iloc[0].items()})


class ModelStore:
    """A folder of models, one file each, named by asset, version and content; nothing is ever overwritten.

    Models that offer ``to_tensors() -> (declaration, arrays)`` and a classmethod ``from_tensors`` go to safetensors,
    all others to skops. The same model gives the same bytes, and so the same sha256. Cost: milliseconds for
    scikit-learn models and numeric encoders; 1.5 s to save, 0.4 s to load an encoder that holds a
    ``skrub.TableVectorizer`` of eight columns of categories.

    No file runs code when it is loaded, whoever wrote it, but the numbers in it are believed: a tree made to point
    outside its arrays crashes the process that predicts with it. That a file is the one which was stored, its sha256
    in the warehouse tells.

    Examples
    --------
    >>> import tempfile
    >>> from ballast.methods.learners import RidgeRegression
    >>> from ballast.warehouse import ModelStore
    >>> store = ModelStore(tempfile.mkdtemp())
    >>> stored = store.save("churn/model", 1, RidgeRegression().fit([[0.0], [1.0]], [0.0, 1.0]))
    >>> store.load(stored).predict([[0.5]]).round(2)
    array([0.5])
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser().resolve()

    def save(
        self, asset: str, version: int, model: object, partition: str | None = None, *, warehouse: str | None = None
    ) -> StoredModel:
        """Writes a fitted model, whole or not at all.

        Parameters
        ----------
        warehouse
            Where a commit is to name it: until `settle` says that it does, prune may remove the file.

        Raises
        ------
        UntrustedModelError
            Loading it again would need a type that is not trusted.
        ModelStoreError
            It holds something that no format without code can hold; the message names the attribute. Or it is
            larger than ``BALLAST_MODEL_LIMIT`` (bytes; 4 GiB by default), or the folder cannot be written.
        """
        view_of(asset)
        name = stored_names.stored(f"{type(model).__module__}.{type(model).__qualname__}")
        if hasattr(model, "to_tensors"):
            kind, data = "safetensors", tensor_files.dumps(model, name)
        else:
            kind, data = "skops", skops_files.dumps(model)
        archives.within(len(data), archives.limit(), f"the {type(model).__qualname__} comes")
        sha256 = hashlib.sha256(data).hexdigest()
        path = _relative(asset, version, partition, sha256, kind)
        if warehouse is not None:
            self.expect(asset, path.as_posix(), warehouse)
        self._publish(path.as_posix(), data)
        return StoredModel(path.as_posix(), sha256, kind, name)

    def expect(self, asset: str, path: str, warehouse: str) -> None:
        """Notes that a file is named by no version in a warehouse; ModelStoreError where that cannot be written."""
        try:
            expected.expect(self.folder, warehouse, asset, path)
        except OSError as error:
            raise _unwritable(self.folder / path, error) from error

    def settle(self, stored: StoredModel, warehouse: str) -> None:
        """Says that a version in a warehouse names a model's file."""
        expected.settle(self.folder, warehouse, stored.path)

    def has(self, stored: StoredModel) -> bool:
        return (self.folder / stored.path).exists()

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
            It asks for types that are not trusted; none of it was run.
        """
        path, expected = self._locate(stored, sha256)
        return loads(path, self._checked(path, expected))

    def data(self, stored: StoredModel) -> bytes:
        """Gives the bytes of a model's file; ModelStoreError where it is missing, or not what was stored."""
        return self._checked(*self._locate(stored, None))

    def problem(self, stored: StoredModel) -> str | None:
        """Says what is wrong with a model's file: it is missing, or not what was stored; None where it is as it was."""
        try:
            self._checked(*self._locate(stored, None))
        except ModelStoreError as error:
            return str(error)
        return None

    def _locate(self, stored: StoredModel | tuple[str, int, str | None], sha256: str | None) -> tuple[Path, str]:
        expected = sha256 or (stored.sha256 if isinstance(stored, StoredModel) else None)
        if expected is None:
            raise ModelStoreError(f"loading {stored} needs the sha256 it was stored with; pass sha256=")
        if isinstance(stored, StoredModel):
            return self._within(stored.path), expected
        kinds = [self._within(_relative(*stored, expected, kind).as_posix()) for kind in ("skops", "safetensors")]
        return next((path for path in kinds if path.exists()), kinds[0]), expected

    def _checked(self, path: Path, expected: str) -> bytes:
        data = _read(path)
        if hashlib.sha256(data).hexdigest() != expected:
            raise ModelStoreError(
                f"{path} is not the model that was stored: its sha256 differs (cut short, changed or swapped); "
                "restore the file or run its step again"
            )
        return data

    def _within(self, path: str) -> Path:
        """Gives the file that a path of the store leads to, links followed."""
        try:
            found = (self.folder / path).resolve()
        except (ValueError, OSError, RuntimeError) as error:  # a NUL; a loop of links
            raise ModelStoreError(
                f"{path!r:.200} does not lead to a file in the model store {self.folder}: {error}"
            ) from error
        if not found.is_relative_to(self.folder):
            raise ModelStoreError(
                f"{path:.200} lies outside the model store {self.folder}; it is neither written nor loaded"
            )
        return found

    def _publish(self, path: str, data: bytes) -> None:
        """Writes a file that is there whole, and on the disk, or not at all."""
        fresh = self.folder / _UNFINISHED / uuid4().hex
        try:
            target = self._within(path)
            new = [folder for folder in (target.parent, *target.parent.parents) if not folder.exists()]
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh.parent.mkdir(exist_ok=True)
            try:
                _remove_abandoned(fresh)
                with fresh.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                fresh.replace(target)
            finally:
                fresh.unlink(missing_ok=True)
            for folder in (target.parent, *(folder.parent for folder in new)):
                _sync(folder)
        except OSError as error:
            raise _unwritable(self.folder / path, error) from error


def loads(path: Path, data: bytes) -> Any:
    """Gives the model that a file's bytes hold, by its ending; UntrustedModelError and ModelStoreError as `load`."""
    return (tensor_files if path.suffix == ".safetensors" else skops_files).loads(path, data)


def _unwritable(file: Path, error: OSError) -> ModelStoreError:
    return ModelStoreError(
        f"cannot write the model to {file}: {error}; check that the folder is writable and the disk has room"
    )


def _relative(asset: str, version: int, partition: str | None, sha256: str, kind: str) -> Path:
    parts = [_segment(part) for part in asset.split("/")]
    if partition is not None:
        parts.append("partition=" + _segment(partition))
    return Path(*parts, f"{int(version)}-{sha256[:16]}.{kind}")


def _segment(text: str) -> str:
    """Gives any text as the name of a file or folder."""
    name = quote(text, safe=" ", errors="surrogatepass").replace(".", "%2E")
    if len(name) <= 120:
        return name
    return f"{name[:80]}-{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:16]}"


def _read(path: Path) -> bytes:
    """Gives a file's bytes, if it is a plain file and no larger than a model may be."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ModelStoreError(f"{path} is not a regular file; it is not loaded")
        archives.within(status.st_size, archives.limit(), f"{path} comes")
        return path.read_bytes()
    except OSError as error:
        raise ModelStoreError(f"no model at {path} ({error}); run its step again") from error


def _remove_abandoned(fresh: Path) -> None:
    """Makes an empty file, whose time tells the file system's clock, and removes what killed processes left by it."""
    fresh.touch(exist_ok=False)
    now = fresh.stat().st_mtime
    for file in fresh.parent.iterdir():
        try:
            if now - file.stat().st_mtime > _ABANDONED:
                file.unlink()
        except OSError:  # published or removed by another process meanwhile, or another user's
            continue


def _sync(folder: Path) -> None:
    """Makes the names in a folder outlast a power failure, where folders can be opened (not on Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
