"""From labels to the columns of a probability matrix."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ballast.errors import DataError
from ballast.words import plural


def label_codes(y: np.ndarray, classes: np.ndarray | None, n_classes: int, owner: str) -> np.ndarray:
    """Gives the column of each row's label; DataError counts the labels that have none.

    Without ``classes`` the columns are the sorted labels of ``y``.
    """
    if classes is None:
        classes = np.unique(y)
        source = f"y has {plural(len(classes), 'class')}"
    else:
        source = f"classes names {len(classes)}"
    if len(classes) != n_classes:
        raise DataError(
            f"{owner}: probs has {plural(n_classes, 'column')} but {source}; pass classes, the label of each column"
        )
    codes = pd.Index(classes).get_indexer(pd.Index(y))
    unknown = codes < 0
    if unknown.any():
        raise DataError(
            f"{owner}: y has {int(unknown.sum())} of {len(y)} rows with labels that are not among the classes "
            f"{_some(classes)}: {_some(np.unique(y[unknown].astype(str)))}; drop those rows, or fit the model on rows "
            "of every class, with labels of one type"
        )
    return codes


def _some(labels: np.ndarray) -> str:
    listed = [repr(v) for v in labels[:8].tolist()]
    return "[" + ", ".join(listed) + (", ..." if len(labels) > 8 else "") + "]"
