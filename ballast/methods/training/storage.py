"""What a stored network declares of itself, checked against its tensors before anything is made of either."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from ballast.errors import DataError
from ballast.methods.frame.parameters import check_values
from ballast.methods.training.networks import arrays_of, of_arrays
from ballast.methods.training.part import declared, rebuilt

_CHARACTERS = 2**26  # that labels may take as an array, where each is as wide as the longest: 256 MiB


def declaration_of(model: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Gives what ``restored`` needs to make a fitted network anew: a declaration, as JSON can hold it, and arrays."""
    declaration: dict[str, Any] = {
        "params": {
            **{name: declared(value) for name, value in model.get_params(deep=False).items()},
            "hidden": list(model.hidden),
        },
        "task": model.task_,
        "n_features": len(model.mean_),
    }
    tensors = {**arrays_of(model.network_), "mean": model.mean_, "scale": model.scale_}
    if model.task_ == "classification":
        declaration["classes"] = {"dtype": model.classes_.dtype.str, "values": model.classes_.tolist()}
    else:
        declaration["target"] = {"mean": model.y_mean_, "scale": model.y_scale_}
    if hasattr(model, "feature_names_in_"):
        declaration["feature_names"] = model.feature_names_in_.tolist()
    return declaration, tensors


def restored(cls: type[Any], declaration: dict[str, Any], tensors: dict[str, np.ndarray]) -> Any:
    """Gives the fitted model of a class that ``declaration_of`` declared; nothing larger than the tensors is allocated.

    Raises ParameterError for a parameter outside its range, and DataError where the two are not of one network.
    """
    params = {name: rebuilt(value) for name, value in declaration["params"].items()}
    check_values(cls, params, cls.name)
    model = cls(**{**params, "hidden": tuple(params["hidden"])})  # JSON knows lists alone
    model.task_, model.n_features_in_ = declaration["task"], declaration["n_features"]
    if model.task_ == "classification":
        model.classes_ = declared_labels(declaration["classes"])
        n_outputs = len(model.classes_)
    else:
        model.y_mean_, model.y_scale_ = declared_target(declaration["target"])
        n_outputs = 1
    widths = [model.n_features_in_, *model.hidden, n_outputs]
    check_tensors(widths, tensors)
    model.mean_, model.scale_ = np.array(tensors["mean"]), np.array(tensors["scale"])
    if "feature_names" in declaration:
        model.feature_names_in_ = np.array([str(name) for name in declaration["feature_names"]], dtype=object)
        if len(model.feature_names_in_) != model.n_features_in_:
            raise DataError(
                f"{len(model.feature_names_in_)} feature names are declared for {model.n_features_in_} features"
            )
    model.network_ = of_arrays(widths, tensors)
    return model


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
