"""Networks' files made to harm, their sha256 right: refused with the place named, before anything is allocated."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save as save_tensors
from sklearn.datasets import make_classification

from ballast.errors import ModelStoreError
from ballast.methods.learners.torch_mlp import TorchMLP
from ballast.warehouse import ModelStore
from tests.warehouse.hostile import put, tensors_file

X, y = make_classification(60, 5, random_state=0)
X = X.astype(np.float32)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def _mlp(change: Callable[[dict[str, Any], dict[str, Any], dict[str, np.ndarray]], None]) -> bytes:
    """Gives a stored network, its record (class and declaration) and tensors changed."""
    model = TorchMLP(hidden=(4,), max_epochs=1).fit(X, np.array(["no", "yes"])[y])
    declaration, tensors = model.to_tensors()
    record: dict[str, Any] = {"class": f"{TorchMLP.__module__}.TorchMLP", "declaration": declaration}
    change(record, declaration, tensors)
    return save_tensors({k: np.ascontiguousarray(v) for k, v in tensors.items()}, {"ballast": json.dumps(record)})


def part(use: str, **params: Any) -> dict[str, Any]:
    return {"use": use, "params": params}


LIES: dict[str, tuple[str, Callable[[dict[str, Any], dict[str, Any], dict[str, np.ndarray]], object]]] = {
    "width": (r"network\.0\.weight.*\(9, 5\)", lambda _, d, t: d["params"].update(hidden=[9])),
    "terabytes": (r"1099511627776", lambda _, d, t: d["params"].update(hidden=[2**40])),
    "layers": (r"4000002 layers|4000004 tensors", lambda _, d, t: d["params"].update(hidden=[4] * 2_000_000)),
    "negative width": (r"'hidden'", lambda _, d, t: d["params"].update(hidden=[-4])),
    "no width": (r"TypeError|'hidden'", lambda _, d, t: d["params"].update(hidden=None)),
    "unknown part": (r"no part is named 'os.system'", lambda _, d, t: d["params"].update(sampling=part("os.system"))),
    "part of the wrong kind": (r"'sampling'", lambda _, d, t: d["params"].update(sampling=part("correlation_penalty"))),
    "parameter of a part": (
        r"evil",
        lambda _, d, t: d["params"].update(regularizer=part("correlation_penalty", evil=1)),
    ),
    "unknown parameter": (r"evil", lambda _, d, t: d["params"].update(evil=1)),
    "features": (r"'mean' is float64 \(5,\)", lambda _, d, t: d.update(n_features=10**12)),
    "feature names": (r"1 feature names", lambda _, d, t: d.update(feature_names=["a"])),
    "labels": (r"network\.2\.weight", lambda _, d, t: d["classes"].update(values=["a", "b", "c"])),
    "wide labels": (r"characters", lambda _, d, t: d["classes"].update(values=["a" * 10**6] + ["b"] * 10**4)),
    "objects as labels": (r"\|V99", lambda _, d, t: d["classes"].update(dtype="V99999999")),
    "nested labels": (r"labels", lambda _, d, t: d["classes"].update(dtype="O", values=[["a"], ["b"]])),
    "missing tensor": (r"4 layers|tensors are declared", lambda _, d, t: t.pop("mean")),
    "extra tensor": (r"there are 7", lambda _, d, t: t.update(extra=np.zeros(3))),
    "renamed tensor": (r"'mean' is missing", lambda _, d, t: t.update(other=t.pop("mean"))),
    "dtype": (r"'mean' is float32", lambda _, d, t: t.update(mean=t["mean"].astype(np.float32))),
    "shape": (r"'scale' is float64 \(5, 1\)", lambda _, d, t: t.update(scale=t["scale"][:, None])),
    "NaN tensor": (r"not finite", lambda _, d, t: t.update({"network.0.bias": np.full(4, np.nan, np.float32)})),
    "zero scale": (r"not positive", lambda _, d, t: t.update(scale=np.zeros(5))),
    "NaN declared": (r"NaN", lambda _, d, t: d["params"].update(learning_rate=float("nan"))),
    "infinite target": (
        r"target has mean inf",
        lambda _, d, t: d.update(task="regression", target={"mean": "Infinity", "scale": 1}),
    ),
    "foreign class": (r"subprocess\.Popen is not a class", lambda r, d, t: r.update({"class": "subprocess.Popen"})),
    "class by path": (r"is not a class", lambda r, d, t: r.update({"class": "ballast.methods./../../evil.Evil"})),
    "class with NUL": (r"is not a class", lambda r, d, t: r.update({"class": "ballast.methods.x\0.Evil"})),
    "class by dots": (r"is not a class", lambda r, d, t: r.update({"class": "ballast.methods...Evil"})),
    "class of no text": (r"is not a class", lambda r, d, t: r.update({"class": ["a"]})),
    "class without tensors": (
        r"is not a class .* with from_tensors",
        lambda r, d, t: r.update({"class": "ballast.methods.weights.ratio.kliep.KLIEP"}),
    ),
    "no declaration": (r"KeyError", lambda r, d, t: r.pop("declaration")),
    "declaration of no object": (r"cannot be rebuilt", lambda r, d, t: r.update(declaration=[])),
}


@pytest.mark.parametrize("lie", LIES)
def test_tensor_file_when_its_declaration_lies_then_told_where(store, lie):
    message, change = LIES[lie]
    stored = put(store, _mlp(lambda *parts: (change(*parts), None)[1]), "safetensors")
    start = time.process_time()
    with pytest.raises(ModelStoreError, match=rf"(?s)hostile.*({message})"):
        store.load(stored)
    assert time.process_time() - start < 1


HEADERS: dict[str, bytes] = {
    "claims 2**60 bytes": tensors_file({}, length=2**60),
    "claims 2**64 - 1 bytes": tensors_file({}, length=2**64 - 1),
    "nested": tensors_file(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "nested declaration": tensors_file({"__metadata__": {"ballast": "[" * 100_000 + "]" * 100_000}}),
    "no object": tensors_file([1]),
    "no metadata": tensors_file({}),
    "text as declaration": tensors_file({"__metadata__": {"ballast": "no JSON"}}),
    "unknown dtype": tensors_file({"a": {"dtype": "X9", "shape": [1], "data_offsets": [0, 1]}}, b"\0"),
    "shape": tensors_file({"a": {"dtype": "F32", "shape": [2**60, 2**60], "data_offsets": [0, 4]}}, b"\0" * 4),
    "offsets": tensors_file({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**60]}}, b"\0" * 4),
    "overlap": tensors_file({k: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for k in ("a", "b")}, b"\0" * 4),
    "a body without owner": tensors_file({"__metadata__": {"ballast": "{}"}}, b"\0" * 64),
}


@pytest.mark.parametrize("header", HEADERS)
def test_tensor_file_when_its_header_lies_then_refused(store, header):
    start = time.process_time()
    with pytest.raises(ModelStoreError, match=r"hostile.*is not a model in safetensors.*none of it was run"):
        store.load(put(store, HEADERS[header], "safetensors"))
    assert time.process_time() - start < 1
