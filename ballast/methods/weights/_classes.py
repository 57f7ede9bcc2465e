"""Labels as positions in a list of classes."""

from __future__ import annotations

import numpy as np

from ballast.errors import DataError


def class_positions(y: np.ndarray, classes: np.ndarray, owner: str) -> np.ndarray:
    """Gives (n,) the position of each label in `classes`, which must be two at least and hold every label."""
    if len(classes) < 2:
        raise DataError(
            f"{owner}: y has one class alone ({classes[0]!r}, {len(y)} rows); there is nothing to balance, so check "
            "the label column"
        )
    order = np.argsort(classes)
    positions = order[np.searchsorted(classes, y, sorter=order).clip(max=len(classes) - 1)]
    unknown = classes[positions] != y
    if unknown.any():
        raise DataError(
            f"{owner}: y holds {len(np.unique(y[unknown]))} label(s) in {int(unknown.sum())} of {len(y)} rows that are "
            f"not among the classes, such as {y[unknown][0]!r} (classes: {', '.join(map(str, classes[:20]))})"
        )
    return positions
