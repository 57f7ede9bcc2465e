"""What ``Warehouse.dataset`` gives: the rows of a step, as tables and as arrays."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.errors import DataError
from ballast.warehouse.tables.frames import given_back
from ballast.words import plural

if TYPE_CHECKING:
    from ballast.warehouse.datasets.making import Making
    from ballast.warehouse.datasets.torch_rows import TorchRows


@dataclass(frozen=True, repr=False)
class Dataset:
    """The rows of a step, ready to train on.

    Weights count once: those of a weigher are for ``sample_weight``, or for draws (``torch``); the rows of a sampler
    were drawn already, and have none.

    Attributes
    ----------
    name, version, partition : the step that the rows are of.
    kind : its stage, such as "weigher" or "sampler".
    arrow : the rows with their types. A sampler's have ``multiplicity`` (how often the source row is there),
        ``second_parent_id`` where they were made up, ``drawn_by_weight`` where they were drawn by weights.
    frame : the same as a DataFrame.
    notes : what is to be known of them, a line each.
    ids : (n,) the rows' sample ids, of a made-up row that of its first parent; None for a table without.
    weights : (n,) what each row counts in a fit; None where each counts once.
    X : (n, d) the encoded features, read when asked for; None where they are not known.
    y : (n,) the labels, None where there are none.
    features : the d names of the columns of ``X``.
    """

    name: str
    version: int
    partition: str | None
    kind: str
    arrow: pa.Table
    notes: tuple[str, ...]
    _making: Making

    @cached_property
    def frame(self) -> pd.DataFrame:
        return given_back(self.arrow)

    @cached_property
    def ids(self) -> np.ndarray | None:
        return self._making.ids

    @cached_property
    def weights(self) -> np.ndarray | None:
        return self._making.weights()

    @cached_property
    def X(self) -> np.ndarray | None:  # noqa: N802
        return self._making.matrix()

    @cached_property
    def y(self) -> np.ndarray | None:
        return self._making.y()

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(self._making.feature_names)

    def __len__(self) -> int:
        return self.arrow.num_rows

    def torch(self, *, sampler: Literal["weights"] | None = None, seed: int = 0) -> TorchRows:
        """Gives a map-style ``torch.utils.data.Dataset`` of the rows, with the sampler that goes with it.

        Weights become draws or loss weights, never both; ``weights_are`` of what is given says which.

        Parameters
        ----------
        sampler
            "weights": rows are drawn in proportion to their weight, with replacement, as many as there are in an
            epoch; an item is (x, y), and the loss takes no weight. None: each row comes once an epoch, in random
            order; an item is (x, y, weight) where the dataset has weights, for the loss, else (x, y).
        seed
            Of the sampler's draws; each epoch goes on where the one before ended.

        Raises
        ------
        DataError
            Features or labels are not known, or "weights" is asked of a dataset without, whose rows were drawn
            already, or whose weights are all 0, or of which some are negative or not finite.
        MissingDependencyError
            torch is not installed.
        """
        from ballast.warehouse.datasets.torch_rows import torch_rows

        return torch_rows(self, sampler, seed)

    def __repr__(self) -> str:
        return "\n".join([self._head(), *(f"  {note}" for note in self.notes)])

    def _head(self) -> str:
        of = f", partition {self.partition}" if self.partition else ""
        size = f"{plural(len(self), 'row')}, {plural(self.arrow.num_columns, 'column')}"
        return f"{self.name}, version {self.version}{of}: {size}"

    def _repr_html_(self) -> str:
        told = "".join(f"<p>{html.escape(line)}</p>" for line in (self._head(), *self.notes))
        return told + given_back(self.arrow.slice(0, 5)).to_html(index=False)


def weights_to_use(weights: np.ndarray, name: str) -> np.ndarray:
    """Gives weights (n,) as float64; DataError with counts where rows cannot be weighed by them."""
    found = np.asarray(weights, dtype=np.float64)
    broken, negative = int((~np.isfinite(found)).sum()), int((found < 0).sum())
    if broken or negative:
        raise DataError(
            f"{name}: of {plural(len(found), 'weight')} {broken} are not finite and {negative} are negative; weights "
            "are finite and at least 0: mend the step that makes them"
        )
    if not (found > 0).any():
        raise DataError(f"{name}: all {plural(len(found), 'weight')} are 0, so that no row counts; weigh some rows")
    return found
