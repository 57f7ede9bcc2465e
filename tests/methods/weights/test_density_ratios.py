"""The density-ratio estimators against ratios that are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import DataError, OverlapError, ParameterError
from ballast.methods.frame.base import Weigher
from ballast.methods.weights import (
    KLIEP,
    DensityRatioClassifier,
    KernelDensityRatio,
    KernelMeanMatching,
    NearestNeighborRatio,
    RelativeLeastSquares,
)
from ballast.words import plural
from tests.claims.worlds.gaussian_shifts import moved, squared_error

ESTIMATORS: dict[str, Callable[[], Weigher]] = {
    "least_squares": lambda: RelativeLeastSquares(alpha=0.0),
    "relative_least_squares": RelativeLeastSquares,
    "kliep": KLIEP,
    "classifier": DensityRatioClassifier,
    "mean_matching": KernelMeanMatching,
    "neighbors": NearestNeighborRatio,
    "gaussian": lambda: KernelDensityRatio(density="gaussian"),
}


@dataclass(frozen=True)
class Problem:
    """Two samples and the ratio of their densities; `error` bounds the squared error against uniform weights' of 1."""

    X: np.ndarray
    X_target: np.ndarray
    ratio: np.ndarray
    error: float
    rank: float
    looser: float = 1.6


def gaussian(d: int, error: float, rank: float, looser: float = 1.6, n: int = 1500) -> Problem:
    """A Gaussian whose mean moves by one standard deviation along the diagonal."""
    rng = np.random.default_rng(d)
    step = np.ones(d) / np.sqrt(d)
    X = rng.standard_normal((n, d))
    return Problem(X, rng.standard_normal((n, d)) + step, np.exp(X @ step - 0.5), error, rank, looser)


def tilted(n: int = 1500) -> Problem:
    """Gamma(3, 1), tilted by exp(-x / 2): Gamma(3, 2/3); a second column, on another scale, does not move."""
    rng = np.random.default_rng(7)
    X = np.column_stack([rng.gamma(3, 1, n), 1000 + 50 * rng.standard_normal(n)])
    X_target = np.column_stack([rng.gamma(3, 2 / 3, n), 1000 + 50 * rng.standard_normal(n)])
    return Problem(X, X_target, 1.5**3 * np.exp(-X[:, 0] / 2), 0.4, 0.85)


PROBLEMS = {
    "gaussian_1": gaussian(1, 0.3, 0.9),
    "gaussian_2": gaussian(2, 0.4, 0.85),
    "gaussian_10": gaussian(10, 0.75, 0.6),
    "gaussian_50": gaussian(50, 0.95, 0.4, 2.6),
    "tilted": tilted(),
}


def truth(problem: Problem, estimator: Weigher) -> np.ndarray:
    """Gives what the estimator estimates: the ratio, or the relative ratio."""
    alpha = getattr(estimator, "alpha", 0.0)
    return problem.ratio / (alpha * problem.ratio + 1 - alpha)


def assert_near(weights: np.ndarray, ratio: np.ndarray, problem: Problem) -> None:
    wanted = ratio / ratio.mean()
    error = np.mean((weights - wanted) ** 2) / np.mean((1 - wanted) ** 2)
    assert error < problem.error, f"squared error {error:.2f} of that of uniform weights"
    rank = spearmanr(weights, wanted).statistic
    assert rank > problem.rank, f"rank correlation {rank:.2f}"


@pytest.fixture(params=PROBLEMS.values(), ids=PROBLEMS.keys(), scope="module")
def problem(request: pytest.FixtureRequest) -> Problem:
    return request.param


@pytest.fixture(params=ESTIMATORS.values(), ids=ESTIMATORS.keys(), scope="module")
def fitted(request: pytest.FixtureRequest, problem: Problem) -> Weigher:
    return request.param().fit(problem.X, problem.X_target)


@pytest.fixture(params=ESTIMATORS.values(), ids=ESTIMATORS.keys())
def estimator(request: pytest.FixtureRequest) -> Weigher:
    return request.param()


def test_weights_when_the_ratio_is_known_then_near_it(fitted, problem):
    assert_near(fitted.weights_, truth(problem, fitted), problem)


@pytest.mark.parametrize("name", ["gaussian_1", "gaussian_2", "tilted"])
def test_weights_when_of_two_kernel_densities_in_few_columns_then_near_the_ratio(name):
    problem = PROBLEMS[name]
    fitted = KernelDensityRatio().fit(problem.X, problem.X_target)
    assert_near(fitted.weights_, problem.ratio, problem)
    with pytest.raises(AssertionError):
        assert_near(1 / np.maximum(fitted.weights_, 1e-2), problem.ratio, problem)
    assert len(fitted.bandwidth_) == 2


def test_weights_when_inverted_then_far_from_the_ratio(fitted, problem):
    inverse = 1 / np.maximum(fitted.weights_, 1e-2)
    with pytest.raises(AssertionError):
        assert_near(inverse / inverse.mean(), truth(problem, fitted), problem)


def test_weights_when_fitted_then_of_mean_one_and_of_the_ratios_effective_sample_size(fitted, problem):
    assert fitted.weights_.mean() == pytest.approx(1, rel=1e-6)
    wanted = effective_sample_size(truth(problem, fitted))
    assert 1 / problem.looser < effective_sample_size(fitted.weights_) / wanted < problem.looser


def test_ratio_when_the_target_overlaps_then_of_mean_near_that_of_the_truth(fitted, problem):
    ratio = fitted.weights_ if isinstance(fitted, KernelMeanMatching) else fitted.ratio_  # it fixes the mean at 1
    assert ratio.mean() == pytest.approx(truth(problem, fitted).mean(), abs=0.15)


def test_weigh_when_rows_are_unseen_then_near_the_ratio(fitted, problem):
    rng = np.random.default_rng(99)
    rows = rng.permutation(np.concatenate([problem.X, problem.X]))[:1000] + 1e-9
    order = np.argsort(fitted.weigh(rows))
    low, high = rows[order[:300]], rows[order[-300:]]
    towards = problem.X_target.mean(axis=0) - problem.X.mean(axis=0)
    assert (high.mean(axis=0) - low.mean(axis=0)) @ (towards / problem.X.std(axis=0) ** 2) > 0


def test_weigh_when_rows_are_those_of_the_fit_then_their_weights(problem):
    for estimator in (RelativeLeastSquares(), KLIEP()):
        estimator.fit(problem.X, problem.X_target)
        np.testing.assert_allclose(estimator.weigh(problem.X), estimator.weights_, rtol=1e-6)


def test_fit_when_given_data_frames_or_float32_then_the_same_weights_in_the_same_width(estimator):
    p = PROBLEMS["gaussian_2"]
    weights = estimator.fit(p.X, p.X_target).weights_
    frames = [pd.DataFrame(X, columns=["a", "b"]) for X in (p.X, p.X_target)]
    np.testing.assert_array_equal(estimator.fit(*frames).weights_, weights)
    assert estimator.fit(p.X.astype(np.float32), p.X_target.astype(np.float32)).weights_.dtype == np.float32


def test_fit_when_rows_are_permuted_then_weights_are_permuted(estimator):
    p = PROBLEMS["gaussian_2"]
    rng = np.random.default_rng(1)
    order, order_target = rng.permutation(len(p.X)), rng.permutation(len(p.X_target))
    weights = estimator.fit(p.X, p.X_target).weights_
    permuted = estimator.fit(p.X[order], p.X_target[order_target]).weights_
    np.testing.assert_allclose(permuted, weights[order], rtol=5e-3, atol=5e-3)


def test_fit_when_columns_change_scale_and_origin_then_the_same_weights(estimator):
    p = PROBLEMS["gaussian_2"]
    weights = estimator.fit(p.X, p.X_target).weights_
    moved = [X * [1000.0, 0.01] + [1e6, -3.0] for X in (p.X, p.X_target)]
    # Other contents draw other centres and folds, so the weights agree as two fits do.
    assert np.corrcoef(estimator.fit(*moved).weights_, weights)[0, 1] > 0.9


@pytest.mark.parametrize("d", [1, 2, 10])
@pytest.mark.parametrize("n", [100, 1000])
def test_fit_when_the_target_is_disjoint_then_refuses_with_the_effective_sample_size(estimator, n, d):
    rng = np.random.default_rng(n + d)
    with pytest.raises(OverlapError, match=rf"{estimator.name}: .*{n} training rows.*effective sample size"):
        estimator.fit(rng.standard_normal((n, d)), rng.standard_normal((n, d)) + 12)


def test_fit_when_samples_are_alike_then_nearly_uniform(estimator):
    rng = np.random.default_rng(5)
    weights = estimator.fit(rng.standard_normal((1000, 3)), rng.standard_normal((1000, 3))).weights_
    assert effective_sample_size(weights) > 850


def test_fit_when_columns_are_constant_then_uniform(estimator):
    weights = estimator.fit(np.ones((50, 2)), np.ones((40, 2))).weights_
    np.testing.assert_allclose(weights, 1.0, rtol=1e-5)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 4), (2, 1), (2, 2)])
@pytest.mark.parametrize("make", [RelativeLeastSquares, KLIEP])
def test_fit_when_rows_are_few_then_the_kernel_estimators_still_weigh(make, n, m):
    rng = np.random.default_rng(0)
    weights = make().fit(rng.standard_normal((n, 1)), rng.standard_normal((m, 1))).weights_
    assert weights.shape == (n,)
    assert weights.sum() == pytest.approx(n, rel=1e-5)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 4), (2, 1)])
def test_fit_when_rows_are_too_few_to_cross_fit_then_the_classifier_says_so(n, m):
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match=rf"X has {plural(n, 'row')} and X_target {m}; at least 2 of each"):
        DensityRatioClassifier().fit(rng.standard_normal((n, 1)), rng.standard_normal((m, 1)))


def test_fit_when_there_are_fewer_target_rows_than_centers_then_all_are_centers():
    rng = np.random.default_rng(3)
    X_target = rng.standard_normal((20, 2))
    for estimator in (RelativeLeastSquares(), KLIEP()):
        assert len(estimator.fit(rng.standard_normal((200, 2)), X_target).coefficients_) == 20


@pytest.mark.gpu
@pytest.mark.parametrize("make", [RelativeLeastSquares, KLIEP])
def test_fit_when_on_cuda_then_the_weights_of_the_cpu(make):
    p = PROBLEMS["gaussian_10"]
    cpu, cuda = (make(device=device).fit(p.X, p.X_target).weights_ for device in ("cpu", "cuda"))
    np.testing.assert_allclose(cuda, cpu, atol=5e-3)  # float32 kernels, and a system of condition 1e4


def narrowed(seed: int, n: int = 300, m: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives rows of N(0, I), the target's of N((1, 0), .49 I), and the ratio at the former."""
    rng = np.random.default_rng(1000 + seed)
    X, X_target = rng.standard_normal((n, 2)), rng.standard_normal((m, 2)) * 0.7 + [1, 0]
    return X, X_target, np.exp(-0.5 * ((X - [1, 0]) ** 2).sum(axis=1) / 0.49 + 0.5 * (X**2).sum(axis=1)) / 0.49


def test_bandwidth_when_kliep_selects_it_then_the_weights_are_near_the_ratio_as_with_a_good_one():
    errors = {"selected": [], "too narrow": []}
    for seed in range(4):
        X, X_target, ratio = narrowed(seed)
        errors["selected"].append(squared_error(KLIEP().fit(X, X_target).weights_, ratio))
        errors["too narrow"].append(squared_error(KLIEP(bandwidth=0.3).fit(X, X_target).weights_, ratio))
    assert np.mean(errors["selected"]) < 0.1 < 0.3 < np.mean(errors["too narrow"])


COUNTING: list[Callable[[], Weigher]] = [
    RelativeLeastSquares,
    KLIEP,
    NearestNeighborRatio,
    KernelDensityRatio,
    lambda: DensityRatioClassifier(DecisionTreeClassifier(max_depth=3, random_state=0)),
]


@pytest.mark.parametrize("make", COUNTING)
@pytest.mark.parametrize("times", [2, 5])
def test_weights_when_every_row_is_there_several_times_then_as_of_each_once(make, times):
    X, X_target, _ = narrowed(0)
    once = make().fit(X, X_target).weights_
    often = make().fit(np.repeat(X, times, axis=0), np.repeat(X_target, times, axis=0)).weights_
    np.testing.assert_allclose(often, np.repeat(once, times), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("make", COUNTING[2:])
def test_weights_when_the_target_is_a_copy_of_the_rows_then_all_one(make):
    X = 1 + np.random.default_rng(0).standard_normal((300, 2)) / 8**0.5
    np.testing.assert_allclose(make().fit(X, X.copy()).ratio_, 1.0, rtol=1e-5)


@pytest.mark.parametrize("make", COUNTING[2:])
def test_weights_when_rows_are_of_few_categories_then_equal_ones_are_no_copies(make):
    cells = np.repeat([0.0, 1.0, 2.0], [250, 150, 100])  # the target's shares are 1/4, 1/4, 1/2
    target = np.repeat([0.0, 1.0, 2.0], [125, 125, 250])
    weights = make().fit(cells[:, None], target[:, None]).weights_
    np.testing.assert_allclose([weights[cells == c].mean() for c in range(3)], [0.5, 5 / 6, 2.5], rtol=0.25)


def test_weights_when_a_column_is_constant_then_those_without_it():
    X, X_target, _ = narrowed(3, 90, 80)
    for density in ("kernel", "gaussian"):
        plain = KernelDensityRatio(density=density).fit(X, X_target)
        wide = KernelDensityRatio(density=density).fit(
            *(np.c_[rows, np.full(len(rows), 7.0)] for rows in (X, X_target))
        )
        np.testing.assert_allclose(wide.weights_, plain.weights_, rtol=1e-6)


class TestDensityRatioClassifier:
    def test_fit_when_the_target_is_the_larger_sample_then_the_ratio_does_not_grow_with_it(self):
        p = PROBLEMS["gaussian_1"]
        few = DensityRatioClassifier().fit(p.X, p.X_target[:300]).ratio_
        many = DensityRatioClassifier().fit(p.X[:300], p.X_target).ratio_
        assert few.mean() == pytest.approx(1, abs=0.2)
        assert many.mean() == pytest.approx(1, abs=0.2)

    def test_fit_when_given_a_classifier_or_its_path_then_uses_it(self):
        from sklearn.ensemble import HistGradientBoostingClassifier

        p = PROBLEMS["gaussian_2"]
        by_path = DensityRatioClassifier("sklearn.naive_bayes.GaussianNB").fit(p.X, p.X_target)
        assert_near(by_path.weights_, p.ratio, p)
        trees = HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=7, random_state=0)
        DensityRatioClassifier(trees).fit(p.X, p.X_target)
        assert not hasattr(trees, "classes_"), "the classifier given must not be fitted itself"

    def test_fit_when_the_classifier_has_no_probabilities_then_says_so(self):
        p = PROBLEMS["gaussian_1"]
        for wrong in ("sklearn.svm.LinearSVC", "sklearn.linear_model.Ridge", object()):
            with pytest.raises(ParameterError, match=r"classifier.*predict_proba"):
                DensityRatioClassifier(wrong).fit(p.X, p.X_target)

    def test_fit_when_capped_then_no_ratio_above(self):
        p = PROBLEMS["gaussian_1"]
        plain = DensityRatioClassifier().fit(p.X, p.X_target)
        assert plain.ratio_.max() > 3
        capped = DensityRatioClassifier(max_ratio=2.0).fit(p.X, p.X_target)
        assert capped.ratio_.max() == pytest.approx(2.0)
        assert capped.weigh(p.X_target + 5).max() == pytest.approx(2.0 / capped.ratio_.mean())
        quantile = DensityRatioClassifier(clip_quantile=0.9).fit(p.X, p.X_target)
        assert quantile.ratio_.max() == pytest.approx(np.quantile(plain.ratio_, 0.9), rel=0.01)
        assert DensityRatioClassifier().fit(p.X, p.X_target).cap_ == pytest.approx(len(p.X) ** 0.5)

    @pytest.mark.parametrize(("calibration", "most"), [("sigmoid", 0.1), ("isotonic", 0.8)])
    def test_fit_when_the_classifier_is_too_sure_then_calibration_brings_the_ratio_back(self, calibration, most):
        errors = []
        for seed in range(4):
            X, X_target, ratio = moved(2, seed, n=2000)
            copied, copied_target = np.tile(X, 3), np.tile(X_target, 3)  # naive Bayes counts each column three times
            sure, calibrated = (
                DensityRatioClassifier(GaussianNB(), calibration=form).fit(copied, X_target=copied_target)
                for form in ("none", calibration)
            )
            errors.append([squared_error(w.weights_, ratio) for w in (sure, calibrated)])
            unseen = np.corrcoef(calibrated.weigh(copied), calibrated.weights_)[0, 1]
            assert unseen > 0.9
        sure, calibrated = np.mean(errors, axis=0)
        assert sure > 1.2
        assert calibrated < most

    def test_fit_when_the_classifier_learns_rows_by_heart_then_cross_fitting_keeps_its_weights_apart(self):
        from sklearn.neighbors import KNeighborsClassifier

        p = PROBLEMS["gaussian_2"]
        memory = KNeighborsClassifier(1, weights="distance")  # in sample it says "source" of every source row
        with pytest.raises(OverlapError):
            DensityRatioClassifier(memory, max_ratio=0.04).fit(p.X, p.X_target)
        ratio = DensityRatioClassifier(memory, max_ratio=5.0).fit(p.X, p.X_target).ratio_
        assert (ratio > 0).mean() > 0.2
