"""Models as skops files: the same model gives the same bytes, and no file does more than rebuild trusted types."""

from __future__ import annotations

import importlib
import io
import json
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ballast.errors import ModelStoreError, UntrustedModelError
from ballast.warehouse.models import archives, stored_names, trust

_ON_TORCH = "sklearn.externals.array_api_compat.torch"
_SCHEMA = "schema.json"
_PROTOCOL = 2  # the first that Ballast wrote
_VARYING = re.compile(r'"(__id__|file)": ("[^"]*"|\d+)')  # what differs between two files of one model
_RECORDS = re.compile(rb"\x93NUMPY.{2,6}\{'descr': \[", re.DOTALL)  # how the file of an array of records begins


def dumps(model: object) -> bytes:
    """Gives a fitted model as the bytes of a skops file that `loads` gives back.

    Raises
    ------
    UntrustedModelError
        Loading it again would need a type that is not trusted.
    ModelStoreError
        It holds something that skops cannot hold, named by its attribute, or is larger than `archives.limit`.
    """
    _import_skops()
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
    data = _canonical(data)
    try:
        with archives.opened(data) as archive:
            archives.check(archive)
    except archives.ArchiveLimitError as error:
        raise ModelStoreError(f"{type(model).__name__} is too large a model: {error}") from error
    return data


def loads(path: Path, data: bytes) -> object:
    """Gives the model back that a file's bytes hold; `path` is what messages call it.

    Raises
    ------
    UntrustedModelError
        It asks for types that are not trusted.
    ModelStoreError
        It is not a skops file, is larger than `archives.limit`, or cannot be rebuilt.
    """
    _import_skops()
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        data = archives.inflated(data, _SCHEMA, _with_todays_names)
        named = _named_types(data)
    except UntrustedModelError as error:
        raise UntrustedModelError(f"{path} {error}") from None
    except Exception as error:  # any bytes may be in the file
        raise ModelStoreError(
            f"{path} is not a skops file that Ballast wrote ({type(error).__name__}: {error}); none of it was run"
        ) from error
    try:
        try:
            return skops.io.loads(data, trusted=sorted(named.difference(trust.untrusted(named))))
        except UntrustedTypesFoundException:
            names = skops.io.get_untrusted_types(data=data)  # with the methods, which are not objects of their own
            if forbidden := trust.untrusted(names):
                raise UntrustedModelError(
                    f"{path} asks for types that are not trusted: {', '.join(forbidden)}; none of it was run; "
                    f"{trust.remedy(forbidden)}"
                ) from None
            return skops.io.loads(data, trusted=names)
    except UntrustedModelError:
        raise
    except Exception as error:
        raise ModelStoreError(
            f"{path} cannot be rebuilt ({type(error).__name__}: {error}); it was changed, or the packages were, since "
            "it was stored: run its step again"
        ) from error


def _import_skops() -> None:
    """Imports skops without torch, which would take longer than all the rest.

    skops imports every module of scikit-learn, and one of them torch, where it is installed.
    """
    hidden = sys.modules.setdefault(_ON_TORCH, None) is None  # type: ignore[arg-type]
    try:
        importlib.import_module("skops.io")
    finally:
        if hidden:
            del sys.modules[_ON_TORCH]


def _dumped(value: object) -> tuple[bytes | None, list[str]]:
    """Gives a value as skops bytes with the types it needs beyond skops' own, or None if skops cannot hold it."""
    import skops.io

    try:
        data = skops.io.dumps(value)
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


def _canonical(data: bytes) -> bytes:
    """Gives a skops file without what differs from one writing to the next, and without JSON's white space.

    skops numbers objects by their address in memory, names members by that or at random, and dates them. It writes
    an object out again wherever another refers to it, nine times on average in a ``skrub.TableVectorizer``, with new
    numbers and members within; all but the first are not read.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = json.loads(archive.read(_SCHEMA))
        _name_classes(schema, stored_names.stored)
        objects: dict[int, dict[str, Any]] = {}
        files: dict[str, str] = {}
        _rename(schema, objects, files)
        text = json.dumps(schema, separators=(",", ":")).encode()
        arrays = ((new, _without_padding(archive.read(old))) for old, new in files.items())
        return archives.packed([(_SCHEMA, text), *arrays])


def _with_todays_names(text: bytes) -> bytes:
    """Gives a file's schema with the modules and classes that Ballast's own have today.

    Raises UntrustedModelError for a name that none of them goes by.
    """

    def todays(name: str) -> str:
        if name.count(".") == stored_names.METHODS.count(".") and stored_names.class_of(name) is None:
            raise UntrustedModelError(
                f"asks for types that are not trusted: {name:.200}, which this version of Ballast does not have; "
                "none of it was run; use the version of Ballast that stored it, or run its step again"
            )
        return stored_names.todays(name)

    schema = json.loads(text)
    _name_classes(schema, todays)
    return json.dumps(schema).encode()


def _name_classes(schema: Any, renamed: Callable[[str], str]) -> None:
    """Gives Ballast's own classes in a schema other names."""
    names: dict[str, str] = {}
    parts = [schema]
    while parts:
        part = parts.pop()
        if isinstance(part, list):
            parts.extend(part)
        elif isinstance(part, dict):
            module, member = part.get("__module__"), part.get("__class__")
            name = f"{module}.{member}"
            if isinstance(module, str) and isinstance(member, str) and name.startswith(stored_names.METHODS):
                if name not in names:
                    names[name] = renamed(name)
                part["__module__"], _, part["__class__"] = names[name].rpartition(".")
            parts.extend(part.values())


def _rename(value: Any, objects: dict[int, dict[str, Any]], files: dict[str, str]) -> None:
    """Numbers the objects and files of a schema in their order, and writes an object each time as the first time."""
    if isinstance(value, list):
        for part in value:
            _rename(part, objects, files)
        return
    if not isinstance(value, dict):
        return
    loader = value.get("__loader__")
    number = value.pop("__id__", None) if loader else None
    if loader == "SetNode":  # in an order that does not depend on the process
        value["content"].sort(key=lambda node: _VARYING.sub("", json.dumps(node)))
    if loader and number is not None and loader != "JsonNode":  # a text or number is the same wherever it is
        if number in objects:
            value.update(objects[number])
            return
        objects[number] = value
        value["__id__"] = len(objects)
    if loader and isinstance(file := value.get("file"), str):
        value["file"] = files.setdefault(file, f"{len(files) + 1}{Path(file).suffix}")
    for part in value.values():
        _rename(part, objects, files)


def _without_padding(content: bytes) -> bytes:
    """Gives an array's file with zeros between the fields of its records, where a tree has what memory held before."""
    if not _RECORDS.match(content):
        return content
    array = np.load(io.BytesIO(content), allow_pickle=False)
    clean = np.zeros(array.shape, array.dtype)
    for field in array.dtype.names:
        clean[field] = array[field]
    buffer = io.BytesIO()
    np.save(buffer, clean)
    return buffer.getvalue()


def _named_types(data: bytes) -> set[str]:
    """Gives the full names of the types and functions that the objects of a skops file claim to be.

    Raises ValueError for what skops would take, and then run out of time or memory over. skops takes an object that
    comes again, by its number, from memory, but audits it anew: a short file whose objects refer to each other can ask
    for more steps than there is time. So an object must be written out as it was the first time, as `dumps` does; then
    there are no more steps than there is text. And skops reads a member anew for every object that names it, so these
    are counted one by one. Nor are files of old protocols read, which skops has less strict rules for.
    """
    names: set[str] = set()
    seen: dict[Any, Any] = {}
    size, limit = 0, archives.limit()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = json.loads(archive.read(_SCHEMA))
        if schema["protocol"] < _PROTOCOL:
            raise ValueError(f"it has skops' protocol {schema['protocol']}; Ballast writes {_PROTOCOL} and later")
        parts = [schema]
        while parts:
            part = parts.pop()
            if isinstance(part, list):
                parts.extend(part)
            elif isinstance(part, dict):
                if (number := part.get("__id__")) and (first := seen.setdefault(number, part)) is not part:
                    if first != part:
                        raise ValueError(f"object {number!r:.40} of {_SCHEMA} is written in two ways")
                    continue
                if isinstance(part.get("file"), str):
                    size += _file_size(archive, part)
                    archives.within(size, limit, "its arrays come")
                names.add(f"{part.get('__module__')}.{part.get('__class__')}")
                parts.extend(part.values())
    return names


def _file_size(archive: zipfile.ZipFile, node: dict[str, Any]) -> int:
    """Gives the bytes of the member that an object names; a sparse matrix is an archive of its own, deflated again."""
    if node.get("__loader__") != "SparseMatrixNode":
        return archive.getinfo(node["file"]).file_size
    with archives.opened(archive.read(node["file"])) as inner:
        archives.check(inner)
        return archives.size(inner)
