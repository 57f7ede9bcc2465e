"""Design weights: how many of the population each row stands for, on any scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from ballast.errors import DataError
from ballast.methods.frame.calls import owner_of


def mean_of(design_weight: np.ndarray | None) -> float | None:
    """Gives the mean of design weights, of any size; None where there are none."""
    if design_weight is None:
        return None
    largest = float(design_weight.max())
    return largest * float((design_weight.astype(np.float64) / largest).mean())  # their sum may be beyond all numbers


def relative(design_weight: np.ndarray | None, n: int) -> np.ndarray:
    """Gives (n,) design weights of mean 1, in double precision; ones where there are none."""
    mean = mean_of(design_weight)
    return np.ones(n) if design_weight is None or mean is None else design_weight.astype(np.float64) / mean


def judged_by(n: int, sample_weight: np.ndarray | None, design_weight: np.ndarray | None) -> np.ndarray:
    """Gives the (n,) weights that rows are judged by: those of a weigher or, where none are given, the design's.

    Weighers that take design weights have them in their own, so that the two are never multiplied.
    """
    given = design_weight if sample_weight is None else sample_weight
    return np.ones(n) if given is None else given.astype(np.float64)


def of_unseen(method: Any, design_weight: np.ndarray | None, n: int) -> np.ndarray:
    """Gives (n,) the design weights of unseen rows on the scale of those of mean 1 that a method was fitted with.

    The method keeps its rows' mean as ``_design_mean``, None where they had none. DataError where one of the two has
    design weights and the other has not.
    """
    mean = getattr(method, "_design_mean", None)
    if (mean is None) != (design_weight is None):
        fitted, remedy = ("without", "leave them out") if mean is None else ("with", "give those of these rows, too")
        raise DataError(
            f"{owner_of(method)}: design_weight: it was fitted {fitted} design weights, and the {n} rows to weigh come "
            f"{'with' if mean is None else 'without'}; {remedy}"
        )
    return np.ones(n) if design_weight is None or mean is None else design_weight.astype(np.float64) / mean


def in_batches(common: dict[str, Any], owner: str, **given: tuple[Any, np.ndarray | None]) -> dict[str, bool]:
    """Gives what a batch's rows, each with its design weights, add to what all batches have in common.

    By the name of the argument whether there are weights, where there are rows; DataError where earlier batches differ.
    """
    found = {name: weight is not None for name, (rows, weight) in given.items() if rows is not None}
    for name, there in found.items():
        if common.get(name, there) != there:
            before, now = ("not ", "") if there else ("", "not ")
            raise DataError(
                f"{owner}: {name} was {before}given with earlier batches, and is {now}with this one; give it with "
                "all or with none"
            )
    return found
