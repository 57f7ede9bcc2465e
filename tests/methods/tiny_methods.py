"""Methods of a few lines, one a role, on which the tests show what the frame does."""

from __future__ import annotations

import numpy as np

from ballast.methods.frame.base import Learner, Sampler, Scorer, Weigher
from ballast.methods.frame.parameters import Positive

X = np.arange(12.0).reshape(6, 2)


class Distance(Scorer):
    """The distance from the mean."""

    name = "distance"

    def __init__(self, quantile: Positive = 0.5) -> None:
        self.quantile = quantile

    def fit(self, X, y=None):
        self.mean_ = X.mean(axis=0)
        self.threshold_ = float(np.quantile(self.score_samples(X), self.quantile))
        return self

    def score_samples(self, X):
        return np.abs(X - self.mean_).sum(axis=1)


class Given(Weigher):
    """Weights each row by its first feature, on a scale of its own."""

    name = "given"

    def __init__(self, factor: float = 3.0) -> None:
        self.factor = factor

    def fit(self, X, X_target=None):
        self.weights_ = self.weigh(X)
        return self

    def weigh(self, X):
        return self.factor * X[:, 0]


class Ratio(Weigher):
    """A density ratio as given."""

    name = "ratio"

    def fit(self, X, X_target):
        self.ratio_ = X[:, 0]
        return self

    def weigh(self, X):
        return X[:, 0]


class Everyone(Sampler):
    """Every row twice."""

    name = "everyone"

    def fit_resample(self, X, y=None):
        self.sample_indices_ = np.repeat(np.arange(len(X)), 2)
        return X[self.sample_indices_], None if y is None else y[self.sample_indices_]


class Mean(Learner):
    """The weighted mean."""

    name = "mean"

    def fit(self, X, y, sample_weight=None):
        self.mean_ = np.average(y, weights=sample_weight)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)
