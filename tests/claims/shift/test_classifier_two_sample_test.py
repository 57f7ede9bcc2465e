"""The classifier two-sample test holds its level under cross-fitting and sees what tests by column cannot."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from ballast.methods.common.cross_fit import logistic
from ballast.methods.shift import ClassifierTwoSampleTest, KolmogorovSmirnov

pytestmark = pytest.mark.claim


def samples(seed: int, n: int, d: int, correlation: float = 0.0, mean: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X, X_target = rng.standard_normal((n, d)), rng.standard_normal((n, d))
    X_target[:, 1] = correlation * X_target[:, 0] + np.sqrt(1 - correlation**2) * X_target[:, 1]
    X_target[:, 0] += mean
    return X, X_target


def rejected(test, seeds: range, **shift: float) -> np.ndarray:
    return np.array([test.test(*samples(s, **shift)).rejected for s in seeds])


@pytest.mark.parametrize("classifier", [logistic(3), KNeighborsClassifier(15)], ids=["logistic", "neighbors"])
def test_level_when_folds_share_their_training_rows_then_at_most_alpha(classifier, claim):
    # Counting folds as independent gives 0.11 to 0.14 for logistic regression.
    level = rejected(ClassifierTwoSampleTest(classifier), claim.seeds(300, quick=5), n=80, d=3)
    claim.record(**{f"level_{type(classifier).__name__}": level})
    assert level.mean() < 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 300)


def test_level_when_the_classifier_is_the_default_then_at_most_alpha(claim):
    level = rejected(ClassifierTwoSampleTest(), claim.seeds(60), n=100, d=3)
    claim.record(level=level)
    assert level.mean() <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 60)


def test_power_when_the_correlation_alone_moves_then_found_where_tests_by_column_find_nothing(claim):
    seeds, shift = claim.seeds(15), {"n": 400, "d": 5, "correlation": 0.6}
    power, by_column = (rejected(test, seeds, **shift) for test in (ClassifierTwoSampleTest(), KolmogorovSmirnov()))
    claim.record(power=power, power_by_column=by_column)
    assert power.mean() > 0.7
    assert by_column.mean() < 0.25


def test_power_when_the_classifier_is_linear_then_it_sees_means_and_no_correlation(claim):
    linear = ClassifierTwoSampleTest(logistic(5))
    of_means = rejected(linear, claim.seeds(40), n=300, d=5, mean=0.35)
    of_correlation = rejected(linear, claim.seeds(40), n=300, d=5, correlation=0.6)
    claim.record(linear_power_means=of_means, linear_power_correlation=of_correlation)
    assert of_means.mean() > 0.7
    assert of_correlation.mean() < 0.2
