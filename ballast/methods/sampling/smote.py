"""Synthetic rows for small classes."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ballast.compute.kernels import nearest_neighbors
from ballast.errors import DataError, ParameterError, nearest
from ballast.methods.common.tasks import check_classes, task_of
from ballast.methods.frame.base import Claim, Sampler
from ballast.methods.frame.parameters import Count, Device, Seed, Share
from ballast.words import plural

EXACT_ROWS = 4_096
"""Classes up to this size get their exact neighbours; larger ones are first split into regions of at most this size."""


class SMOTE(Sampler):
    """Adds synthetic rows to small classes, each on the line between a row and one of its nearest neighbours.

    Use it on numeric features, for learners that take no weights or where a class is too small to learn its shape.
    Not with one-hot columns (it makes fractions of them), not before splitting into training and test rows, and not
    where probabilities are read: it changes the class frequencies as weights would. Class weights
    (``inverse_class_frequency``) often do as well; see the claim.

    Parameters
    ----------
    n_neighbors : int >= 1, default 5
        Nearest rows of the class among which the second parent is; 5 as in the paper.
    sampling_strategy : "auto", float in (0, 1] or dict, default "auto"
        How many rows a class gets in all. "auto" brings every other class up to the largest; a share brings those below
        it up to that share of the largest; a mapping gives the count of each class named.
    undersampling : float in (0, 1] or None, default None
        The share of the largest class's rows that is kept, at random and before the rest, so that "auto" and shares
        refer to what is left; None keeps all.
    device : str, default "auto"
        Where to search neighbours: "cpu", "cuda", one of several ("cuda:1"), or "auto", a GPU where there is one.
    random_state : int or None, default 0
        Seed of the draws.

    Attributes
    ----------
    sample_indices_ : ndarray of shape (k,)
        The source row, of a synthetic row the first parent. Each row of a class is first parent equally often, to
        within one.
    parents_ : ndarray of shape (k, 2)
        Both parents' source rows; a row that was given is twice its own parent.
    mixing_ : ndarray of shape (k,)
        How far from the first parent to the second the row lies, in [0, 1); 0 for rows given.
    is_synthetic_ : ndarray of bool, shape (k,)
        Whether the row was made.

    Raises
    ------
    DataError
        A class to be grown that has not more than ``n_neighbors`` rows, or a ``y`` that is not of labels.
    ParameterError
        A class that does not exist, or a count below what it has.

    Notes
    -----
    The rows given (kept ones, in their order) come first and unchanged, the synthetic ones after them by class.

    Cost: O(min(c, 4,096) c d) for a class of c rows, so linear in c beyond 4,096: there, neighbours are sought
    among the rows of the same region of space, and those across its border are missed. Memory O(n d).

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(100, 2)), np.repeat([0, 1], [90, 10])
    >>> sampler = ballast.method("smote", sampling_strategy=0.5)
    >>> X, y = sampler.fit_resample(X, y)
    >>> np.bincount(y), int(sampler.is_synthetic_.sum())
    (array([90, 45]), 35)
    """

    name = "smote"
    reference = "Chawla, Bowyer, Hall & Kegelmeyer, SMOTE: synthetic minority over-sampling technique, JAIR 2002"
    survey_ids = ("S011",)
    evens_classes = True
    claim = Claim(
        "With under-sampling it beats under-sampling alone and class weights in ROC space.",
        "partly",
        "AUROC of one digit (30 of about 1,000 rows), 40 draws. Decision tree, 30 % of common rows kept: {tree:.3f}, "
        "over class weights {tree, over class weights:+.3f} +- {tree, over class weights.spread:.3f}, over the same "
        "under-sampling {tree, over under-sampling:+.3f} +- {tree, over under-sampling.spread:.3f}, over "
        "under-sampling to even classes {tree, over even under-sampling:+.3f} +- {tree, over even "
        "under-sampling.spread:.3f}. No gain over class weights for logistic regression ({logistic, over class "
        "weights:+.3f}) or a forest ({forest, over class weights:+.3f} +- {forest, over class weights.spread:.3f}).",
    )

    def __init__(
        self,
        n_neighbors: Count = 5,
        sampling_strategy: Literal["auto"] | Share | dict[Any, Count] = "auto",
        undersampling: Share | None = None,
        device: Device = "auto",
        random_state: Seed = 0,
    ):
        self.n_neighbors = n_neighbors
        self.sampling_strategy = sampling_strategy
        self.undersampling = undersampling
        self.device = device
        self.random_state = random_state

    def fit_resample(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gives (k, d) rows and their (k,) labels."""
        rng = np.random.default_rng(self.random_state)
        if task_of(y) == "regression":
            raise DataError(f"{self.name}: y holds numbers of many values; it needs one label per row, so bin y first")
        classes, codes = check_classes(y, self.name)
        kept = self._kept(codes, rng)
        sizes = np.bincount(codes[kept])
        pairs = [np.column_stack([kept, kept])]
        mixing = [np.zeros(len(kept), dtype=X.dtype)]
        for code, size in enumerate(self._targets(classes, sizes)):
            if size > sizes[code]:
                own = kept[codes[kept] == code]
                pairs.append(own[self._pairs(X[own], size - sizes[code], classes.tolist()[code], rng)])
                mixing.append(rng.random(size - sizes[code], dtype=X.dtype))  # type: ignore[arg-type]
        self.parents_ = np.concatenate(pairs)
        self.mixing_ = np.concatenate(mixing)
        self.sample_indices_ = self.parents_[:, 0].copy()
        self.is_synthetic_ = np.arange(len(self.parents_)) >= len(kept)
        made = X[self.sample_indices_]
        new = self.is_synthetic_
        made[new] += self.mixing_[new, None] * (X[self.parents_[new, 1]] - made[new])
        return made, y[self.sample_indices_]

    def _kept(self, codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Gives the source rows that stay, ascending."""
        if self.undersampling is None:
            return np.arange(len(codes))
        largest = np.flatnonzero(codes == np.bincount(codes).argmax())
        stay = rng.choice(largest, size=max(1, round(self.undersampling * len(largest))), replace=False)
        return np.union1d(np.flatnonzero(codes != codes[largest[0]]), stay)

    def _targets(self, classes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Gives the number of rows that each class shall have."""
        if not isinstance(self.sampling_strategy, dict):
            share = 1.0 if self.sampling_strategy == "auto" else self.sampling_strategy
            return np.maximum(sizes, round(share * sizes.max()))
        wanted = sizes.copy()
        known = {label: code for code, label in enumerate(classes.tolist())}
        for label, size in self.sampling_strategy.items():
            if label not in known:
                raise ParameterError(
                    f"{self.name}: sampling_strategy names the class {label!r}, which y does not hold"
                    f"{nearest(label, map(str, known))} (its classes: {', '.join(map(str, known))})"
                )
            if size < sizes[known[label]]:
                raise ParameterError(
                    f"{self.name}: sampling_strategy asks for {size} rows of class {label!r}, which has "
                    f"{sizes[known[label]]}; rows are only added here: lower the largest class with undersampling"
                )
            wanted[known[label]] = size
        return wanted

    def _pairs(self, X: np.ndarray, n_new: int, label: Any, rng: np.random.Generator) -> np.ndarray:
        """Gives (n_new, 2) rows of ``X``: a parent and one of its neighbours, drawn at random."""
        if len(X) <= self.n_neighbors:
            raise DataError(
                f"{self.name}: class {label!r} has {plural(len(X), 'row')}, n_neighbors={self.n_neighbors} needs at "
                f"least {self.n_neighbors + 1}; lower n_neighbors, leave the class out of sampling_strategy, or weight "
                "classes with inverse_class_frequency"
            )
        neighbors = np.empty((len(X), self.n_neighbors), dtype=np.int64)
        for region in _regions(X, np.arange(len(X)), max(EXACT_ROWS, 2 * (self.n_neighbors + 1))):
            found = nearest_neighbors(X[region], X[region], self.n_neighbors, exclude_self=True, choice=self.device)[1]
            neighbors[region] = region[found]
        first = np.resize(rng.permutation(len(X)), n_new)
        return np.column_stack([first, neighbors[first, rng.integers(self.n_neighbors, size=n_new)]])


def _regions(X: np.ndarray, rows: np.ndarray, largest: int) -> list[np.ndarray]:
    """Halves the rows at the median of their widest column until each part has at most ``largest`` rows."""
    if len(rows) <= largest:
        return [rows]
    column = X[rows, X[rows].var(axis=0).argmax()]
    order = np.argpartition(column, len(rows) // 2)
    halves = rows[order[: len(rows) // 2]], rows[order[len(rows) // 2 :]]
    return [region for half in halves for region in _regions(X, half, largest)]
