"""The tests on all features at once: maximum mean discrepancy and classifier two-sample."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist
from sklearn.metrics import roc_auc_score

from ballast.errors import DataError, ParameterError
from ballast.methods.frame.reports import OVERALL, TEST_COLUMNS
from ballast.methods.shift import ClassifierTwoSampleTest, MaximumMeanDiscrepancy
from ballast.words import plural


def samples(n: int, m: int, d: int, shift: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal((m, d)) + shift


def plain_mmd(X: np.ndarray, X_target: np.ndarray) -> float:
    """The unbiased squared MMD by its definition."""
    pooled = np.concatenate([X, X_target])
    pooled = (pooled - pooled.mean(axis=0)) / pooled.std(axis=0)
    kernel = np.exp(-cdist(pooled, pooled, "sqeuclidean") / (2 * np.median(pdist(pooled)) ** 2))
    np.fill_diagonal(kernel, 0)
    n, m = len(X), len(X_target)
    within = kernel[:n, :n].sum() / (n * (n - 1)) + kernel[n:, n:].sum() / (m * (m - 1))
    return within - 2 * kernel[:n, n:].mean()


class TestMaximumMeanDiscrepancy:
    @pytest.mark.parametrize(("n", "m", "d"), [(40, 30, 3), (2, 5, 1), (300, 150, 8)])
    def test_statistic_when_compared_with_its_definition_then_equal(self, n, m, d):
        X, X_target = samples(n, m, d, 0.3)
        report = MaximumMeanDiscrepancy(n_permutations=9).test(X, X_target)
        assert report.statistic == pytest.approx(plain_mmd(X, X_target), abs=2e-6)

    def test_statistic_when_blocks_are_many_then_the_same(self, monkeypatch):
        import ballast.methods.shift.maximum_mean_discrepancy as module
        from ballast.compute.blocks import row_blocks

        X, X_target = samples(60, 45, 3, 0.3)
        whole = MaximumMeanDiscrepancy().test(X, X_target)
        monkeypatch.setattr(module, "row_blocks", lambda n, *_, **__: row_blocks(n, 1, 7))
        blocked = MaximumMeanDiscrepancy().test(X, X_target)
        assert blocked.statistic == pytest.approx(whole.statistic, abs=1e-7)
        assert blocked.p_value == whole.p_value

    def test_statistic_when_linear_then_near_the_exact_one(self):
        X, X_target = samples(400, 300, 3, 0.4)
        exact = MaximumMeanDiscrepancy(n_permutations=9).test(X, X_target)
        linear = MaximumMeanDiscrepancy(n_permutations=9, exact_limit=1, n_features=20_000).test(X, X_target)
        assert linear.statistic == pytest.approx(exact.statistic, rel=0.05)

    def test_p_value_when_the_shift_is_large_then_the_smallest_possible_and_never_zero(self):
        X, X_target = samples(60, 60, 2, 3.0)
        for limit in (1, 1000):
            report = MaximumMeanDiscrepancy(n_permutations=99, exact_limit=limit).test(X, X_target)
            assert report.p_value == pytest.approx(1 / 100)
            assert report.rejected

    def test_p_value_when_all_rows_are_equal_then_one(self):
        for limit in (1, 1000):
            report = MaximumMeanDiscrepancy(exact_limit=limit).test(np.ones((20, 2)), np.ones((30, 2)))
            assert report.p_value == 1.0

    def test_report_when_read_then_one_overall_row_with_the_root_as_effect(self):
        report = MaximumMeanDiscrepancy().test(*samples(50, 50, 2, 1.0))
        assert tuple(report.table.columns) == TEST_COLUMNS
        assert report.table["feature"].tolist() == [OVERALL]
        assert report.table["effect_size"][0] == pytest.approx(np.sqrt(report.statistic))
        assert MaximumMeanDiscrepancy().test(*samples(50, 50, 2, seed=3)).table["effect_size"][0] >= 0

    @pytest.mark.parametrize("limit", [1, 1000])
    def test_test_when_rows_are_permuted_then_the_same_report(self, limit):
        X, X_target = samples(120, 80, 3, 0.2)
        rng = np.random.default_rng(9)
        method = MaximumMeanDiscrepancy(exact_limit=limit)
        first, second = method.test(X, X_target), method.test(rng.permutation(X), rng.permutation(X_target))
        assert second.p_value == first.p_value
        assert second.statistic == pytest.approx(first.statistic, abs=1e-6)

    @pytest.mark.parametrize("limit", [1, 1000])
    def test_test_when_columns_change_scale_then_the_same_statistic(self, limit):
        X, X_target = samples(120, 80, 2, 0.5)
        method = MaximumMeanDiscrepancy(exact_limit=1000)
        moved = method.test(X * [1e4, 1e-4] + 7, X_target * [1e4, 1e-4] + 7)
        assert moved.statistic == pytest.approx(method.test(X, X_target).statistic, abs=1e-5)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("limit", [20_000, 1])
    @pytest.mark.parametrize("value", [1e3, 1e12, 1e38])
    def test_test_when_one_value_is_absurd_then_it_hides_no_shift(self, value, limit, dtype):
        rng = np.random.default_rng(7)
        X, X_target = rng.normal(size=(300, 2)).astype(dtype), rng.normal([0, 1], size=(300, 2)).astype(dtype)
        test = MaximumMeanDiscrepancy(exact_limit=limit, device="cpu")
        plain = test.test(X, X_target)
        X_target[0, 1] = value
        report = test.test(X, X_target)
        assert report.p_value == plain.p_value == 0.005
        assert report.statistic == pytest.approx(plain.statistic, rel=0.1)

    def test_test_when_sizes_are_very_unequal_then_the_linear_form_still_finds_the_shift(self):
        X, X_target = samples(30_000, 60, 2, 1.0)
        assert MaximumMeanDiscrepancy(exact_limit=100).test(X, X_target).rejected

    @pytest.mark.parametrize(("n", "m"), [(1, 5), (5, 1), (1, 1)])
    def test_test_when_a_sample_has_one_row_then_says_two_are_needed(self, n, m):
        with pytest.raises(DataError, match=rf"X has {plural(n, 'row')} and X_target {m}; .*at least 2 of each"):
            MaximumMeanDiscrepancy().test(*samples(n, m, 2))

    @pytest.mark.gpu
    @pytest.mark.parametrize("limit", [1, 1000])
    def test_test_when_on_cuda_then_the_report_of_the_cpu(self, limit):
        X, X_target = samples(200, 150, 5, 0.2)
        cpu, cuda = (MaximumMeanDiscrepancy(exact_limit=limit, device=d).test(X, X_target) for d in ("cpu", "cuda"))
        assert cuda.statistic == pytest.approx(cpu.statistic, abs=1e-5)
        assert cuda.p_value == pytest.approx(cpu.p_value, abs=0.02)


class TestClassifierTwoSampleTest:
    def test_effect_when_samples_are_apart_then_near_one_and_alike_then_near_a_half(self):
        apart = ClassifierTwoSampleTest().test(*samples(150, 150, 2, 4.0))
        assert apart.rejected
        assert apart.table["effect_size"][0] > 0.95
        alike = ClassifierTwoSampleTest().test(*samples(150, 150, 2))
        assert not alike.rejected
        assert alike.table["effect_size"][0] == pytest.approx(0.5, abs=0.1)

    def test_statistic_when_compared_with_scikit_learn_then_the_mean_area_of_the_folds(self):
        from ballast.methods.common.cross_fit import cross_fit, logistic

        X, X_target = samples(90, 60, 3, 0.5)
        X[:, 2], X_target[:, 2] = 0, 0
        X[:, 0], X_target[:, 0] = X[:, 0].round(), X_target[:, 0].round()  # some ties
        fitted = cross_fit(logistic(3), X, X_target, 3, np.random.default_rng(0), "test")
        areas = [
            roc_auc_score(
                np.repeat([0, 1], [(fitted.folds == k).sum(), (fitted.folds_target == k).sum()]),
                np.concatenate([fitted.source[fitted.folds == k], fitted.target[fitted.folds_target == k]]),
            )
            for k in range(3)
        ]
        report = ClassifierTwoSampleTest(logistic(3), n_folds=3).test(X, X_target)
        assert report.statistic == pytest.approx(np.mean(areas))

    def test_p_value_when_the_classifier_knows_nothing_then_one(self):
        report = ClassifierTwoSampleTest("sklearn.dummy.DummyClassifier").test(*samples(40, 30, 2, 1.0))
        assert (report.statistic, report.p_value) == (0.5, 1.0)

    def test_test_when_the_classifier_learns_rows_by_heart_then_no_false_alarm(self):
        from sklearn.neighbors import KNeighborsClassifier

        report = ClassifierTwoSampleTest(KNeighborsClassifier(1)).test(*samples(300, 300, 5))
        assert abs(report.statistic - 0.5) < 0.08
        assert not report.rejected

    def test_test_when_rows_are_permuted_then_the_same_report(self):
        X, X_target = samples(120, 80, 3, 0.5)
        rng = np.random.default_rng(9)
        method = ClassifierTwoSampleTest("sklearn.linear_model.LogisticRegression")
        first, second = method.test(X, X_target), method.test(rng.permutation(X), rng.permutation(X_target))
        assert second.p_value == pytest.approx(first.p_value, abs=1e-3)

    def test_test_when_the_classifier_has_no_probabilities_then_says_so(self):
        with pytest.raises(ParameterError, match=r"classifier_two_sample_test: .*predict_proba"):
            ClassifierTwoSampleTest("sklearn.svm.LinearSVC").test(*samples(20, 20, 2))

    def test_test_when_a_sample_has_one_row_then_says_two_are_needed(self):
        with pytest.raises(DataError, match="at least 2 of each"):
            ClassifierTwoSampleTest().test(*samples(1, 20, 2))
        assert ClassifierTwoSampleTest().test(*samples(2, 2, 1)).p_value == 1.0


@pytest.mark.parametrize(
    "test", [ClassifierTwoSampleTest(), MaximumMeanDiscrepancy(device="cpu")], ids=lambda t: t.name
)
def test_test_when_one_sample_has_passed_through_floats_then_the_report_of_both_as_floats(test):
    rng = np.random.default_rng(1)
    X, X_target = (rng.choice([0.1, 0.2, 0.3, 0.6, 0.7], (500, 2)) for _ in range(2))
    expected = test.test(*(x.astype(np.float32).astype(np.float64) for x in (X, X_target)))
    assert not expected.rejected
    for target in (X_target.astype(np.float32), X_target.astype(np.float32).astype(np.float64)):
        found = test.test(X, target)
        assert (found.statistic, found.p_value) == (expected.statistic, expected.p_value)


@pytest.mark.parametrize("test", [ClassifierTwoSampleTest, MaximumMeanDiscrepancy], ids=lambda t: t.name)
def test_test_when_the_effect_decides_then_the_p_value_does_not(test):
    X, X_target = samples(300, 300, 2, 0.5)
    effect = test().test(X, X_target).table["effect_size"][0]
    assert test(decide={"effect": effect - 0.01}).test(X, X_target).rejected
    report = test(decide={"p": 0.05, "effect": effect + 0.01}).test(X, X_target)
    assert report.p_value < 0.05
    assert not report.rejected
    assert "a change counts where p <= 0.05 and the effect >= " in report.table["effect"][0]
