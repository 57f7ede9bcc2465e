"""Whether a graph is its model: held to it on all training rows, and on rows made to be where it could differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ballast.bundles.graphs.encoding import fed, may_be_blank, never_seen, sources_of, with_values
from ballast.bundles.graphs.parts import PREDICTION, PROBABILITIES, GraphError, needed
from ballast.bundles.graphs.trees import edges
from ballast.bundles.model import Model
from ballast.methods.common.blocks import in_blocks
from ballast.warehouse.tables.frames import pandas_frame
from ballast.words import listed, plural

TOLERANCE = 1e-5
"""How far a number may be from the model's, next to 1 or to the number where that is larger."""


def session(model: Any) -> Any:
    """Gives a graph ready to run, on one thread."""
    runtime = needed("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        return runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise GraphError(f"onnxruntime does not load the graph: {error}; export the model in another format") from error


def judge_encoding(graph: Any, model: Model, rows: list[pd.DataFrame]) -> list[np.ndarray]:
    """Gives the features of the rows; GraphError names the columns whose features are not those to the bit."""
    run, found = session(graph), []
    for part in rows:
        expected = model.encoder.transform(part)
        given = run.run(None, fed(model.schema, part))[0]
        if (other := given != expected).any():
            columns = sources_of(model.encoder)[other.any(axis=0)]
            raise GraphError(
                f"the graph encodes {plural(int(other.any(axis=1).sum()), 'row')} of {len(part)} otherwise, in the "
                f"column(s) {listed(map(repr, dict.fromkeys(columns)))}; export the model in another format"
            )
        found.append(expected)
    return found


def judge_estimating(graph: Any, model: Model, X: np.ndarray, names: np.ndarray) -> int:
    """Gives how many rows an estimator's graph was held to: those given, and those at the edges of its trees.

    GraphError names what differs. `names` are those of the (n, d) features `X`.
    """
    run, (given,) = session(graph), [value.name for value in graph.graph.input]
    judged, wrong, at = 0, 0, Counter[str]()
    parts: Iterator[tuple[np.ndarray, np.ndarray | None]] = iter([(X, None)])
    for rows, feature in (*parts, *edges(model.estimator, X)):
        differs = _differs(dict(zip(outputs_of(graph), run.run(None, {given: rows}), strict=True)), model, rows)
        judged, wrong = judged + len(rows), wrong + int(differs.sum())
        if feature is not None:
            at.update(names[feature[differs]])
    if wrong:
        places = f", at splits of {listed(f'{name!r} ({n})' for name, n in at.most_common())}" if at else ""
        raise GraphError(
            f"the graph of the estimator {type(model.estimator).__name__} differs by more than {TOLERANCE:g} in "
            f"{wrong} of {plural(judged, 'row')} that it was held to{places}; export the model in another format"
        )
    return judged


def judge_whole(graph: Any, model: Model, rows: list[pd.DataFrame], features: list[np.ndarray]) -> int:
    """Gives how many rows of a table a whole graph was held to; GraphError where some differ."""
    run = session(graph)
    for part, X in zip(rows, features, strict=True):
        differs = _differs(dict(zip(outputs_of(graph), run.run(None, fed(model.schema, part)), strict=True)), model, X)
        if differs.any():
            raise GraphError(
                f"the graph differs by more than {TOLERANCE:g} in {int(differs.sum())} of {plural(len(part), 'row')}; "
                "export the model in another format"
            )
    return sum(map(len, rows))


def outputs_of(graph: Any) -> list[str]:
    return [value.name for value in graph.graph.output]


def _differs(given: dict[str, np.ndarray], model: Model, X: np.ndarray) -> np.ndarray:
    """Gives (n,) bool: which rows the graph predicts otherwise; a class only where another is not as probable."""
    estimator = model.estimator
    expected = np.asarray(in_blocks(estimator.predict, X))
    if PROBABILITIES not in given:
        return ~_close(given[PREDICTION], expected) if expected.dtype.kind == "f" else given[PREDICTION] != expected
    probs = np.asarray(in_blocks(estimator.predict_proba, X))
    differs = ~_close(given[PROBABILITIES], probs).all(axis=1)
    ordered = np.sort(probs, axis=1)
    tied = ordered[:, -1] - ordered[:, -2] <= 2 * TOLERANCE
    return differs | ((given[PREDICTION] != expected) & ~tied)


def _close(given: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return np.abs(given - expected) <= TOLERANCE * np.maximum(1.0, np.abs(expected))


def judged_rows(model: Model, train: pa.Table) -> list[pd.DataFrame]:
    """Gives the training rows, and for each column rows with what may come: categories, none of them, blanks, ends."""
    made = [pandas_frame(train)]
    first = train.slice(0, 1)
    for field in model.schema.types:
        values = _values(model, train, field.name)
        if may_be_blank(model.schema, field.name):
            values.append(None)
        made.append(with_values(model.schema, first, field.name, values))
    return made


def _values(model: Model, train: pa.Table, name: str) -> list[Any]:
    kind = train.schema.field(name).type
    if (known := model.schema.categories.get(name)) is not None:
        return [*known, never_seen(known), *(text.upper() for text in known)]  # the encoder knows UUIDs in any case
    if pa.types.is_boolean(kind):
        return [False, True]
    found = list(pc.call_function("min_max", [train[name]]).as_py().values())
    if kind == pa.int64():
        found += [2**24 + 1, -(2**53) - 1, 2**62]
    if pa.types.is_floating(kind):
        found += [float("inf"), float("-inf"), 0.1]
    if kind == pa.float64():
        found += [1e300, -1e39, 2.0**24 + 1]
    return found
