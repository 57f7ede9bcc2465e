"""A dataset's rows as torch takes them, each counted once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from ballast.errors import DataError, MissingDependencyError, ParameterError
from ballast.methods.common.tasks import task_of
from ballast.warehouse.datasets.dataset import weights_to_use
from ballast.words import plural

try:
    import torch
    from torch.utils.data import Dataset as MapStyle
    from torch.utils.data import RandomSampler, Sampler, WeightedRandomSampler
except ImportError as error:
    raise MissingDependencyError(
        f"a dataset for torch needs torch, which cannot be imported ({error}): pip install torch"
    ) from error

if TYPE_CHECKING:
    from ballast.warehouse.datasets.dataset import Dataset

MOST_DRAWN = 2**24
"""Rows that torch can draw from by weight."""


class TorchRows(MapStyle):
    """The rows of a dataset, map-style, and the sampler that goes with them.

    ``DataLoader(rows, batch_size=64, sampler=rows.sampler)`` gives batches of (x, y), or of (x, y, weight).

    Attributes
    ----------
    sampler : which rows come, and in which order; seeded.
    weights_are : "draws": a row comes in proportion to its weight, and the loss takes none; "loss weights": an item is
        (x, y, weight), and each row comes once an epoch; "none": an item is (x, y), and each row comes once.
    X : (n, d) float32.
    y : (n,) int64, the position of the label in ``classes``; float32 where the label is a number to predict.
    weights : (n,) float32 where they are loss weights, else None.
    classes : (K,) the labels; None for numbers.
    """

    def __init__(
        self,
        X: torch.Tensor,
        y: torch.Tensor,
        weights: torch.Tensor | None,
        sampler: Sampler[int],
        weights_are: Literal["draws", "loss weights", "none"],
        classes: np.ndarray | None,
        name: str,
    ) -> None:
        self.X, self.y, self.weights = X, y, weights
        self.sampler, self.weights_are, self.classes, self.name = sampler, weights_are, classes, name

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, ...]:
        item = (self.X[row], self.y[row])
        return item if self.weights is None else (*item, self.weights[row])

    def __getitems__(self, rows: Sequence[int]) -> list[tuple[torch.Tensor, ...]]:
        at = torch.as_tensor(rows)
        parts = [self.X[at], self.y[at], *([] if self.weights is None else [self.weights[at]])]
        return list(zip(*parts, strict=True))

    def __repr__(self) -> str:
        told = {
            "draws": "rows are drawn by their weights, and the loss takes none",
            "loss weights": "an item is (x, y, weight) for the loss, and no row is drawn by weight",
            "none": "each row counts once",
        }
        return f"{self.name}: {plural(len(self), 'row')}, {self.X.shape[1]} features; {told[self.weights_are]}"


def torch_rows(dataset: Dataset, sampler: str | None, seed: int) -> TorchRows:
    """See ``Dataset.torch``."""
    if sampler not in (None, "weights"):
        raise ParameterError(f"sampler is 'weights' or None, got {sampler!r}")
    lacks = [word for word, value in (("features", dataset.X), ("labels", dataset.y)) if value is None]
    if dataset.X is None or dataset.y is None:
        raise DataError(
            f"{dataset.name}: the {' and the '.join(lacks)} of its rows are not known, so that torch has nothing to "
            "train on; take a step of the training rows, and run the pipeline where what it was made from is pruned"
        )
    if sampler == "weights" and dataset.weights is None:
        already = "its rows were drawn already, and count once each" if dataset.kind == "sampler" else "it has none"
        raise DataError(f"{dataset.name} cannot be drawn by weights: {already}; leave sampler= out")
    if not len(dataset):
        raise DataError(f"{dataset.name} has no rows, so that torch has nothing to train on")
    X = torch.from_numpy(np.array(dataset.X, dtype=np.float32))
    y, classes = _targets(dataset.y, dataset.name)
    generator: Any = torch.Generator().manual_seed(seed)
    if dataset.weights is None:
        return TorchRows(X, y, None, RandomSampler(X, generator=generator), "none", classes, dataset.name)
    weights = torch.from_numpy(weights_to_use(dataset.weights, dataset.name))
    if sampler is None:
        order = RandomSampler(X, generator=generator)
        return TorchRows(X, y, weights.float(), order, "loss weights", classes, dataset.name)
    if len(X) > MOST_DRAWN:
        raise DataError(
            f"{dataset.name}: torch draws from {MOST_DRAWN:,} rows at most, and these are {len(X):,}; leave sampler= "
            "out, and give the weights to the loss"
        )
    drawn = WeightedRandomSampler(weights, len(X), replacement=True, generator=generator)  # pyright: ignore[reportArgumentType]
    return TorchRows(X, y, None, drawn, "draws", classes, dataset.name)


def _targets(y: np.ndarray, name: str) -> tuple[torch.Tensor, np.ndarray | None]:
    """Gives labels as numbers, and the classes that these are positions in."""
    if lost := int(pd.isna(y).sum()):
        raise DataError(f"{name}: {lost} of {plural(len(y), 'row')} have no label; leave them out of the training rows")
    if task_of(y) == "regression":
        return torch.from_numpy(y.astype(np.float32)), None
    classes, codes = np.unique(y, return_inverse=True)
    return torch.from_numpy(codes.astype(np.int64)), classes
