"""Rows of which some have no label yet: which of them are judged, and what share of all they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ballast.errors import DataError
from ballast.methods.frame.reports import AssessmentRows


def labelled(
    rows: AssessmentRows,
    observed: np.ndarray | None,
    predicted: Mapping[str, np.ndarray],
    weight: np.ndarray,
    owner: str,
) -> np.ndarray | slice:
    """Gives the rows that have a label, and adds the (weighted) share that they are, where some have none.

    ``predicted`` holds each model's predicted labels (n,), by which the share is told too (a model without a name is
    the only one): which labels come first may depend on what they are. Rows are counted where those without a label all
    have weight 0, as weights of the labelled ones alone give them (``inverse_intensity``).
    """
    if observed is None or observed.all():
        return slice(None)
    n = len(observed)
    if not observed.any():
        raise DataError(f"{owner}: none of {n} rows has its label observed; wait for labels, or estimate without them")
    if not weight[~observed].any():
        weight = np.ones(n)
    rows.add("labelled_share", float(np.average(observed, weights=weight)), n=n)
    for model, labels in predicted.items():
        for label in np.unique(labels):
            own = labels == label
            if weight[own].any():
                share = float(np.average(observed[own], weights=weight[own]))
                rows.add("labelled_share", share, n=int(own.sum()), model=model, slice=f"predicted {label}")
    return np.flatnonzero(observed)
