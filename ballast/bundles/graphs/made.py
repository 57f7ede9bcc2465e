"""The folder of a model as an ONNX graph: made, held to the model, and only then written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ballast.bundles.graphs import judging
from ballast.bundles.graphs.encoding import FEATURES, encoding
from ballast.bundles.graphs.estimating import embedding, estimating
from ballast.bundles.graphs.parts import needed
from ballast.bundles.model import Model
from ballast.bundles.places import replacing
from ballast.bundles.schema import described
from ballast.methods.common.blocks import in_blocks

if TYPE_CHECKING:
    import pyarrow as pa

    from ballast.bundles.stored import Stored

_EMBEDDED = "embedder/embedded"
_GRAPH = "model.onnx"


def save(stored: Stored, folder: Path) -> None:
    """Writes the graph and the model's card into a folder, whole or not at all.

    Raises
    ------
    GraphError
        A part of the model cannot be a graph, or differs from it in a row.
    FolderError, MissingDependencyError
        The folder cannot be written; the extra `onnx` is not installed.
    """
    graph = made(stored.model(), stored.rows, stored.tags)
    with replacing(folder, _GRAPH) as fresh:
        (fresh / _GRAPH).write_bytes(graph.SerializeToString())
        (fresh / "README.md").write_text(stored.card, encoding="utf-8")


def made(model: Model, train: pa.Table, tags: Mapping[str, str] = MappingProxyType({})) -> Any:
    """Gives the ONNX model, which was held to all training rows and to those made for it; GraphError where it fails.

    `train` are the training rows, in the columns of the schema; `tags` go into the file.
    """
    onnx = needed("onnx")
    encoder = encoding(model.encoder, model.schema, train.slice(0, 1)).model()
    rows = judging.judged_rows(model, train)
    features = judging.judge_encoding(encoder, model, rows)
    names, graph, value = model.encoder.get_feature_names_out(), encoder, FEATURES
    if model.embedder is not None:
        graph = _joined(graph, embedding(model.embedder, FEATURES, _EMBEDDED), FEATURES)
        features = [in_blocks(model.embedder.embed, X) for X in features]
        names, value = np.array([f"embedded_{j}" for j in range(features[0].shape[1])], dtype=object), _EMBEDDED
    estimator = estimating(model.estimator, value, features[0].shape[1])
    judged = judging.judge_estimating(estimator, model, np.concatenate(features), names)
    graph = _joined(graph, estimator, value)
    judged += judging.judge_whole(graph, model, rows, features)
    onnx.helper.set_model_props(graph, {**tags, **_said(model, judged)})
    graph.producer_name = "ballast"
    onnx.checker.check_model(graph)
    return graph


def _joined(first: Any, second: Any, value: str) -> Any:
    """Gives two graphs as one, in which what the first gives under a name is the one input of the second."""
    onnx = needed("onnx")
    apart = onnx.compose.add_prefix(second, "then/", rename_inputs=False, rename_outputs=False)
    return onnx.compose.merge_models(first, apart, io_map=[(value, apart.graph.input[0].name)])


def _said(model: Model, judged: int) -> dict[str, str]:
    """Gives what the file says of itself."""
    classes = model.classes
    return {
        "ballast.columns": json.dumps(described(model.schema.types)),
        "ballast.classes": json.dumps(None if classes is None else classes.tolist()),
        "ballast.judged": f"{judged} rows, within {judging.TOLERANCE:g}",
    }
