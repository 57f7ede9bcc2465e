"""Rows of weight 0, which nothing is fitted on: they would count in batches, folds, lists of classes and scales."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.words import listed, plural

log = logging.getLogger(__name__)

FEW_LABELS = 20
"""Values that a label may have for those left without weight to be named; more are numbers."""


def without_weightless(given: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Gives a call's arguments without the sample's rows whose ``sample_weight`` is 0; all of them where none is.

    ``given`` is by the names of the vocabulary. A warning names the labels whose rows all weigh 0, for what is fitted
    will not know them.
    """
    weights = given.get("sample_weight")
    if weights is None or (kept := np.asarray(weights) > 0).all():
        return dict(given)
    if given.get("y") is not None:
        _tell_lost_labels(np.asarray(given["y"]), kept, owner)
    return {name: _rows(value, kept) if _of_sample(name, value) else value for name, value in given.items()}


def beside_weightless(values: np.ndarray, sample_weight: np.ndarray | None, fill: float) -> np.ndarray:
    """Gives (n,) values of all rows from those of the rows with weight, in their order; ``fill`` for the others."""
    if sample_weight is None:
        return values
    found = np.full(len(sample_weight), fill, dtype=values.dtype)
    found[sample_weight > 0] = values
    return found


def _of_sample(name: str, value: Any) -> bool:
    return value is not None and name in VOCABULARY and VOCABULARY[name].rows == "sample"


def _rows(value: Any, kept: np.ndarray) -> Any:
    if isinstance(value, Mapping):
        return {key: _rows(item, kept) for key, item in value.items()}
    return value[kept] if isinstance(value, np.ndarray) or not hasattr(value, "iloc") else value.iloc[kept]


def _tell_lost_labels(y: np.ndarray, kept: np.ndarray, owner: str) -> None:
    lost = set(y[~kept].tolist()) - set(y[kept].tolist())
    if not lost or len(set(y.tolist())) > FEW_LABELS:
        return
    n = int(np.isin(y, list(lost)).sum())
    log.warning(
        "%s: no weight is left of %s %s of y (%s): the model does not know %s and predicts the other labels alone",
        owner, "label" if len(lost) == 1 else "labels", listed(sorted(map(repr, lost))), plural(n, "row"),
        "it" if len(lost) == 1 else "them",
    )  # fmt: skip
