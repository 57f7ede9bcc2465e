"""Model files made to harm: refused with the file named, nothing of them run, before time or memory is spent.

Their sha256 is right in all these tests: the guard here is not that they differ from what was stored.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import re
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

from ballast.errors import ModelStoreError, UntrustedModelError
from ballast.methods.learners.torch_mlp import TorchMLP
from ballast.warehouse import ModelStore, StoredModel
from tests.warehouse import hostile
from tests.warehouse.hostile import (
    Trap,
    called_with_key,
    dict_of,
    list_of,
    load_apart,
    node,
    npy,
    put,
    skops_file,
    text,
    tuple_of,
)

X, y = make_classification(60, 5, random_state=0)
X = X.astype(np.float32)
TRAP = f"{Trap.__module__}.{Trap.__qualname__}"


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


class PickleBomb:
    """A pickle of this makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("kind", ["skops", "safetensors"])
def test_pickle_when_it_goes_by_a_models_name_then_refused_and_not_run(store, tmp_path, kind):
    canary = tmp_path / "canary"
    data = pickle.dumps(PickleBomb(canary))
    with pytest.raises(ModelStoreError, match="none of it was run"):
        store.load(put(store, data, kind))
    assert not canary.exists()
    pickle.loads(data)
    assert canary.exists()  # it would have


def _method_of_a_path(path: str) -> dict[str, Any]:
    owner = node("ConstructorFromReduceNode", "pathlib.PosixPath", content=tuple_of(text(path)))
    return node("MethodNode", "pathlib.PosixPath", content={"func": "write_text", "obj": owner})


# What makes the file at a path when skops rebuilds it, by way of every kind of node that calls something.
ATTACKS: dict[str, Callable[[str], bytes]] = {
    "constructor": lambda path: skops_file(
        node("ConstructorFromReduceNode", "os.system", content=tuple_of(text(f"touch {path}")))
    ),
    "eval": lambda path: skops_file(
        node("ConstructorFromReduceNode", "builtins.eval", content=tuple_of(text(f"open({path!r}, 'w')")))
    ),
    "function as key type": lambda path: skops_file(
        called_with_key(node("FunctionNode", "os.system"), f"touch {path}")
    ),
    "type as key type": lambda path: skops_file(called_with_key(node("TypeNode", "os.mkdir"), path)),
    "partial": lambda path: skops_file(
        called_with_key(
            node(
                "PartialNode",
                "functools.partial",
                content={
                    "func": node("FunctionNode", "os.system"),
                    "args": tuple_of(),
                    "kwds": dict_of(),
                    "namespace": text(None),
                },
            ),
            f"touch {path}",
        )
    ),
    "operator": lambda path: skops_file(
        node("OperatorFuncNode", "operator.call", attrs=tuple_of(node("FunctionNode", "os.mkdir"), text(path)))
    ),
    "method": lambda path: skops_file(called_with_key(_method_of_a_path(path), "x")),
    "list": lambda path: skops_file(node("ListNode", "subprocess.check_call", content=[text("touch"), text(path)])),
    "array": lambda path: skops_file(
        node("NdArrayNode", "subprocess.check_call", type="numpy", file="a.npy"),
        {"a.npy": npy(np.array(["touch", path]))},
    ),
    "loss": lambda path: skops_file(
        node("LossNode", "os.mkdir", content=dict_of(), __reduce__={"args": tuple_of(text(path))})
    ),
    "users class": lambda path: skops_file(node("ObjectNode", TRAP, content=dict_of(path=text(path)))),
    "class within a model": lambda path: skops_file(
        node(
            "ObjectNode",
            "sklearn.linear_model._logistic.LogisticRegression",
            content=dict_of(C=node("ObjectNode", TRAP, content=dict_of(path=text(path)))),
        )
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_skops_file_when_it_asks_to_run_something_then_refused_and_not_run(store, tmp_path, monkeypatch, attack):
    canary = tmp_path / "canary"
    stored = put(store, ATTACKS[attack](str(canary)))
    with pytest.raises(UntrustedModelError, match=r"hostile.*not trusted: .*none of it was run"):
        store.load(stored)
    assert not canary.exists()

    names = skops.io.get_untrusted_types(file=store.folder / stored.path)
    monkeypatch.setenv("BALLAST_TRUSTED_TYPES", ",".join(names))
    with suppress(ModelStoreError):  # it runs, and what comes of it need be no model
        store.load(stored)
    assert canary.exists()  # so the attack is one, and the list of trusted types is what stops it


def test_skops_file_when_a_generator_names_a_function_then_refused_and_not_called(store):
    state = dict_of(bit_generator=text("seed"), state=text(0))
    attack = node("RandomGeneratorNode", "numpy.random._generator.Generator", content={"bit_generator": state})
    attack["content"]["seed_seq"] = dict_of(entropy=text(1))
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the state that would change
    with pytest.raises(UntrustedModelError, match=r"numpy\.random\.seed"):
        store.load(put(store, skops_file(attack)))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_skops_file_when_of_an_old_protocol_then_refused(store):
    function = node("FunctionNode", "numpy.mean", content={"module_path": "os", "function": "system"})
    with pytest.raises(ModelStoreError, match=r"protocol 0.*none of it was run"):
        store.load(put(store, skops_file(function, protocol=0)))


def _cuts(data: bytes) -> list[int]:
    spread = np.linspace(0, len(data) - 1, 60).astype(int)
    return sorted({*spread.tolist(), *range(12), *range(len(data) - 12, len(data))})


@pytest.mark.parametrize("model", [LogisticRegression(), TorchMLP(max_epochs=1)], ids=["skops", "safetensors"])
def test_file_when_cut_anywhere_then_refused_at_once(store, model):
    stored = store.save("digits/model", 1, model.fit(X, y))
    data = (store.folder / stored.path).read_bytes()
    start, cuts = time.process_time(), _cuts(data)
    for cut in cuts:
        with pytest.raises(ModelStoreError, match=r"hostile.*none of it was run"):
            store.load(put(store, data[:cut], stored.format))
    assert (time.process_time() - start) / len(cuts) < 0.3


JUNK = [None, 0, -1, 2**70, 1.5, True, "", "x", "../../x", [], {}, [[]], {"__loader__": "ListNode"}, "1" * 5000]


@pytest.mark.parametrize("seed", range(4))
def test_skops_schema_when_anything_in_it_is_changed_then_loaded_or_refused_but_nothing_else(store, seed):
    stored = store.save("digits/model", 1, LogisticRegression().fit(X, y))
    with zipfile.ZipFile(store.folder / stored.path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema, rng, refused = members.pop("schema.json"), random.Random(seed), 0
    for _ in range(60):
        changed = json.loads(schema)
        place: Any = changed
        while True:
            key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if not isinstance(place[key], dict | list) or not place[key] or rng.random() < 0.1:
                break
            place = place[key]
        place[key] = rng.choice(JUNK)
        try:
            store.load(put(store, skops_file(json.dumps(changed).encode(), members)))
        except ModelStoreError:
            refused += 1
    assert refused > 10


def _array(file: str = "a.npy", loader: str = "NdArrayNode", name: str = "numpy.ndarray") -> dict[str, Any]:
    return node(loader, name, type="scipy" if loader == "SparseMatrixNode" else "numpy", file=file)


SMALL = str(64 * 2**20)
# Of each: what the message says, the limit it is loaded under, the file.
BOMBS: dict[str, tuple[str, str | None, Callable[[], bytes]]] = {
    "schema of a gigabyte": (r"schema\.json inflates to 1,073,741,824", None, lambda: hostile.bomb(2**30)),
    "schema that claims less": (
        "JSONDecodeError|BadZipFile",
        None,
        lambda: hostile.understated(hostile.bomb(2**30), 100),
    ),
    "array": ("inflates to 629,145,600.*set BALLAST_MODEL_LIMIT", SMALL, lambda: hostile.bomb(600 * 2**20, "a.npy")),
    "members": ("300,000 members", None, lambda: hostile.crowded(300_000)),
    "one array named often": (
        "its arrays come to",
        None,
        lambda: skops_file(list_of(*[_array()] * 1000), {"a.npy": npy(np.zeros(2**20))}),
    ),
    "archive in an archive": (
        "inflates to 629,145,600",
        SMALL,
        lambda: skops_file(
            _array("a.npz", "SparseMatrixNode", "scipy.sparse._csr.csr_matrix"),
            {"a.npz": hostile.bomb(600 * 2**20, "data.npy")},
        ),
    ),
    "array that claims a petabyte": (
        "MemoryError",
        None,
        lambda: skops_file(_array(), {"a.npy": hostile.empty_npy(2**47)}),
    ),
    "another compression": (
        "neither stored nor deflated",
        None,
        lambda: skops_file(text(1), {"a": b" " * 10}, method=zipfile.ZIP_LZMA),
    ),
    "nested lists": ("RecursionError", None, lambda: skops_file(b"[" * 100_000 + b"]" * 100_000)),
    "nested objects": ("RecursionError", None, lambda: skops_file(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)),
    "nested value": ("RecursionError", None, lambda: skops_file({**text(1), "content": "[" * 100_000})),
    "entangled objects": ("written in two ways", None, lambda: skops_file(hostile.entangled(60))),
    "object within itself": ("written in two ways", None, lambda: skops_file({**list_of({"__id__": 1}), "__id__": 1})),
}


@pytest.fixture(scope="module")
def exploded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What came of every bomb, in one process."""
    store = ModelStore(tmp_path_factory.mktemp("bombs"))
    good = store.save("digits/model", 1, LogisticRegression().fit(X, y))
    files = [(put(store, make()), limit) for _, limit, make in BOMBS.values()]
    return dict(zip(BOMBS, load_apart(store, good, files), strict=True))


@pytest.mark.parametrize("name", BOMBS)
def test_skops_file_when_it_is_a_bomb_then_refused_before_memory_or_time_is_spent(exploded, name):
    result = exploded[name]
    assert re.search(rf"ModelStoreError: .*hostile.*({BOMBS[name][0]})", result["message"]), result
    assert result["megabytes"] < 200
    assert result["seconds"] < 2


def test_model_when_larger_than_the_limit_then_neither_stored_nor_loaded(store, monkeypatch):
    stored = store.save("digits/model", 1, LogisticRegression().fit(X, y))
    network = store.save("digits/network", 1, TorchMLP(max_epochs=1).fit(X, y))
    monkeypatch.setenv("BALLAST_MODEL_LIMIT", "1000")
    for one in (stored, network):
        with pytest.raises(ModelStoreError, match=r"1,000 allowed.*set BALLAST_MODEL_LIMIT"):
            store.load(one)
    for model in (LogisticRegression().fit(X, y), TorchMLP(max_epochs=1).fit(X, y)):
        with pytest.raises(ModelStoreError, match=r"(LogisticRegression|TorchMLP).*1,000 allowed"):
            store.save("digits/model", 2, model)
    monkeypatch.setenv("BALLAST_MODEL_LIMIT", "4G")
    with pytest.raises(ModelStoreError, match="BALLAST_MODEL_LIMIT must be a number of bytes, got '4G'"):
        store.load(stored)


@pytest.mark.parametrize("path", ["../secret.skops", "a/../../secret.skops", "{outside}/secret.skops", "link.skops"])
def test_path_when_it_leads_outside_then_refused(store, tmp_path, path):
    stored = store.save("digits/model", 1, LogisticRegression().fit(X, y))
    (store.folder / stored.path).rename(tmp_path / "secret.skops")
    (store.folder / "link.skops").symlink_to(tmp_path / "secret.skops")
    with pytest.raises(ModelStoreError, match="outside the model store"):
        store.load(replace(stored, path=path.format(outside=tmp_path)))


def test_link_when_it_stands_in_a_models_place_then_followed_for_neither_name_nor_path(store, tmp_path):
    stored = store.save("digits/model", 1, LogisticRegression().fit(X, y))
    path = store.folder / stored.path
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    for asked in (stored, ("digits/model", 1, None)):
        with pytest.raises(ModelStoreError, match="outside the model store"):
            store.load(asked, sha256=stored.sha256)
    (store.folder / "weights").symlink_to(tmp_path)
    with pytest.raises(ModelStoreError, match="outside the model store"):
        store.save("weights/model", 1, LogisticRegression().fit(X, y))
    assert {path.name for path in tmp_path.iterdir()} == {"models", "elsewhere"}


@pytest.mark.parametrize("path", ["a\0b.skops", "loop.skops", "x" * 5000 + ".skops", "pipe.skops", "folder.skops", "."])
def test_path_when_it_leads_to_no_plain_file_then_refused(store, path):
    store.folder.mkdir()
    (store.folder / "loop.skops").symlink_to(store.folder / "loop.skops")
    (store.folder / "folder.skops").mkdir()
    os.mkfifo(store.folder / "pipe.skops")  # to read it would wait without end
    with pytest.raises(ModelStoreError, match=r"not a regular file|does not lead to a file|no model at"):
        store.load(StoredModel(path, "0" * 64, "skops", "x"))


@pytest.mark.parametrize(
    "partition", ["../../x", "a\0b", "/etc/x", "n" * 300, ".", "..", "", "\ud800", "a\\b", "~", "\n"]
)
def test_partition_when_its_name_is_hostile_then_the_file_stays_in_the_store(store, partition):
    stored = store.save("digits/model", 1, LogisticRegression().fit(X, y), partition=partition)
    assert store.load(("digits/model", 1, partition), sha256=stored.sha256).C == 1.0
    assert {path.name for path in store.folder.parent.iterdir()} == {"models"}
    assert (store.folder / stored.path).parent.parent == store.folder / "digits" / "model"
