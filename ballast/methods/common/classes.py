"""Labels as positions in a list of classes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ballast.errors import DataError
from ballast.words import listed, plural


def check_several(classes: np.ndarray, n: int, owner: str, argument: str = "y") -> None:
    """Raises DataError where the n rows have one class, or another value of the `argument`, alone."""
    if len(classes) < 2:
        raise DataError(
            f"{owner}: {argument} has only one value ({classes.tolist()[0]!r}, {n} rows); there is nothing to "
            "balance, so check its column"
        )


def class_positions(y: np.ndarray, classes: np.ndarray, owner: str, argument: str = "y") -> np.ndarray:
    """Gives (n,) the position of each label in `classes`, which must be two at least and hold every label.

    `argument` is the name of `y` in messages, where it holds groups, say.
    """
    check_several(classes, len(y), owner, argument)
    positions = pd.Index(classes).get_indexer(pd.Index(y))  # by hashing, quicker than a search in sorted classes
    unknown = positions < 0
    if unknown.any():
        raise DataError(
            f"{owner}: {argument} holds {plural(len(np.unique(y[unknown])), 'value')} in {int(unknown.sum())} of "
            f"{len(y)} rows that are not among the known ones, such as {y[unknown].tolist()[0]!r} (known: "
            f"{listed(classes, 20)})"
        )
    return positions


def check_width(width: int, classes: np.ndarray, owner: str) -> None:
    """Raises DataError where predictions have not one column a class; `owner` names them too."""
    if width != len(classes):
        raise DataError(
            f"{owner} has {plural(width, 'column')} but there are {len(classes)} classes "
            f"({listed(classes, 20)}); pass `classes` in the order of the columns"
        )


def check_counts(counts: np.ndarray, classes: np.ndarray, owner: str) -> None:
    """Raises DataError where a class has no rows."""
    if (counts == 0).any():
        absent = listed(classes[counts == 0], 20)
        raise DataError(f"{owner}: no training row of class {absent}; drop the class or collect rows of it")


def class_counts(
    probs: np.ndarray, y: np.ndarray, classes: np.ndarray | None, owner: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives (K,) the classes that the columns of `probs` stand for, (n,) the position of each label, (K,) their counts.

    `classes` defaults to the sorted labels. Raises DataError where their number is another, or one has no rows.
    """
    classes = np.sort(pd.unique(y)) if classes is None else np.asarray(classes)
    check_width(probs.shape[1], classes, f"{owner}: probs")
    positions = class_positions(y, classes, owner)
    counts = np.bincount(positions, minlength=len(classes))
    check_counts(counts, classes, owner)
    return classes, positions, counts


def predictions(probs: np.ndarray, soft: bool) -> np.ndarray:
    """Gives the probabilities (n, K) as they are, or as 1 for the likeliest class and 0 for the others."""
    return probs if soft else np.eye(probs.shape[1])[probs.argmax(axis=1)]


def confusions(votes: np.ndarray, positions: np.ndarray, n_classes: int) -> np.ndarray:
    """Gives (K, K) sums of the predictions (n, K) by class: column k those of the rows of class k."""
    return np.stack([np.bincount(positions, column, n_classes) for column in votes.T])
