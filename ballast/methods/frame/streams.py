"""Weighers that learn batch by batch: what they count adds up, over batches and over machines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import clone

from ballast.errors import DataError
from ballast.methods.frame.base import Weigher
from ballast.methods.frame.calls import COLUMNS, owner_of
from ballast.methods.frame.vocabulary import VOCABULARY


@dataclass
class Counted:
    """What a stream of rows has come to.

    Attributes
    ----------
    common : what objects must have in common for their sums to be added: centres, bins, columns; set by the first
        batch.
    sums : by name, numbers, arrays, or what else can be added; never changed in place. "n" and "m" are the training
        rows and the target's.
    """

    stored_name = "counted"

    common: dict[str, Any] = field(default_factory=dict)
    sums: dict[str, Any] = field(default_factory=dict)

    def add(self, **sums: Any) -> None:
        """Adds to the sums: to all or, where one cannot be added, to none."""
        self.sums |= {name: self.sums[name] + more if name in self.sums else more for name, more in sums.items()}

    def __getitem__(self, name: str) -> Any:
        return self.sums[name]


class StreamingWeigher(Weigher):
    """A weigher that needs no more of the rows than sums, and so can learn from them batch by batch.

    ``partial_fit(...)`` counts a batch of training rows, of the target's or of both, under the names that ``fit`` has
    for them; ``merge(other)`` adds what another object counted; ``finalize()`` learns from all that was counted, and
    ``weigh(...)`` then gives weights of mean 1 over the training rows counted. Neither the order nor the size of the
    batches matters, but for rounding. Where centres or bins come from the first batch, objects that will be merged
    start from one, by ``empty_copy()``. ``fit`` does the same with one batch, and sets ``weights_`` besides.

    A subclass adds to ``_counted`` in ``partial_fit``, or leaves it as it was where it refuses the batch, and learns
    from it in ``_learn_from``; its ``fit`` starts with ``_forget()``.
    """

    stream_points = ("partial_fit", "merge", "finalize")
    estimates_ratio: ClassVar[bool] = False
    """Whether raw weights are a density ratio, whose mean is near 1 where the target overlaps the training rows."""
    of_rows: ClassVar[tuple[str, ...]] = ()
    """Attributes over the rows of ``fit``, which a stream does not have, besides ``weights_`` and ``ratio_``."""

    @property
    def _counted(self) -> Counted:
        return vars(self).setdefault("_sums", Counted())

    def merge(self, other: Self) -> Self:
        """Adds what another object counted with the same parameters, centres and bins; gives this one."""
        if type(other) is not type(self) or other is self:
            what = "itself" if other is self else f"an object of {type(other).__name__}"
            raise DataError(f"{owner_of(self)}.merge takes another {type(self).__name__}, and was given {what}")
        ours, theirs = self._counted, other._counted
        self._check_same(other)
        ours.add(**theirs.sums)
        ours.common = {**theirs.common, **ours.common}
        for name in COLUMNS:
            if hasattr(other, name) and not hasattr(self, name):
                setattr(self, name, getattr(other, name))
        return self

    def finalize(self) -> Self:
        """Learns from all that was counted, and the scale of the weights; gives this object, which may count on."""
        counted = self._counted
        for name, rows, what in (("n", "sample", "training rows"), ("m", "target", "rows of the target")):
            takes = [term for term, required in self.needs().items() if required and VOCABULARY[term].rows == rows]
            if takes and not counted.sums.get(name):
                raise DataError(
                    f"{owner_of(self)}: no {what} ({', '.join(takes)}) were counted; call partial_fit with some before "
                    "finalize"
                )
        for name in ("scale_", "weights_", "ratio_", "standardized_differences_", *self.of_rows):  # of an earlier fit
            vars(self).pop(name, None)
        mean, square = self._learn_from(counted)
        n = counted["n"]
        self._check_overlap(mean, n, lambda: n * mean**2 / square if square else 0.0, ratio=self.estimates_ratio)
        self.scale_ = mean
        return self

    def empty_copy(self) -> Self:
        """Gives a new object with the same parameters, centres and bins that has counted nothing."""
        copy: Self = clone(self)  # type: ignore[assignment]
        copy._counted.common.update(self._counted.common)
        for name in COLUMNS:
            if hasattr(self, name):
                setattr(copy, name, getattr(self, name))
        return copy

    def _learn_from(self, counted: Counted) -> tuple[float, float]:
        """Sets the learned attributes; gives the means of the training rows' raw weights and of their squares."""
        raise NotImplementedError

    def _forget(self) -> None:
        """Starts afresh, with nothing counted and nothing to have in common."""
        self._sums = Counted()

    def _finish(self, entry: str, result: Any, arguments: dict[str, Any]) -> Any:
        if entry == "partial_fit" and all(value is None for value in arguments.values()):
            raise DataError(f"{owner_of(self)}.partial_fit was given no rows; it takes {', '.join(self.needs(entry))}")
        return super()._finish(entry, result, arguments)

    def _check_same(self, other: Self) -> None:
        """Raises DataError where the parameters of two objects, or what they must have in common, differ."""
        own, theirs = self.get_params(deep=False), other.get_params(deep=False)
        for name, value in own.items():
            if not equal(value, theirs[name]):
                raise DataError(
                    f"{owner_of(self)}: parameter {name!r} is {value!r} here and {theirs[name]!r} in what is to be "
                    "merged; give both the same parameters"
                )
        ours, others = ({**_columns(one), **one._counted.common} for one in (self, other))
        if differ := [name for name in ours if name in others and not equal(ours[name], others[name])]:
            raise DataError(
                f"{owner_of(self)}: {', '.join(differ)} differ from what is to be merged, so that the counts do not "
                "add up; start both from one, by its empty_copy()"
            )


def equal(first: Any, second: Any) -> bool:
    """Says whether two values are equal, in arrays and mappings of arrays every element."""
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return isinstance(first, np.ndarray) and isinstance(second, np.ndarray) and np.array_equal(first, second)
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(equal(value, second[name]) for name, value in first.items())
    return bool(first == second)


def _columns(weigher: StreamingWeigher) -> dict[str, Any]:
    return {name: getattr(weigher, name) for name in COLUMNS if hasattr(weigher, name)}
