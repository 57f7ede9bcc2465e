"""Paired comparisons of models."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.linear_model import LinearRegression, LogisticRegression

from ballast.errors import DataError
from ballast.methods.evaluation import CompareModels


def test_compare_models_when_labels_are_text_then_values_and_differences_equal_scikit_learns():
    rng = np.random.default_rng(0)
    y = rng.choice(["a", "b", "c"], size=200, p=[0.6, 0.3, 0.1])
    guesses = {name: np.where(rng.random(200) < p, y, "a") for name, p in (("plain", 0.6), ("weighted", 0.8))}
    w = rng.exponential(size=200)
    report = CompareModels(random_state=0).assess(y, guesses, w)
    for metric, score in (("accuracy", sk.accuracy_score), ("balanced_accuracy", sk.balanced_accuracy_score)):
        expected = {name: score(y, guess, sample_weight=w) for name, guess in guesses.items()}
        for name, value in expected.items():
            assert report.value(metric, model=name) == pytest.approx(value)
        difference = report.value(metric, model="weighted", versus="plain")
        assert difference == pytest.approx(expected["weighted"] - expected["plain"])


def test_compare_models_when_predictions_are_not_whole_then_it_compares_errors():
    rng = np.random.default_rng(0)
    y = rng.integers(50, 300, size=100)
    guesses = {"plain": y + rng.normal(size=100), "weighted": y + rng.normal(size=100)}
    report = CompareModels(random_state=0).assess(y, guesses)
    assert set(report.table["metric"]) == {"mean_squared_error", "mean_absolute_error"}
    for name, guess in guesses.items():
        assert report.value("mean_squared_error", model=name) == pytest.approx(sk.mean_squared_error(y, guess))
        assert report.value("mean_absolute_error", model=name) == pytest.approx(sk.mean_absolute_error(y, guess))


def test_compare_models_when_the_task_is_given_then_whole_numbers_are_values():
    y = np.array([1, 2, 3, 4])
    report = CompareModels(task="regression", random_state=0).assess(y, {"a": y + 1})
    assert report.value("mean_absolute_error", model="a") == 1.0


def test_compare_models_when_two_models_agree_then_their_difference_is_zero_within_what_so_few_rows_can_tell():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=60)
    guess = np.where(rng.random(60) < 0.7, y, 1 - y)  # right now and then, so that the rows drawn matter
    table = CompareModels(random_state=0).assess(y, {"a": guess, "b": guess}).table
    differences = table[table["versus"] == "a"].set_index("metric")
    assert (differences["value"] == 0).all()
    # Of Tango's scores, where no row tells the models apart: z^2 / (n + z^2) on either side.
    assert differences.loc["accuracy", "high"] == pytest.approx(3.8415 / 63.8415, abs=1e-5)
    assert (differences["low"] == -differences["high"]).all()


def test_compare_models_when_errors_are_shared_then_the_difference_is_surer_than_either():
    rng = np.random.default_rng(0)
    y = rng.normal(size=200)
    guess = y + rng.normal(size=200)
    report = CompareModels(random_state=0).assess(y, {"a": guess, "b": guess + rng.normal(scale=0.01, size=200)})
    table = report.table[report.table["metric"] == "mean_squared_error"].set_index("versus")
    widths = table["high"] - table["low"]
    assert 0 < widths["a"] < 0.1 * widths[""].min()


def test_compare_models_when_a_model_predicts_an_unknown_label_then_it_counts_as_wrong():
    y = np.array([0, 1, 1, 0])
    assert CompareModels().assess(y, {"a": np.array([0, 1, 9, 9])}).value("accuracy", model="a") == 0.5


def test_compare_models_when_a_model_predicts_text_for_numbers_then_the_message_names_it():
    with pytest.raises(DataError, match=r"'odd' predicts text such as .*y holds numbers"):
        CompareModels().assess(np.array([0, 1]), {"fine": np.array([0, 1]), "odd": np.array(["0", "1"])})


def test_compare_models_when_groups_are_given_then_each_slice_is_the_comparison_of_its_rows():
    rng = np.random.default_rng(0)
    y, groups = rng.integers(2, size=300), rng.choice(["north", "south"], size=300)
    guesses = {name: np.where(rng.random(300) < p, y, 1 - y) for name, p in (("plain", 0.6), ("weighted", 0.8))}
    report = CompareModels(random_state=0).assess(y, guesses, groups=groups)
    for name in ("north", "south"):
        rows = groups == name
        alone = CompareModels().assess(y[rows], {model: guess[rows] for model, guess in guesses.items()})
        for model, versus in (("plain", ""), ("weighted", ""), ("weighted", "plain")):
            expected = alone.value("accuracy", model=model, versus=versus)
            assert report.value("accuracy", model=model, versus=versus, slice=name) == expected
    assert report.summary == CompareModels(random_state=0).assess(y, guesses).summary


def test_compare_models_when_labels_are_counts_then_the_models_say_the_task_or_it_is_asked_for():
    rng = np.random.default_rng(11)
    y = rng.poisson(20, 400).astype(float)
    guesses = {"A": y + 1, "B": np.where(rng.random(400) < 0.5, y, y + 20)}
    with pytest.raises(
        DataError, match=r"different whole numbers in 400 rows, which may be classes or counts; set task"
    ):
        CompareModels().assess(y, guesses)
    models = {name: LinearRegression() for name in guesses}
    for report in (
        CompareModels(random_state=0).assess(y, guesses, models=models),
        CompareModels(task="regression", random_state=0).assess(y, guesses),
    ):
        assert report.value("mean_squared_error", model="A") == 1.0
        assert report.value("mean_squared_error", model="B", versus="A") > 150
    with pytest.raises(DataError, match=r"of different tasks: A \(regression\), B \(classification\)"):
        CompareModels().assess(y, guesses, models={"A": LinearRegression(), "B": LogisticRegression()})
    codes = {name: np.round(guess) for name, guess in guesses.items()}
    report = CompareModels().assess(y, codes, models={name: LogisticRegression() for name in codes})
    assert "accuracy" in set(report.table["metric"])


def test_compare_models_when_whole_numbers_are_few_then_classes():
    y = np.arange(60) % 20
    assert set(CompareModels().assess(y, {"a": y}).table["metric"]) == {"accuracy", "balanced_accuracy"}


@pytest.mark.parametrize("k", [2, 3])
def test_compare_models_when_probabilities_are_given_then_auroc_and_log_loss_equal_scikit_learns(k):
    rng = np.random.default_rng(0)
    y, w = rng.integers(k, size=300), rng.exponential(size=300)
    probs = {name: rng.dirichlet(np.ones(k), 300) for name in ("plain", "weighted")}
    probs["weighted"] = 0.7 * probs["weighted"] + 0.3 * np.eye(k)[y]
    guesses = {name: p.argmax(axis=1) for name, p in probs.items()}
    report = CompareModels(random_state=0).assess(y, guesses, w, probabilities=probs)
    for name, p in probs.items():
        area = [sk.roc_auc_score(y == j, p[:, j], sample_weight=w) for j in range(k)]
        assert report.value("auroc", model=name) == pytest.approx(np.mean(area))
        assert report.value("log_loss", model=name) == pytest.approx(sk.log_loss(y, p, sample_weight=w))
    rows = report.table[report.table["versus"] == "plain"].set_index("metric")
    assert rows.loc["auroc", "low"] > 0 > rows.loc["log_loss", "high"]
    with pytest.raises(DataError, match="probabilities are of plain, predictions of plain, weighted"):
        CompareModels().assess(y, guesses, probabilities={"plain": probs["plain"]})


def test_compare_models_when_a_model_gives_a_label_no_probability_then_its_share_of_rows_is_told():
    y = np.array([0, 1, 1, 0])
    probs = {"sure": np.eye(2)[[0, 1, 0, 0]], "unsure": np.full((4, 2), 0.5)}
    report = CompareModels().assess(y, {name: p.argmax(axis=1) for name, p in probs.items()}, probabilities=probs)
    assert report.value("log_loss_cut_share", model="sure") == 0.25
    assert "unsure" not in set(report.table.loc[report.table["metric"] == "log_loss_cut_share", "model"])


def test_compare_models_when_labels_are_partly_observed_then_their_share_is_told_by_prediction():
    y, observed = np.array([0, 1, 1, 0, 0, 0]), np.array([True, True, True, False, True, False])
    guesses = {"a": np.array([0, 1, 0, 0, 0, 0]), "b": np.array([1, 1, 1, 1, 0, 0])}
    report = CompareModels().assess(y, guesses, observed=observed)
    assert report.value("accuracy", model="a") == 0.75
    assert report.value("labelled_share") == pytest.approx(4 / 6)
    assert report.value("labelled_share", model="b", slice="predicted 1") == 0.75
