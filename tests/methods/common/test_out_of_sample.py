"""Cross-fitted predictions: each row's from a model that has not seen it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from ballast.errors import DataError, ParameterError
from ballast.methods.common.out_of_sample import cross_fitted, out_of_sample
from ballast.methods.learners import LogisticRegression, RidgeRegression, TorchMLP

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["a", "b", "c"])[Y]


def test_out_of_sample_when_the_model_remembers_then_no_row_is_predicted_by_itself():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 2, len(X))
    features = rng.normal(size=(len(X), 3))
    given = out_of_sample(KNeighborsClassifier(1), features, noise)
    assert (given["classes"][given["probs"].argmax(axis=1)] == noise).mean() < 0.7  # in sample it would be 1


@pytest.mark.parametrize("model", [LogisticRegression(), TorchMLP(max_epochs=5, learning_rate=0.05)], ids=["lr", "mlp"])
def test_out_of_sample_when_the_model_has_logits_then_their_softmax_is_the_probabilities(model):
    given = out_of_sample(model, X, NAMES)
    assert set(given) == {"probs", "logits", "classes"}
    assert given["classes"].tolist() == ["a", "b", "c"]
    assert np.allclose(softmax(given["logits"], axis=1), given["probs"], atol=1e-6)
    assert (given["classes"][given["probs"].argmax(axis=1)] == NAMES).mean() > 0.8


def test_out_of_sample_when_the_model_has_no_logits_then_they_are_finite_log_probabilities():
    given = out_of_sample(KNeighborsClassifier(3), X, NAMES)
    assert np.isfinite(given["logits"]).all()
    assert np.allclose(np.exp(given["logits"]), given["probs"], atol=1e-9)


def test_out_of_sample_when_regressing_then_it_equals_scikit_learns_cross_validation():
    X, y = load_diabetes(return_X_y=True)
    given = out_of_sample(RidgeRegression(), X, y, random_state=3)
    expected = cross_val_predict(RidgeRegression(), X, y, cv=KFold(5, shuffle=True, random_state=3))
    assert np.allclose(given["prediction"], expected)


def test_out_of_sample_when_the_networks_task_is_auto_then_y_decides():
    X, y = load_diabetes(return_X_y=True)
    assert set(out_of_sample(TorchMLP(max_epochs=2), X, y, n_folds=2)) == {"prediction"}
    few = np.append(np.tile(np.arange(20.0), 5), 20.0)  # 21 values, of which a fold sees 20
    assert set(out_of_sample(TorchMLP(max_epochs=2), X[:101], few)) == {"prediction"}


def test_out_of_sample_when_weighted_then_the_fits_are():
    weight = np.where(NAMES == "a", 100.0, 1.0)
    given = out_of_sample(DummyClassifier(), X, NAMES, sample_weight=weight)
    assert np.allclose(given["probs"], [100 / 102, 1 / 102, 1 / 102])


def test_out_of_sample_when_groups_are_given_then_none_is_split():
    groups = np.arange(len(X)) // 5
    noise = np.random.default_rng(0).permutation(np.arange(len(X)) // 5 % 2)
    leaking = np.repeat(np.random.default_rng(1).normal(size=(30, 2)), 5, axis=0)
    leaking += 1e-6 * np.arange(len(X))[:, None]  # the rows of a group are near copies
    label = (groups * 7 % 13 > 6).astype(int)
    grouped = out_of_sample(KNeighborsClassifier(1), leaking, label, groups=groups)["probs"].argmax(axis=1)
    split = out_of_sample(KNeighborsClassifier(1), leaking, label)["probs"].argmax(axis=1)
    assert (split == label).all()
    assert (grouped == label).mean() < 0.8
    given = out_of_sample(KNeighborsRegressor(1), leaking, noise.astype(float) + label, groups=groups)
    assert given["prediction"].shape == (150,)


def test_out_of_sample_when_a_class_lies_in_one_group_then_its_column_is_filled():
    groups = np.where(Y == 2, "far", np.where(np.arange(150) % 2, "odd", "even"))
    for model in (LogisticRegression(), DummyClassifier()):
        given = out_of_sample(model, X, NAMES, groups=groups)
        assert given["probs"].shape == (150, 3)
        assert np.allclose(given["probs"].sum(axis=1), 1)
        assert (given["probs"][Y == 2, 2] == 0).all()
        assert np.allclose(softmax(given["logits"], axis=1), given["probs"], atol=1e-9)


class Counting(DummyClassifier):
    """Keeps the rows of each fit."""

    fitted: ClassVar[list[np.ndarray]] = []

    def fit(self, X, y, sample_weight=None):
        self.fitted.append(X)
        return super().fit(X, y, sample_weight)


def test_out_of_sample_when_a_class_has_few_rows_then_there_are_as_many_folds_for_the_others():
    rows = np.r_[0:50, 50:100, 100:102]
    Counting.fitted.clear()
    given = out_of_sample(Counting(), X[rows], NAMES[rows])
    assert [len(fitted) for fitted in Counting.fitted] == pytest.approx([81.6] * 5, abs=1)
    assert (given["probs"] > 0).all()


def test_out_of_sample_when_a_fold_lacks_a_class_then_a_warning_names_it_and_its_rows(caplog):
    y = np.array(["a"] * 60 + ["b"] * 41 + ["c"] * 10)
    features = np.random.default_rng(0).normal(size=(111, 4))
    groups = np.where(y == "c", 1000, np.arange(111))
    found = cross_fitted(LogisticRegression(), features, y, groups=groups)
    assert found.summary == {"folds": 5, "unseen_classes": {"c": 10}}
    assert "without class 'c' (10 rows of it there)" in caplog.text
    assert (found.predictions["probs"][y == "c", 2] == 0).all()
    assert np.isfinite(found.predictions["logits"]).all()


def test_out_of_sample_when_rows_weigh_nothing_then_they_change_no_other_and_are_predicted():
    features, y = np.random.default_rng(0).normal(size=(90, 3)), np.arange(90) % 2
    weight = (np.arange(90) % 3 > 0).astype(float)
    with_them = out_of_sample(LogisticRegression(), features, y, sample_weight=weight)["probs"]
    counted = weight > 0
    alone = out_of_sample(LogisticRegression(), features[counted], y[counted], sample_weight=np.ones(60))["probs"]
    assert np.array_equal(with_them[counted], alone)
    assert np.allclose(with_them.sum(axis=1), 1)


def test_out_of_sample_when_few_rows_have_weight_then_no_model_of_one_class_answers():
    features, y = np.random.default_rng(0).normal(size=(90, 3)), np.arange(90) % 2
    for rows in ([0, 1, 2], [0, 1]):
        weight = np.zeros(90)
        weight[rows] = 1.0
        with pytest.raises(DataError, match="weight"):
            out_of_sample(DummyClassifier(), features, y, sample_weight=weight)


@pytest.mark.parametrize("jitter", [0.0, 1e-4], ids=["copies", "near copies of declared units"])
def test_out_of_sample_when_rows_repeat_then_no_model_knows_them(jitter):
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(60), 5)
    features = rng.normal(size=(60, 3))[person] + jitter * rng.normal(size=(300, 3))
    label = rng.integers(0, 2, 60)[person]
    others = {"dependence": person} if jitter else {}
    given = out_of_sample(KNeighborsClassifier(1), features, label, others=others)
    assert 0.3 < (given["probs"].argmax(axis=1) == label).mean() < 0.7


def test_out_of_sample_when_it_cannot_then_the_error_says_why():
    with pytest.raises(DataError, match="single row"):
        out_of_sample(LogisticRegression(), X[:101], NAMES[:101])
    with pytest.raises(DataError, match="one group"):
        out_of_sample(LogisticRegression(), X, NAMES, groups=np.ones(150))
    with pytest.raises(DataError, match="at least 2 rows"):
        out_of_sample(RidgeRegression(), X[:1], Y[:1])
    with pytest.raises(ParameterError, match="RidgeClassifier has no predict_proba"):
        out_of_sample(RidgeClassifier(), X, NAMES)
    with pytest.raises(ParameterError, match="n_folds"):
        out_of_sample(LogisticRegression(), X, NAMES, n_folds=1)


def test_out_of_sample_when_run_then_the_estimator_is_left_unfitted():
    model = LogisticRegression()
    out_of_sample(model, X, NAMES)
    assert not hasattr(model, "model_")
