"""Model files that somebody else made: skops files from nodes, bombs, and what loading them does to a process."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ballast.warehouse import ModelStore, StoredModel

# Loads a good model, then hostile ones, under a limit that spares the machine; prints what came of each.
LOADER = """
import json, os, resource, sys, time
from ballast.errors import ModelStoreError
from ballast.warehouse import ModelStore, StoredModel
folder, good, hostile = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
store = ModelStore(folder)
store.load(StoredModel(**good))
resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, resource.RLIM_INFINITY))
for bad, limit in hostile:
    os.environ.pop("BALLAST_MODEL_LIMIT", None)
    os.environ.update({"BALLAST_MODEL_LIMIT": limit} if limit else {})
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        message = f"loaded {store.load(StoredModel(**bad))!r:.80}"
    except ModelStoreError as error:
        message = f"{type(error).__name__}: {error}"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps({"message": message, "megabytes": grown, "seconds": time.process_time() - start}))
"""


def put(store: ModelStore, data: bytes, kind: str = "skops") -> StoredModel:
    """Puts bytes into a store as a model whose sha256 is right."""
    sha256 = hashlib.sha256(data).hexdigest()
    path = store.folder / "hostile" / f"1-{sha256[:16]}.{kind}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return StoredModel(path.relative_to(store.folder).as_posix(), sha256, kind, "x")


def load_apart(
    store: ModelStore, good: StoredModel, hostile: Iterable[tuple[StoredModel, str | None]]
) -> list[dict[str, Any]]:
    """Loads models, each under its limit in bytes, in another process: message, growth in megabytes, seconds of each.

    The growth is that of the peak, so that one model's hides what a later one takes up to it.
    """
    models = [(vars(bad), limit) for bad, limit in hostile]
    child = subprocess.run(
        [sys.executable, "-c", LOADER, str(store.folder), json.dumps(vars(good)), json.dumps(models)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert child.returncode == 0, child.stderr
    return [json.loads(line) for line in child.stdout.splitlines()]


def node(loader: str, name: str, **rest: Any) -> dict[str, Any]:
    """Gives a node of a skops schema for a type's full name."""
    module, _, member = name.rpartition(".")
    return {"__class__": member, "__module__": module, "__loader__": loader, **rest}


def text(value: object) -> dict[str, Any]:
    return node("JsonNode", "builtins.str", content=json.dumps(value), is_json=True)


def tuple_of(*nodes: dict[str, Any]) -> dict[str, Any]:
    return node("TupleNode", "builtins.tuple", content=list(nodes))


def list_of(*nodes: dict[str, Any]) -> dict[str, Any]:
    return node("ListNode", "builtins.list", content=list(nodes))


def dict_of(**nodes: dict[str, Any]) -> dict[str, Any]:
    key_types = list_of(*[node("TypeNode", "builtins.str") for _ in nodes])
    return node("DictNode", "builtins.dict", content=nodes, key_types=key_types)


def called_with_key(function: dict[str, Any], key: str) -> dict[str, Any]:
    """Gives a dictionary whose key is made by calling a function, as skops makes keys."""
    return node("DictNode", "builtins.dict", content={key: text(1)}, key_types=list_of(function))


def skops_file(root: Any, members: Mapping[str, bytes] = {}, protocol: int = 2, method: int = 8) -> bytes:
    schema = root if isinstance(root, bytes) else json.dumps({**root, "protocol": protocol, "_skops_version": "0"})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in {"schema.json": schema, **members}.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(array: Any) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def empty_npy(length: int) -> bytes:
    """Gives an array file that claims so many numbers and holds none."""
    import numpy as np

    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": (length,)})
    return buffer.getvalue()


@cache
def bomb(size: int, name: str = "schema.json") -> bytes:
    """Gives an archive of about a thousandth of the size that a member of spaces inflates to."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(name, "w") as file,
    ):
        for _ in range(size // 2**20):
            file.write(b" " * 2**20)
    return buffer.getvalue()


def understated(archive: bytes, size: int) -> bytes:
    """Gives an archive of one member of spaces whose directory claims a smaller size, with the checksum of that."""
    entry = archive.rindex(b"PK\1\2")
    changed = bytearray(archive)
    struct.pack_into("<I", changed, entry + 16, zlib.crc32(b" " * size))
    struct.pack_into("<I", changed, entry + 24, size)
    return bytes(changed)


def crowded(members: int) -> bytes:
    """Gives an archive whose directory lists so many empty members of the shortest name."""
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 33, 0, 0, 0, 1, 0) + b"x"
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"x"
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65535, 65535, members * len(entry), len(local), 0)
    return local + entry * members + end


def entangled(levels: int) -> dict[str, Any]:
    """Gives a short schema in which each list holds the next one twice: 2 to the power of levels steps to audit."""
    inner: dict[str, Any] = text("end")
    for number in range(levels, 0, -1):
        inner = {**list_of(inner, {"__id__": number + 1}), "__id__": number}
        if number == levels:
            inner["content"].pop()
    return inner


def tensors_file(header: object, body: bytes = b"", length: int | None = None) -> bytes:
    """Gives a safetensors file with a header of any kind, which may claim another length."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + body


class Trap:
    """A class of a user's own project; to rebuild it makes a file."""

    def __setstate__(self, state: dict[str, str]) -> None:
        Path(state["path"]).touch()
