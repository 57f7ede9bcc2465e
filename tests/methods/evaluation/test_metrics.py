"""Classification and regression metrics against scikit-learn's, and what they say where they are not defined."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom
from sklearn import metrics as sk

from ballast.errors import DataError
from ballast.methods.evaluation import ClassificationMetrics, RegressionMetrics
from ballast.methods.evaluation.calibration import CalibrationError
from ballast.methods.evaluation.shares import of_macro_f1, of_share
from ballast.methods.frame.reports import OVERALL
from ballast.methods.weights import InverseIntensity


def classified(n: int, k: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    y = rng.integers(k, size=n)
    logits = rng.normal(size=(n, k)).round(1)  # rounded, so that scores tie
    logits[np.arange(n), y] += 1
    probs = np.exp(logits)
    return y, probs / probs.sum(axis=1, keepdims=True), rng.exponential(size=n)


def brier_of_several(y, probs, w):
    """Gives what scikit-learn does from 1.7 on: before, it knew two classes alone."""
    return np.average(((np.eye(probs.shape[1])[y] - probs) ** 2).sum(axis=1), weights=w)


def sklearn_values(y, probs, w):
    k = probs.shape[1]
    predicted, scores = probs.argmax(axis=1), probs if k > 2 else probs[:, 1]
    return {
        "accuracy": sk.accuracy_score(y, predicted, sample_weight=w),
        "balanced_accuracy": sk.balanced_accuracy_score(y, predicted, sample_weight=w),
        "log_loss": sk.log_loss(y, probs, sample_weight=w),
        "brier": sk.brier_score_loss(y, scores, sample_weight=w) if k == 2 else brier_of_several(y, probs, w),
        "macro_f1": sk.f1_score(y, predicted, average="macro", sample_weight=w),
        "auroc": sk.roc_auc_score(y, scores, multi_class="ovr", sample_weight=w),
    }


@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize("weighted", [False, True])
def test_classification_metrics_when_weighted_or_not_then_they_equal_scikit_learns(k, weighted):
    y, probs, w = classified(400, k)
    w = w if weighted else None
    report = ClassificationMetrics(n_bootstrap=5, random_state=0).assess(y, probs, w)
    for metric, expected in sklearn_values(y, probs, w).items():
        assert report.value(metric) == pytest.approx(expected, abs=1e-9), metric


def test_classification_metrics_when_groups_are_given_then_each_slice_equals_its_rows_alone():
    y, probs, w = classified(600, 3)
    groups = np.array(["north", "south", "sea"])[np.random.default_rng(1).integers(3, size=600)]
    report = ClassificationMetrics(n_bootstrap=5, random_state=0).assess(y, probs, w, groups)
    assert list(report.table["slice"].unique()) == [OVERALL, "north", "sea", "south"]
    for group in ("north", "south", "sea"):
        part = groups == group
        for metric, expected in sklearn_values(y[part], probs[part], w[part]).items():
            assert report.value(metric, slice=group) == pytest.approx(expected, abs=1e-9), metric
        assert set(report.table.loc[report.table["slice"] == group, "n"]) == {int(part.sum())}


def test_calibration_error_when_computed_bin_by_bin_then_it_agrees():
    y, probs, w = classified(500, 3)
    confidence, correct = probs.max(axis=1), probs.argmax(axis=1) == y
    expected = 0.0
    for low in np.arange(10) / 10:
        inside = (confidence >= low) & (confidence < low + 0.1)
        if inside.any():
            gap = np.average(confidence[inside], weights=w[inside]) - np.average(correct[inside], weights=w[inside])
            expected += w[inside].sum() / w.sum() * abs(gap)
    report = ClassificationMetrics(n_bins=10, random_state=0).assess(y, probs, w)
    assert report.value("expected_calibration_error") == pytest.approx(expected)


def test_auroc_interval_when_compared_with_plain_resampling_then_its_ends_agree():
    y, probs, w = classified(400, 3)
    table = ClassificationMetrics(n_bootstrap=2000, random_state=0).assess(y, probs, w).table.set_index("metric")
    rng = np.random.default_rng(1)
    draws = (rng.integers(400, size=400) for _ in range(400))
    resampled = [sk.roc_auc_score(y[i], probs[i], multi_class="ovr", sample_weight=w[i]) for i in draws]
    width = np.ptp(np.quantile(resampled, [0.025, 0.975]))
    low, high = np.quantile(resampled, [0.025, 0.975])
    assert table.loc["auroc", "low"] == pytest.approx(low, abs=0.15 * width)
    assert table.loc["auroc", "high"] == pytest.approx(high, abs=0.15 * width)


def test_classification_metrics_when_a_slice_has_one_class_then_it_has_no_auroc_row():
    y, probs, _ = classified(100, 2)
    report = ClassificationMetrics(random_state=0).assess(y, probs, groups=np.where(y == 1, "ones", "zeros"))
    assert set(report.table.loc[report.table["metric"] == "auroc", "slice"]) == {OVERALL}
    assert "accuracy" in set(report.table.loc[report.table["slice"] == "ones", "metric"])


def test_classification_metrics_when_there_is_one_row_then_it_has_values_but_no_interval():
    report = ClassificationMetrics(random_state=0).assess(
        np.array(["b"]), np.array([[0.3, 0.7]]), classes=np.array(["a", "b"])
    )
    assert report.value("accuracy") == 1.0
    assert report.table[["low", "high"]].isna().all(axis=None)


def test_classification_metrics_when_weights_are_doubled_rows_then_it_equals_the_repeated_rows():
    y, probs, _ = classified(200, 3)
    times = np.random.default_rng(2).integers(0, 4, size=200)
    weighted = ClassificationMetrics(random_state=0).assess(y, probs, times.astype(float))
    repeated = ClassificationMetrics(random_state=0).assess(np.repeat(y, times), np.repeat(probs, times, axis=0))
    for metric, value in repeated.summary.items():
        if metric != "expected_calibration_error_if_calibrated":  # of fewer rows it is more
            assert weighted.value(metric) == pytest.approx(value), metric


def test_classification_metrics_when_a_label_has_no_column_then_the_message_counts_its_rows():
    y, probs, _ = classified(50, 2)
    labels = np.where(y == 1, "cat", "dog")
    labels[:3] = "fox"
    with pytest.raises(DataError, match=r"3 of 50 rows .*'cat', 'dog'.*'fox'"):
        ClassificationMetrics().assess(labels, probs, classes=np.array(["cat", "dog"]))


def test_classification_metrics_when_the_columns_have_no_names_and_do_not_fit_then_it_asks_for_classes():
    y, probs, _ = classified(50, 3)
    with pytest.raises(DataError, match=r"probs has 3 column.*pass classes"):
        ClassificationMetrics().assess(np.minimum(y, 1), probs)


def test_classification_metrics_when_seeded_then_the_intervals_repeat():
    y, probs, w = classified(80, 2)
    first, again = (ClassificationMetrics(random_state=3).assess(y, probs, w).table for _ in range(2))
    assert first.equals(again)
    assert not first.equals(ClassificationMetrics(random_state=4).assess(y, probs, w).table)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_regression_metrics_when_weighted_then_they_equal_scikit_learns(offset):
    rng = np.random.default_rng(0)
    y = rng.normal(size=300) + offset
    prediction, w = y + rng.normal(0.1, 0.5, size=300), rng.exponential(size=300)
    report = RegressionMetrics(random_state=0).assess(y, prediction, w)
    assert report.value("root_mean_squared_error") == pytest.approx(
        sk.root_mean_squared_error(y, prediction, sample_weight=w)
    )
    assert report.value("mean_absolute_error") == pytest.approx(sk.mean_absolute_error(y, prediction, sample_weight=w))
    assert report.value("r2") == pytest.approx(sk.r2_score(y, prediction, sample_weight=w))
    assert report.value("bias") == pytest.approx(np.average(prediction - y, weights=w))


def test_regression_metrics_when_the_truth_is_constant_then_there_is_no_r2():
    report = RegressionMetrics(random_state=0).assess(np.full(30, 7.3), np.linspace(7, 8, 30))
    assert "r2" not in set(report.table["metric"])
    assert report.value("mean_absolute_error") > 0


def test_regression_metrics_when_y_is_text_then_the_message_says_so():
    with pytest.raises(DataError, match="y must hold numbers"):
        RegressionMetrics().assess(np.array(["a", "b"]), np.array([1.0, 2.0]))


@pytest.mark.parametrize(("n", "mean", "most"), [(200, 0.0629, 0.0919), (1000, 0.0283, 0.0417)])
def test_calibration_error_when_a_model_is_calibrated_then_as_without_and_its_interval_holds_zero(n, mean, most):
    found, held = [], 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        p = rng.uniform(0.5, 1, n)
        y = (rng.random(n) < p).astype(int)
        table = ClassificationMetrics(n_bootstrap=50, confidence=0.9, random_state=0).assess(y, np.c_[1 - p, p]).table
        rows = table.set_index("metric")
        error, without = (rows.loc[f"expected_calibration_error{end}"] for end in ("", "_if_calibrated"))
        held += error["low"] == 0
        found.append([error["value"], without["value"], without["high"]])
    # The mean and the 95 % point of 5,000 simulations.
    np.testing.assert_allclose(np.mean(found, axis=0), [mean, mean, most], rtol=0.08)
    assert held >= 34


def test_calibration_error_when_a_model_is_too_sure_then_its_interval_begins_above_zero():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.6, 1, 1000)
    y = (rng.random(1000) < p - 0.15).astype(int)
    table = ClassificationMetrics(random_state=0).assess(y, np.c_[1 - p, p]).table.set_index("metric")
    assert 0 < table.loc["expected_calibration_error", "low"] < 0.15 < table.loc["expected_calibration_error", "high"]


def test_log_loss_when_a_label_was_given_no_probability_then_the_share_of_such_rows_is_told():
    y = np.array([0, 1, 1, 0])
    probs = np.array([[1.0, 0.0], [0.5, 0.5], [1.0, 0.0], [0.9, 0.1]])
    report = ClassificationMetrics().assess(y, probs)
    assert report.value("log_loss_cut_share") == 0.25
    assert report.value("log_loss") == pytest.approx((np.log(2) + 36.04 - np.log(0.9)) / 4, abs=0.01)
    assert "log_loss_cut_share" not in ClassificationMetrics().assess(y, 0.9 * probs + 0.05).summary


def test_classification_metrics_when_labels_are_partly_observed_then_their_share_is_told_and_those_rows_judged():
    rng = np.random.default_rng(16)
    y = (rng.random(2000) < 0.2).astype(int)
    predicted = np.where(y == 1, rng.random(2000) < 0.5, rng.random(2000) < 0.05).astype(int)
    known = np.where(y == 1, rng.random(2000) < 0.9, rng.random(2000) < 0.3)
    probs = np.where(np.arange(2) == predicted[:, None], 0.8, 0.2)
    hidden = np.where(known, y, 0)
    report = ClassificationMetrics(random_state=0).assess(hidden, probs, classes=np.array([0, 1]), observed=known)
    assert report.value("accuracy") == pytest.approx((predicted == y)[known].mean())
    assert report.value("labelled_share") == pytest.approx(0.428)
    for label, share in ((1, 0.740), (0, 0.376)):
        assert report.value("labelled_share", slice=f"predicted {label}") == pytest.approx(share, abs=0.001)
    alone = ClassificationMetrics(random_state=0).assess(y[known], probs[known])
    assert report.table[~report.table["metric"].eq("labelled_share")].reset_index(drop=True).equals(alone.table)
    everything = ClassificationMetrics(random_state=0).assess(y, probs, observed=np.ones(2000, dtype=bool))
    assert "labelled_share" not in everything.summary
    with pytest.raises(DataError, match="none of 2000 rows has its label observed"):
        ClassificationMetrics().assess(y, probs, observed=np.zeros(2000, dtype=bool))


@pytest.mark.parametrize("weighted", [False, True])
def test_classification_metrics_when_no_row_is_wrong_then_every_metric_has_an_interval_with_a_width(weighted):
    y = np.arange(60) % 3
    probs = 0.7 * np.eye(3)[y] + 0.1
    weight = np.random.default_rng(0).exponential(size=60) if weighted else None
    table = ClassificationMetrics(random_state=0).assess(y, probs, weight).table.set_index("metric")
    assert (table["low"] < table["high"]).all()
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()
    # As many rows may be wrong as Wilson's interval allows, each at the loss of its least likely label.
    wrong = 1 - table.loc["accuracy", "low"]
    expected = -(1 - wrong) * np.log(0.8) - wrong * np.log(0.1)
    assert table.loc["log_loss", "high"] == pytest.approx(expected)


def test_macro_f1_when_of_one_class_against_none_then_its_interval_is_that_of_the_share_carried_over():
    y, predicted = np.repeat([0, 0, 1], [40, 10, 50]), np.repeat([0, 1, 1], [40, 10, 50])
    low, high = of_macro_f1(predicted, y, np.ones(100), 0.95)
    shares = [of_share(np.arange(50) < 40, np.ones(50), 0.95), of_share(np.arange(60) < 50, np.ones(60), 0.95)]
    ends = [2 * np.array(share) / (1 + np.array(share)) for share in shares]
    # The ten wrong rows are in both classes' unions, and their errors are alike but not the same.
    assert np.mean([end[0] for end in ends]) < low < np.mean([2 * 0.8 / 1.8, 2 * 50 / 60 / (1 + 50 / 60)])
    assert high < np.mean([end[1] for end in ends])


@pytest.mark.parametrize(("n", "sharpness"), [(30, 1.0), (30, 3.0), (200, 0.3), (200, 3.0)])
def test_calibration_error_when_samples_repeat_then_it_is_held_about_as_often_as_the_level_says(n, sharpness):
    def sample(rng, n):
        x = 1.5 * rng.standard_normal(n)
        p = expit(sharpness * x)
        return (rng.random(n) < expit(x)).astype(int), np.column_stack([1 - p, p])

    def error(y, probs):
        return CalibrationError(probs.max(axis=1), probs.argmax(axis=1) == y, np.ones(len(y)), 15)

    truth = error(*sample(np.random.default_rng(0), 400_000)).value
    draws, held = 150, 0
    for seed in range(draws):
        low, high = error(*sample(np.random.default_rng([seed, n]), n)).interval(0.95)
        held += low <= max(truth, 0.003) <= high  # of 400,000 rows, a calibrated model's is not quite 0
    assert held >= binom.ppf(1e-4, draws, 0.95)


def test_labelled_share_when_weights_are_of_labelled_rows_alone_then_counts_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 1))
    observed = rng.random(400) < expit(X[:, 0] - 0.5)
    y, probs = (X[:, 0] > 0).astype(int), np.full((400, 2), 0.5)
    weights = InverseIntensity().fit(X, observed).weights_
    values = {"y": y, "probs": probs, "observed": observed, "sample_weight": weights}
    report = ClassificationMetrics(n_bootstrap=20).assess(**values)
    assert report.value("labelled_share") == pytest.approx(observed.mean())
    assert report.value("accuracy") == pytest.approx(np.average(y[observed] == 0, weights=weights[observed]))
    values["sample_weight"] = np.where(X[:, 0] > 0, 2.0, 1.0)  # of all rows: these say how much each one is
    report = ClassificationMetrics(n_bootstrap=20).assess(**values)
    assert report.value("labelled_share") == pytest.approx(np.average(observed, weights=values["sample_weight"]))


def test_metrics_when_labels_that_are_not_observed_are_missing_then_those_rows_are_left_out_and_counted():
    y, probs, w = classified(90, 3)
    observed = np.arange(90) % 3 > 0
    missing = np.where(observed, y, np.nan)
    report = ClassificationMetrics(random_state=0).assess(missing, probs, w, observed=observed, classes=np.arange(3))
    alone = ClassificationMetrics(random_state=0).assess(
        y[observed], probs[observed], w[observed], classes=np.arange(3)
    )
    assert report.value("log_loss") == pytest.approx(alone.value("log_loss"))
    values = RegressionMetrics(random_state=0).assess(missing, w, observed=observed)
    assert values.value("bias") == pytest.approx((w - y)[observed].mean())
    assert values.value("labelled_share") == pytest.approx(2 / 3)
    with pytest.raises(DataError, match="y has 30 missing values"):
        ClassificationMetrics().assess(missing, probs, classes=np.arange(3))
