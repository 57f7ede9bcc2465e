"""What a stored network declares of itself, checked against its tensors before anything is made of either."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from ballast.errors import DataError

_CHARACTERS = 2**26  # that labels may take as an array, where each is as wide as the longest: 256 MiB


def declared_labels(declared: dict[str, Any]) -> np.ndarray:
    """Gives the (K,) labels of a declaration; texts as wide as the longest, whatever width is declared.

    Raises DataError for what no classifier has as labels.
    """
    dtype = np.dtype(declared["dtype"])
    if dtype.kind not in "biufUO":
        raise DataError(f"labels of type {dtype} are declared; they must be numbers, booleans or texts")
    values = declared["values"]
    if len(values) * max((len(label) for label in values if isinstance(label, str)), default=0) > _CHARACTERS:
        raise DataError(f"{len(values)} labels as wide as the longest take more than {_CHARACTERS:,} characters")
    labels = np.array(values, dtype="U" if dtype.kind == "U" else dtype)
    if labels.ndim != 1 or not all(isinstance(label, str | int | float) for label in labels.tolist()):
        raise DataError("the declared labels are not a list of numbers, booleans or texts")
    return labels


def declared_target(declared: dict[str, Any]) -> tuple[float, float]:
    """Gives the mean and standard deviation that undo the scaling of the target, or raises DataError."""
    mean, scale = float(declared["mean"]), float(declared["scale"])
    if not (math.isfinite(mean) and math.isfinite(scale) and scale > 0):
        raise DataError(
            f"the declared target has mean {mean} and scale {scale}; they must be finite, the scale positive"
        )
    return mean, scale


def check_tensors(widths: list[int], tensors: dict[str, np.ndarray]) -> None:
    """Raises DataError where tensors are not those of a network with layers of these widths, or not finite."""
    if len(tensors) != 2 * len(widths):  # before the expected ones are listed, as many as are declared
        raise DataError(
            f"{2 * len(widths)} tensors are declared, for {len(widths) - 1} layers; there are {len(tensors)}"
        )
    shapes: dict[str, tuple[int, ...]] = {"mean": (widths[0],), "scale": (widths[0],)}
    for layer, (width, following) in enumerate(pairwise(widths)):
        shapes[f"network.{2 * layer}.weight"] = (following, width)
        shapes[f"network.{2 * layer}.bias"] = (following,)
    for name, shape in shapes.items():
        if name not in tensors:
            raise DataError(f"tensor {name!r} is missing; there are {', '.join(sorted(tensors))}")
        tensor, dtype = tensors[name], "float32" if name.startswith("network") else "float64"
        if tensor.shape != shape or tensor.dtype != dtype:
            raise DataError(f"tensor {name!r} is {tensor.dtype} {tensor.shape}; {dtype} {shape} is declared")
        if not np.isfinite(tensor).all():
            raise DataError(f"tensor {name!r} holds a value that is not finite")
    if not (tensors["scale"] > 0).all():
        raise DataError("tensor 'scale' holds a value that is not positive")
