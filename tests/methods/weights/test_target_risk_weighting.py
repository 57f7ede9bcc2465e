"""TargetRiskWeighting: the formula, what it chooses where that is plain, order, unseen rows, learners and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ballast.errors import DataError, ParameterError
from ballast.methods.weights import TargetRiskWeighting
from ballast.methods.weights.mixture.target_risk_weighting import risk_weights


def rows(rule: float = 1.0, seed: int = 0, n: int = 40, m: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives rows, labels and groups: of the target the sign of x0, of the others that of ``rule`` x0; both noisy."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n + m, 2))
    groups = np.repeat(["own", "far", "near"], [n, m // 2, m - m // 2])
    slope = np.where(groups == "own", 1.0, rule)
    return X, np.where(slope * X[:, 0] + 0.5 * rng.normal(size=n + m) > 0, "yes", "no"), groups


def test_weights_when_learned_then_the_target_has_its_share_of_the_risk_and_the_mean_is_one():
    X, y, groups = rows()
    found = TargetRiskWeighting(alphas=(0.7,)).fit(X, y, groups=groups)
    assert found.target_group_ == "own"
    np.testing.assert_allclose(found.alphas_, [40 / 440, 0.7])
    own = groups == "own"
    assert found.weights_[own].sum() == pytest.approx(440 * found.alpha_)
    assert found.scale_ == pytest.approx(1.0)
    np.testing.assert_allclose(found.weights_, risk_weights(own, found.alpha_))
    assert found.alpha_ == found.alphas_[found.risks_.argmin()]


def test_risks_when_by_hand_then_losses_of_held_out_target_rows_alone():
    X, y, groups = rows(n=2, m=30)
    y[:2] = "yes", "no"
    found = TargetRiskWeighting(alphas=(0.6,), learner=LogisticRegression()).fit(X, y, groups=groups)
    expected = []
    for alpha in found.alphas_:
        losses = []
        for held in (0, 1):
            kept = np.arange(32) != held
            weights = risk_weights(groups[kept] == "own", alpha)
            model = LogisticRegression().fit(X[kept], y[kept], sample_weight=weights)
            losses.append(-model.predict_log_proba(X[[held]])[0, list(model.classes_).index(y[held])])
        expected.append(np.mean(losses))
    np.testing.assert_allclose(found.risks_, expected, rtol=1e-6)


def test_share_when_the_others_are_alike_then_pooled_and_when_opposite_then_left_out():
    chosen = {rule: [] for rule in (1.0, -1.0)}
    for rule, alphas in chosen.items():
        for seed in range(5):
            X, y, groups = rows(rule, seed)
            alphas.append(TargetRiskWeighting().fit(X, y, groups=groups).alpha_)
    assert np.mean(chosen[1.0]) < 0.6
    assert np.mean(chosen[-1.0]) > 0.9


def test_rows_when_permuted_then_the_same_share():
    X, y, groups = rows(0.2)
    order = np.random.default_rng(1).permutation(len(y))
    first = TargetRiskWeighting().fit(X, y, groups=groups)
    second = TargetRiskWeighting().fit(X[order], y[order], groups=groups[order])
    assert second.alpha_ == first.alpha_
    np.testing.assert_allclose(second.risks_, first.risks_, rtol=1e-3)


def test_weigh_when_rows_are_unseen_then_their_groups_weights_and_unknown_ones_refused():
    X, y, groups = rows()
    found = TargetRiskWeighting().fit(X.astype(np.float32), y, groups=groups)
    given = found.weigh(np.array(["near", "own"]))
    assert given.dtype == np.float32
    np.testing.assert_array_equal(given, [found.weights_[-1], found.weights_[0]])
    with pytest.raises(DataError, match=r"target_risk_weighting: .*'mars'"):
        found.weigh(np.array(["mars"]))


@pytest.mark.parametrize(
    "learner",
    [None, "ridge_regression", Ridge(), make_pipeline(StandardScaler(), Ridge()), HistGradientBoostingRegressor()],
)
def test_learner_when_the_target_is_a_number_then_squared_errors_choose(learner):
    X, _, groups = rows(n=40, m=200)
    y = X[:, 0] * np.where(groups == "own", 1.0, -1.0) + 0.1 * np.random.default_rng(3).normal(size=240)
    found = TargetRiskWeighting(alphas=(0.5, 1.0), learner=learner, n_folds=3).fit(X, y, groups=groups)
    assert found.alpha_ == 1.0
    assert found.risks_[0] > 2 * found.risks_[-1]


def test_groups_when_numbers_then_named_by_number():
    X, y, groups = rows()
    found = TargetRiskWeighting(target_group=7).fit(X, y, groups=np.where(groups == "near", 7, 3))
    assert found.target_group_ == 7
    assert found.alphas_[0] == pytest.approx(200 / 440)


def test_input_when_it_cannot_be_judged_then_refused():
    X, y, groups = rows()
    with pytest.raises(ParameterError, match=r"'target_group' must be a value of groups, got 'ow', did you mean 'own'"):
        TargetRiskWeighting(target_group="ow").fit(X, y, groups=groups)
    with pytest.raises(ParameterError, match="'learner' must be one whose fit takes sample_weight, got KNeighbors"):
        TargetRiskWeighting(learner=KNeighborsClassifier()).fit(X, y, groups=groups)
    with pytest.raises(ParameterError, match="'learner' must be a scikit-learn-compatible learner"):
        TargetRiskWeighting(learner=LogisticRegression).fit(X, y, groups=groups)
    with pytest.raises(DataError, match=r"target_risk_weighting: groups has only one value \('own', 440 rows\)"):
        TargetRiskWeighting().fit(X, y, groups=np.full(440, "own"))
    with pytest.raises(DataError, match=r"target_risk_weighting: groups has 1 row of the target \('single'\)"):
        TargetRiskWeighting().fit(X, y, groups=np.where(np.arange(440) == 0, "single", "rest"))
    with pytest.raises(DataError, match="target_risk_weighting: all 440 rows of y have the same label"):
        TargetRiskWeighting().fit(X, np.full(440, "no"), groups=groups)
    alone = np.where(np.arange(440) == 0, "yes", "no")
    with pytest.raises(DataError, match="target_risk_weighting, without one fold of the target's rows: all"):
        TargetRiskWeighting().fit(X, alone, groups=groups)
