"""Methods that are sound, and methods each of which breaks one rule."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ballast.errors import DataError
from ballast.methods.common.classes import check_several
from ballast.methods.frame.base import Assessor, Learner, Sampler, Scorer, Weigher
from ballast.methods.frame.base import Test as TwoSampleTest
from ballast.methods.frame.parameters import Positive, Seed
from ballast.methods.frame.reports import AssessmentRows, TestReport
from ballast.methods.shift import ChiSquared
from ballast.methods.shift._columns import Rule, overall_report
from ballast.methods.weights._by_class import ByClass


class Sound(Scorer):
    """The distance from the mean: passes every check."""

    name = "sound"

    def __init__(self, random_state: Seed = None) -> None:
        self.random_state = random_state

    def fit(self, X):
        self.mean_ = X.mean(axis=0)
        self.threshold_ = 3.0
        return self

    def score_samples(self, X):
        return np.abs(X - self.mean_).sum(axis=1)


class DrawsGlobally(Sound):
    name = "draws_globally"

    def score_samples(self, X):
        return super().score_samples(X) + np.random.rand()  # noqa: NPY002


class Remembers(Sound):
    name = "remembers"

    def fit(self, X):
        self.mean_ = getattr(self, "mean_", None) if hasattr(self, "mean_") else X.mean(axis=0)
        self.mean_ = np.resize(self.mean_, X.shape[1])
        return self


class ChangesParameters(Sound):
    name = "changes_parameters"

    def fit(self, X):
        self.random_state = 17
        return super().fit(X)


class WorksInInit(Sound):
    name = "works_in_init"

    def __init__(self, random_state: Seed = None) -> None:
        self.random_state = random_state or 0


class Overwrites(Sound):
    name = "overwrites"

    def fit(self, X):
        X -= X.mean(axis=0)
        return super().fit(X)


class Widens(Sound):
    name = "widens"

    def score_samples(self, X):
        return super().score_samples(X).astype(np.float64)


class CaresForOrder(Scorer):
    name = "cares_for_order"

    def fit(self, X):
        self.mean_ = X[0]
        return self

    def score_samples(self, X):
        return np.abs(X - self.mean_).sum(axis=1)


class LosesDigits(CaresForOrder):
    name = "loses_digits"

    def score_samples(self, X):
        return super().score_samples(X) * (1 if X.dtype == np.float64 else 2)


class ForgetsToFit(Scorer):
    name = "forgets_to_fit"

    def score_samples(self, X):
        return X[:, 0] - getattr(self, "mean_", None)

    def fit(self, X):
        self.mean_ = X.mean()
        return self


class AsksForMore(Sound):
    name = "asks_for_more"

    def score_samples(self, X):
        if len(X) < 3:
            raise IndexError("list index out of range")
        return super().score_samples(X)


class NeedsTwoFeatures(Sound):
    name = "needs_two_features"

    def score_samples(self, X):
        return X[:, 1]


class DividesBySpread(Sound):
    name = "divides_by_spread"

    def score_samples(self, X):
        return super().score_samples(X) / X.std(axis=0).sum()


class Overflows(Sound):
    name = "overflows"

    def score_samples(self, X):
        return np.exp(super().score_samples(X))


class NeedsLabels(Weigher):
    name = "needs_labels"

    def fit(self, X, y=None):
        self.weights_ = 1.0 + y
        return self


class LearnsOneClass(Learner):
    name = "learns_one_class"

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))

    def predict_proba(self, X):
        return np.tile(np.eye(len(self.classes_))[0], (len(X), 1))


class IgnoresWeights(Learner):
    name = "ignores_weights"

    def fit(self, X, y, sample_weight=None):
        self.mean_ = X.mean()
        return self

    def predict(self, X):
        return X[:, 0] + self.mean_


class CountsWeightless(IgnoresWeights):
    """Computes its mean over rows of weight 0 as well."""

    name = "counts_weightless"
    keeps_weightless = True


class SortsUnits(Weigher):
    """Takes the names of units for numbers that mean something."""

    name = "sorts_units"

    def fit(self, X, dependence):
        self.weights_ = 1.0 + np.unique(dependence, return_inverse=True)[1]
        return self


class PartsUnits(Weigher):
    """Leaves rows out one by one, whatever they are of."""

    name = "parts_units"

    def fit(self, X):
        folds = np.arange(len(X)) % 5
        self.weights_ = np.empty(len(X))
        for fold in range(5):
            centre = X[folds != fold].mean(axis=0)
            self.weights_[folds == fold] = 1 + np.abs(X[folds == fold] - centre).sum(axis=1)
        return self


class CountsRows(TwoSampleTest):
    """Rejects by the number of rows, whatever they are of."""

    name = "counts_rows"

    def test(self, X, X_target, dependence=None, dependence_target=None):
        return overall_report(1.0, 1e-3, Rule.of(0.05, None), 1.0, "a distance")


class NumbersOnly(Weigher):
    name = "numbers_only"

    def fit(self, y):
        self.weights_ = y + 1.0
        return self


class MislabelsRows(Sampler):
    name = "mislabels_rows"

    def fit_resample(self, X, y):
        self.sample_indices_ = np.arange(len(X))
        return X, y[::-1]


class NeedsPairs(Weigher):
    name = "needs_pairs"

    def fit(self, groups):
        _, code, count = np.unique(groups, return_inverse=True, return_counts=True)
        self.weights_ = 1 / (count[code] - 1)
        return self


class CountsTowns(Weigher):
    name = "counts_towns"

    def fit(self, table):
        self.weights_ = 1.0 + table["town"].str.len().to_numpy()
        return self


class FailsUnnamed(Sound):
    name = "fails_unnamed"

    def __init__(self, norm: Literal["absolute", "squared"] = "absolute") -> None:
        self.norm = norm

    def score_samples(self, X):
        return {"absolute": np.abs}[self.norm](X).sum(axis=1)


class KeepsAFunction(Sound):
    name = "keeps_a_function"

    def fit(self, X):
        self.centre_ = lambda: 0.0
        return super().fit(X)


class ForgetsOverall(TwoSampleTest):
    name = "forgets_overall"

    def test(self, X, X_target):
        import pandas as pd

        return TestReport(0.0, 1.0, 0.05, False, pd.DataFrame({"feature": ["x"]}))


class CountsNothing(Assessor):
    name = "counts_nothing"

    def assess(self, y):
        rows = AssessmentRows()
        rows.add("mean", float("nan"), n=len(y))
        return rows.finish()


class TakesAnything(Sound):
    name = "takes_anything"


TakesAnything.fit = TakesAnything.fit.__wrapped__  # what the frame's checks are taken off of


class IgnoresColumns(Sound):
    name = "ignores_columns"


IgnoresColumns.score_samples = lambda self, X: np.abs(np.asarray(X)[:, :3] - self.mean_).sum(axis=1)


class ReadsTheIndex(Weigher):
    name = "reads_the_index"

    def fit(self, table):
        self.weights_ = 1.0 + np.asarray(table.index)
        return self


class SoundStream(ByClass):
    """The inverse of a class's count: passes every check."""

    name = "sound_stream"

    def __init__(self, power: Positive = 1.0) -> None:
        self.power = power

    def class_weights(self, counts):
        return counts**-self.power


class KeepsTheLastBatch(SoundStream):
    name = "keeps_the_last_batch"

    def partial_fit(self, y):
        self._forget()
        return super().partial_fit(y)


class LosesWhatIsMerged(SoundStream):
    name = "loses_what_is_merged"

    def merge(self, other):
        self._check_same(other)
        return self


class ChangesTheOther(SoundStream):
    name = "changes_the_other"

    def merge(self, other):
        super().merge(other)
        other._sums = self._counted
        return self


class MergesAnything(SoundStream):
    name = "merges_anything"

    def merge(self, other):
        self._counted.add(**other._counted.sums)
        return self


class ScalesByTheLastBatch(SoundStream):
    name = "scales_by_the_last_batch"

    def partial_fit(self, y):
        self._n = len(y)
        return super().partial_fit(y)

    def _learn_from(self, counted):
        mean, square = super()._learn_from(counted)
        return mean * getattr(self, "_n", counted["n"]) / counted["n"], square


class AcceptsOneClass(SoundStream):
    name = "accepts_one_class"

    def finalize(self):
        try:
            return super().finalize()
        except DataError:
            return self

    def fit(self, y):
        check_several(np.unique(y), len(y), self.name)
        return super().fit(y)


class ReportsTheLastBatch(ChiSquared):
    name = "reports_the_last_batch"

    def partial_fit(self, table=None, table_target=None):
        vars(self).pop("_counted", None)
        return super().partial_fit(table, table_target)


class ForgetsWhatItReported(ChiSquared):
    name = "forgets_what_it_reported"

    def finalize(self):
        report = super().finalize()
        vars(self).pop("_counted")
        return report


class LosesMergedBatches(ChiSquared):
    name = "loses_merged_batches"

    def merge(self, other):
        if type(other) is not type(self) or other is self:
            return super().merge(other)
        return super().merge(type(self)(**other.get_params()))
