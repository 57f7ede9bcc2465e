"""Effects row by row: formulas, weights, order of rows, estimators and bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import DataError, OverlapError, ParameterError
from ballast.methods.common.out_of_sample import out_of_sample
from ballast.methods.learners import RLearner

RNG = np.random.default_rng(0)
N = 400
X = RNG.normal(size=(N, 2))
E = expit(2 * X[:, 0])
TREATED = RNG.random(N) < E
EFFECT = 1 + X[:, 1]
OUTCOME = X[:, 0] + EFFECT * TREATED + RNG.normal(size=N)


class KnownPropensity(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        e = expit(2 * X[:, 0])
        return np.column_stack([1 - e, e])


class KnownMean(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return X[:, 0] + expit(2 * X[:, 0]) * (1 + X[:, 1])


KNOWN: dict[str, Any] = {"treatment_model": KnownPropensity(), "outcome_model": KnownMean(), "clip": 0.1}
CLIPPED = E.clip(0.1, 0.9)
SURPRISE, SPREAD, LEFT = TREATED - CLIPPED, CLIPPED * (1 - CLIPPED), OUTCOME - KnownMean().predict(X)


@pytest.mark.parametrize(
    ("pseudo_outcome", "expected", "weights"),
    [
        ("residual", LEFT / SURPRISE, SURPRISE**2),
        ("covariance", SURPRISE * LEFT / SPREAD, SPREAD),
        ("doubly_robust", SURPRISE / SPREAD * LEFT, SPREAD),  # both arms' means are the one known mean here
    ],
)
def test_pseudo_outcome_when_the_models_are_known_then_the_formula_with_its_own_weight(
    pseudo_outcome, expected, weights
):
    learner = RLearner(pseudo_outcome, **KNOWN).fit(X, treatment=TREATED, outcome=OUTCOME)
    np.testing.assert_allclose(learner.pseudo_outcomes_, expected, rtol=1e-10)
    np.testing.assert_allclose(learner.weights_, weights / weights.mean(), rtol=1e-10)
    assert learner.effective_sample_size_ == pytest.approx(effective_sample_size(weights))
    assert (learner.propensities_.min(), learner.propensities_.max()) == pytest.approx((0.1, 0.9))


def test_fit_when_residual_and_linear_then_it_minimises_the_r_loss():
    final = LinearRegression()
    learner = RLearner("residual", final_model=final, **KNOWN).fit(X, treatment=TREATED, outcome=OUTCOME)
    design = np.column_stack([np.ones(N), X]) * SURPRISE[:, None]
    expected = np.linalg.lstsq(design, LEFT, rcond=None)[0]
    np.testing.assert_allclose(learner.predict(X), np.column_stack([np.ones(N), X]) @ expected, rtol=1e-6)
    assert not hasattr(final, "coef_"), "the estimator that was given is left alone"


def test_fit_when_not_weighted_then_the_plain_regression_of_the_pseudo_outcome():
    learner = RLearner("doubly_robust", weighted=False, final_model=LinearRegression())
    learner.fit(X, treatment=TREATED, outcome=OUTCOME)
    plain = LinearRegression().fit(X, learner.pseudo_outcomes_)
    np.testing.assert_allclose(learner.predict(X), plain.predict(X), rtol=1e-8)
    assert (learner.weights_ == 1).all()


def test_effect_when_arms_have_no_noise_then_exact():
    outcome = X[:, 0] + EFFECT * TREATED
    linear = "sklearn.linear_model.LinearRegression"
    learner = RLearner("doubly_robust", outcome_model=linear, final_model=linear)
    learner.fit(X, treatment=TREATED, outcome=outcome)
    np.testing.assert_allclose(learner.predict(X), EFFECT, atol=1e-8)
    np.testing.assert_allclose(learner.plug_in_, EFFECT, atol=1e-8)


def test_effect_when_arms_are_texts_then_of_the_one_that_is_called_treated_and_turned_by_the_other():
    named = RLearner(treated="a").fit(X, treatment=np.where(TREATED, "a", "b"), outcome=OUTCOME)
    turned = RLearner(outcome_model=DummyRegressor(), treatment_model=DummyClassifier(strategy="prior"))
    ahead = turned.fit(X, treatment=TREATED, outcome=OUTCOME).predict(X)
    behind = turned.fit(X, treatment=~TREATED, outcome=OUTCOME).predict(X)
    assert named.arms_.tolist() == ["b", "a"]
    assert np.corrcoef(named.predict(X), EFFECT)[0, 1] > 0.8
    assert np.corrcoef(ahead, behind)[0, 1] < -0.95
    with pytest.raises(DataError, match="r_learner: treatment holds 'a', 'b', and nothing says which"):
        RLearner().fit(X, treatment=np.where(TREATED, "a", "b"), outcome=OUTCOME)


def test_fit_when_rows_come_in_another_order_then_the_same():
    order = RNG.permutation(N)
    first = RLearner().fit(X, treatment=TREATED, outcome=OUTCOME)
    second = RLearner().fit(X[order], treatment=TREATED[order], outcome=OUTCOME[order])
    np.testing.assert_array_equal(first.weights_[order], second.weights_)
    np.testing.assert_array_equal(first.predict(X), second.predict(X))


def test_fit_when_rows_have_weights_then_they_multiply_the_inverse_variances():
    weight = RNG.gamma(2.0, size=N)
    plain = RLearner(treatment_model=DummyClassifier(), outcome_model=DummyRegressor())
    plain.set_params(treatment_model=DummyClassifier(strategy="prior"))
    learner = plain.fit(X, treatment=TREATED, outcome=OUTCOME, sample_weight=weight)
    expected = weight * (TREATED - learner.propensities_) ** 2
    np.testing.assert_allclose(learner.weights_, expected / expected.mean(), rtol=1e-10)


def test_out_of_sample_when_the_learner_has_no_label_then_each_row_is_predicted_by_others():
    given = out_of_sample(RLearner(), X, None, others={"treatment": TREATED, "outcome": OUTCOME})
    assert set(given) == {"prediction"}
    assert np.corrcoef(given["prediction"], EFFECT)[0, 1] > 0.6
    fitted = RLearner().fit(X, treatment=TREATED, outcome=OUTCOME)
    assert not np.allclose(given["prediction"], fitted.predict(X))


def test_treatment_when_it_does_not_have_two_arms_or_they_do_not_overlap_then_refused():
    with pytest.raises(DataError, match=r"r_learner: treatment has 3 values"):
        RLearner().fit(X, treatment=np.arange(N) % 3, outcome=OUTCOME)
    with pytest.raises(DataError, match="1 of them of its rarer value; two rows"):
        RLearner().fit(X, treatment=np.arange(N) == 7, outcome=OUTCOME)
    with pytest.raises(OverlapError, match="r_learner: the columns predict the treatment"):
        RLearner().fit(X, treatment=X[:, 0] > 0, outcome=OUTCOME)


def test_outcome_when_no_number_then_refused():
    with pytest.raises(DataError, match="r_learner: outcome must hold numbers"):
        RLearner().fit(X, treatment=TREATED, outcome=np.repeat("x", N))


@pytest.mark.parametrize(
    ("parameter", "value", "said"),
    [
        ("outcome_model", "sklearn.preprocessing.StandardScaler", "regressor with predict,"),
        ("treatment_model", LinearRegression(), "classifier with predict_proba"),
        ("final_model", KNeighborsRegressor(), "'final_model' must take sample_weight"),
    ],
)
def test_models_when_they_cannot_do_their_part_then_refused(parameter: str, value: Any, said: str):
    with pytest.raises(ParameterError, match=said):
        RLearner(**{parameter: value}).fit(X, treatment=TREATED, outcome=OUTCOME)


def test_final_model_when_nothing_is_weighted_then_need_not_take_weights():
    learner = RLearner("doubly_robust", weighted=False, final_model=KNeighborsRegressor(50))
    assert learner.fit(X, treatment=TREATED, outcome=OUTCOME).predict(X).shape == (N,)
