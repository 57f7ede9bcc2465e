"""Rows at the edges of trees: on each threshold, and on the next number of float32 on either side."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from ballast.bundles.graphs.parts import GraphError


@dataclass(frozen=True)
class Nodes:
    """The splits of a tree: arrays by node; ``left`` is negative at a leaf."""

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray


def edges(estimator: Any, X: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Gives tree by tree (m, d) float32 rows at the edges of its splits, and (m,) the feature that each is at.

    Each is a row of `X` that comes to the split, with that feature on the threshold or beside it; nothing of what has
    no trees.
    """
    for nodes in _trees(estimator):
        at = _coming(nodes, X)
        split = np.flatnonzero(nodes.left >= 0)
        if not len(split):
            continue
        threshold = nodes.threshold[split].astype(np.float32)
        infinite = np.float32(np.inf)
        beside = [threshold, np.nextafter(threshold, -infinite), np.nextafter(threshold, infinite)]
        rows, feature = np.repeat(X[at[split]], 3, axis=0), np.repeat(nodes.feature[split], 3)
        rows[np.arange(len(rows)), feature] = np.column_stack(beside).ravel()
        there = np.isfinite(rows).all(axis=1)  # what is encoded is finite
        yield rows[there], feature[there]


def with_thresholds_below(estimator: Any) -> Any:
    """Gives a copy of an estimator whose histogram trees split at float32 numbers, each row as before.

    A float32 number is at most a threshold where it is at most the next float32 number below. The converter rounds to
    the nearest, which is above for half of them; of other trees it rounds down itself.
    """
    made = copy.deepcopy(estimator)
    for nodes in (tree.nodes for tree in _parts(made, set()) if type(tree).__name__ == "TreePredictor"):
        with np.errstate(over="ignore"):
            nearest = nodes["num_threshold"].astype(np.float32)
        below = np.nextafter(nearest, np.float32(-np.inf))
        nodes["num_threshold"] = np.where(nearest > nodes["num_threshold"], below, nearest)
    return made


def _coming(nodes: Nodes, X: np.ndarray) -> np.ndarray:
    """Gives by node the position of a row that comes to it; the first row where none does."""
    at = np.zeros(len(nodes.left), dtype=int)
    waiting = [(0, np.arange(len(X)))]
    while waiting:
        node, rows = waiting.pop()
        at[node] = rows[0] if len(rows) else 0
        if nodes.left[node] >= 0:
            goes_left = X[rows, nodes.feature[node]] <= nodes.threshold[node]
            waiting += [(nodes.left[node], rows[goes_left]), (nodes.right[node], rows[~goes_left])]
    return at


def _trees(estimator: Any) -> Iterator[Nodes]:
    """Gives the trees in an estimator and in what it is made of, by the features of the estimator."""
    parts = list(_parts(estimator, set()))
    seen = {id(p): some for part in parts for p, some in _of_some_features(part)}
    for part in parts:
        if type(part).__name__ == "TreePredictor":
            nodes = part.nodes
            left = np.where(nodes["is_leaf"], -1, nodes["left"].astype(int))
            feature, right = nodes["feature_idx"].astype(int), nodes["right"].astype(int)
            yield Nodes(_among(seen.get(id(part)), feature), nodes["num_threshold"], left, right)
        elif hasattr(part, "children_left"):
            feature = _among(seen.get(id(part)), part.feature)
            yield Nodes(feature, part.threshold, part.children_left, part.children_right)
        elif isinstance(part, Pipeline) and next(_trees(part[-1]), None) is not None:
            raise GraphError(
                "the estimator's trees stand behind other steps of a Pipeline, where their thresholds are not of "
                "features and cannot be judged; use them by themselves"
            )


def _of_some_features(part: Any) -> Iterator[tuple[Any, np.ndarray]]:
    """Gives what is within the members of an ensemble of which each sees some features, and which these are."""
    if hasattr(part, "estimators_features_"):
        for member, features in zip(part.estimators_, part.estimators_features_, strict=True):
            for inner in _parts(member, set()):
                yield inner, np.asarray(features)


def _among(some: np.ndarray | None, feature: np.ndarray) -> np.ndarray:
    """Gives which features a member's are; at leaves, which have none, whatever."""
    return feature if some is None else some[np.maximum(feature, 0)]


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    """Gives an estimator, the estimators and trees within it, and those within these."""
    if id(value) in seen:
        return
    seen.add(id(value))
    inner: Iterable[Any] = ()
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.dtype == object):
        inner = value if isinstance(value, list | tuple) else value.ravel()
    elif hasattr(value, "get_params"):
        yield value
        inner = vars(value).values()
    elif hasattr(value, "children_left") or type(value).__name__ == "TreePredictor":
        yield value
    for part in inner:
        yield from _parts(part, seen)
