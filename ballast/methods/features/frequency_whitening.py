"""Features made uncorrelated and of unit variance, each row counted as often as it is met."""

from __future__ import annotations

import numpy as np

from ballast.compute.blocks import BLOCK_BYTES, row_blocks
from ballast.errors import DataError
from ballast.methods.frame.base import Claim, Transformer
from ballast.methods.frame.parameters import NonNegative
from ballast.words import plural

__all__ = ["FrequencyWhitening"]

LEAST = 1e-8
"""The spread of a direction, relative to the widest, below which it counts as having none."""


class FrequencyWhitening(Transformer):
    """Centres and whitens rows by how often each is met, so that rare ones stand out from frequent ones.

    Use it for a table with one row for each thing that occurs more or less often, such as embeddings of words, whose
    means are then compared: the frequent ones decide the centre and the spread, and so say least. With weights of any
    other kind it is whitening of the population they stand for. Not with hardly more rows than columns, where all rows
    come out equally far apart, and not with frequencies from elsewhere than where the rows will be used.

    Parameters
    ----------
    exponent : float >= 0, default 1.0
        What the weights are raised to: 1 takes them as they are, 0 counts all rows that have one alike.

    Attributes
    ----------
    mean_ : ndarray of shape (d,)
        The weighted mean.
    whitening_ : ndarray of shape (d, k)
        What the centred rows are multiplied by; k is the number of directions in which rows differ.

    Raises
    ------
    DataError
        Rows that do not differ, or are too large to square.

    Notes
    -----
    On the fitted rows Z' diag(p) Z = I, with p the weights raised and scaled to sum 1. A row of weight 0 has no part
    in it; where unseen things matter, add one to all counts. The unit of a column changes nothing, for columns are
    standardised before directions without spread, or with no more than the rounding of their dtype, are dropped.
    Components are ordered by the variance of the standardised columns and have their greatest loading positive.
    Cost: O(n d^2 + d^3), in blocks of rows.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, counts = rng.normal(size=(200, 2)) * [9, 1], rng.integers(1, 99, 200)
    >>> whitener = ballast.method("frequency_whitening")
    >>> Z = whitener.fit_transform(X, sample_weight=counts)
    >>> np.abs(np.cov(Z.T, aweights=counts, bias=True)).round(2)
    array([[1., 0.],
           [0., 1.]])
    """

    name = "frequency_whitening"
    reference = "Yokoi, Bao, Kurita and Shimodaira, Zipfian Whitening, NeurIPS 2024"
    survey_ids = ("S227",)
    claim = Claim(
        "Means of word vectors whitened by frequency tell what texts are about better than means of the plain vectors, "
        "of vectors whitened with all words alike, and of vectors without their three greatest components.",
        "reproduced",
        "8 seeds. Sentences of 15 words by Zipf's law, rank correlation of their cosines with those of their topics: "
        "{topics_whole:.3f}, against {topics_plain:.3f} plain, {topics_alike:.3f} whitened alike, "
        "{topics_less_three:.3f} without three components, {topics_half:.3f} at exponent 1/2. Descriptions of numpy, "
        "pandas and scipy, share of other texts that are further away than the same text's other piece: "
        "{descriptions_whole:.3f}, against {descriptions_plain:.3f}, {descriptions_alike:.3f}, "
        "{descriptions_less_three:.3f} and {descriptions_half:.3f}. Means weighted by inverse frequency, less their "
        "common component, get {topics_strong:.3f} and {descriptions_strong:.3f}: for texts alone, where words can be "
        "weighted, take those.",
    )

    def __init__(self, exponent: NonNegative = 1.0) -> None:
        self.exponent = exponent

    def fit(self, X: np.ndarray, sample_weight: np.ndarray | None = None) -> FrequencyWhitening:
        """Learns centre and directions from rows (n, d), each counted by its weight (n,)."""
        p = self._shares(np.ones(len(X)) if sample_weight is None else sample_weight)
        offset = X[p.argmax()].astype(np.float64)  # a column of one value then deviates by nothing, not by rounding
        d = X.shape[1]
        blocks = list(row_blocks(len(X), 16 * d, budget=max(BLOCK_BYTES, 64 * d**2)))  # longer than wide
        shift = np.sum([p[rows] @ (X[rows] - offset) for rows in blocks], axis=0)
        triangle = np.zeros((0, d))
        for rows in blocks:
            deviations = np.sqrt(p[rows, None]) * (X[rows] - offset - shift)
            triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, deviations]), mode="r"))
        if not np.isfinite(np.linalg.norm(triangle)):
            raise DataError(
                f"{self.name}: X has values up to {np.abs(X).max():.3g} in {len(X)} rows, too large to square; drop "
                "the placeholders among them, or divide by their size"
            )
        self.mean_ = offset + shift
        self.whitening_ = _directions(triangle, self.mean_, float(np.finfo(X.dtype).eps))
        self.n_features_out_ = self.whitening_.shape[1]
        if not self.n_features_out_:
            raise DataError(
                f"{self.name}: X does not vary in any of {plural(d, 'column')} over "
                f"{plural(int((p > 0).sum()), 'row')} with a weight, so there is nothing to whiten; give rows that "
                "differ"
            )
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Gives (m, k) whitened rows for rows (m, d)."""
        whitened = np.empty((len(X), self.n_features_out_), dtype=X.dtype)
        for rows in row_blocks(len(X), 16 * X.shape[1]):
            whitened[rows] = (X[rows] - self.mean_) @ self.whitening_
        return whitened

    def _shares(self, weights: np.ndarray) -> np.ndarray:
        """Gives (n,) shares of the rows, sum 1: their weights to the exponent, 0 where a weight is 0."""
        relative = weights / weights.max().astype(np.float64)
        raised = np.where(relative > 0, relative**self.exponent, 0.0)
        return raised / raised.sum()


def _directions(triangle: np.ndarray, mean: np.ndarray, rounding: float) -> np.ndarray:
    """Gives (d, k): the directions in which rows differ, each divided by their spread along it.

    ``triangle`` has the weighted covariance of the rows as its cross product; ``rounding`` is the relative error of
    their values.
    """
    spread = np.linalg.norm(triangle, axis=0)
    error = rounding * np.hypot(spread, mean)
    used = spread > error
    if not used.any():
        return np.zeros((len(mean), 0))
    _, size, components = np.linalg.svd(triangle[:, used] / spread[used], full_matrices=False)
    least = np.maximum(LEAST * size[0], np.linalg.norm(components * (error[used] / spread[used]), axis=1))
    size, components = size[size > least], components[size > least]
    greatest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(len(size)), greatest])
    whitening = np.zeros((len(mean), len(size)))
    whitening[used] = (components * (signs / size)[:, None]).T / spread[used, None]
    return whitening
