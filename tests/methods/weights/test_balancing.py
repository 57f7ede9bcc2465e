"""Weights that balance columns: analytic ratios, the balance that each promises, arms, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from ballast.errors import DataError, OverlapError, ParameterError
from ballast.methods.evaluation import TreatmentEffect
from ballast.methods.weights import (
    ArmBalancing,
    CovariateBalancingPropensity,
    IntegralProbabilityBalancing,
    InversePropensity,
    KernelBalancing,
)
from tests.claims.worlds.gaussian_shifts import moved, squared_error

TO_TARGET = [CovariateBalancingPropensity, IntegralProbabilityBalancing, KernelBalancing]


@pytest.fixture(params=TO_TARGET, ids=lambda cls: cls.name)
def weigher(request: pytest.FixtureRequest):
    return request.param()


def arms(n: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives rows, their treatments by a logistic rule of them, and its propensity."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 2))
    propensity = expit(X @ [0.7, -0.4])
    return X, np.where(rng.random(n) < propensity, "new", "control"), propensity


@pytest.mark.parametrize("d", [1, 2, 10])
def test_weights_when_a_gaussian_moves_then_near_the_ratio_and_not_its_inverse(weigher, d):
    X, X_target, ratio = moved(d, 0, n=3000)
    weights = weigher.fit(X, X_target=X_target).weights_
    bound = 0.2 if weigher.name == "covariate_balancing_propensity" else 0.85
    assert squared_error(weights, ratio) < bound
    assert squared_error(1 / np.maximum(weights, 1e-2), ratio) > 1
    assert weights.mean() == pytest.approx(1)


def test_weigh_when_given_the_training_rows_then_their_weights(weigher):
    X, X_target, _ = moved(2, 0)
    weigher.fit(X, X_target=X_target)
    np.testing.assert_allclose(weigher.weigh(X), weigher.weights_, rtol=1e-6)


def test_target_when_disjoint_then_refused_with_the_remedy(weigher):
    X, X_target, _ = moved(2, 0)
    with pytest.raises(OverlapError, match=rf"{weigher.name}.*500.*(Set ridge|Set exact_means|collect training rows)"):
        weigher.fit(X, X_target=X_target + 30)


@pytest.mark.parametrize("cls", [CovariateBalancingPropensity, IntegralProbabilityBalancing])
def test_means_when_balanced_then_those_of_the_target(cls):
    X, X_target, _ = moved(3, 0)
    weights = cls().fit(X, X_target=X_target).weights_
    np.testing.assert_allclose(np.average(X, axis=0, weights=weights), X_target.mean(axis=0), atol=1e-5)


def test_anchors_when_the_target_is_few_then_half_are_the_targets_and_the_columns_are_balanced():
    rng = np.random.default_rng(0)
    X_target = rng.normal([2, -2, 2, 0, 0, 0], 0.7, (100, 6))
    X = np.concatenate([rng.standard_normal((8000, 6)), rng.normal([2, -2, 2, 0, 0, 0], 0.7, (200, 6))])
    found = KernelBalancing().fit(X, X_target=X_target)
    scaled = ((X_target - found._mean) / found._scale).astype(np.float64)
    assert sum((scaled == anchor).all(axis=1).any() for anchor in found._anchors) == 20
    left = (np.average(X, axis=0, weights=found.weights_) - X_target.mean(axis=0)) / found._scale
    assert found.imbalance_ == pytest.approx(np.abs(left).max())
    assert found.imbalance_ < 0.1


def test_columns_when_repeated_or_constant_then_balanced_all_the_same():
    X, X_target, _ = moved(2, 0)
    wide, wide_target = (np.column_stack([rows, rows[:, 0], np.ones(len(rows))]) for rows in (X, X_target))
    for cls in (CovariateBalancingPropensity, IntegralProbabilityBalancing):
        weights = cls().fit(wide, X_target=wide_target).weights_
        np.testing.assert_allclose(np.average(X, axis=0, weights=weights), X_target.mean(axis=0), atol=1e-4)


class TestArms:
    @pytest.mark.parametrize("make", [CovariateBalancingPropensity, InversePropensity])
    @pytest.mark.parametrize("estimand", ["ate", "att", "atc"])
    def test_weights_when_the_rule_is_known_then_near_its_inverse_propensities(self, make, estimand):
        X, treatment, propensity = arms()
        treated = treatment == "new"
        own = np.where(treated, propensity, 1 - propensity)
        wanted = {"ate": 1 / own, "att": propensity / own, "atc": (1 - propensity) / own}[estimand]
        found = make(estimand=estimand, treated="new").fit(X, treatment=treatment)
        assert squared_error(found.weights_, wanted) < 0.1
        assert squared_error(1 / found.weights_, wanted) > 1
        np.testing.assert_allclose(found.weigh(X, treatment=treatment), found.weights_, rtol=0.2)

    @pytest.mark.parametrize("estimand", ["ate", "att", "atc"])
    @pytest.mark.parametrize("weigher", [None, "integral_probability_balancing", KernelBalancing(ridge=1e-4)])
    def test_arms_when_balanced_then_both_have_the_means_of_the_rows_asked_for(self, weigher, estimand):
        X, treatment, _ = arms(1000)
        treated = treatment == "new"
        found = ArmBalancing(weigher, estimand=estimand, treated="new").fit(X, treatment=treatment)
        wanted = X[{"ate": slice(None), "att": treated, "atc": ~treated}[estimand]].mean(axis=0)
        for rows in (treated, ~treated):
            np.testing.assert_allclose(np.average(X[rows], axis=0, weights=found.weights_[rows]), wanted, atol=0.03)
            assert found.weights_[rows].mean() == pytest.approx(1)
        np.testing.assert_allclose(found.weigh(X, treatment=treatment), found.weights_, rtol=1e-6)

    def test_weights_when_overlap_is_asked_for_then_at_most_those_of_an_arm_and_bounded(self):
        X, treatment, propensity = arms()
        found = InversePropensity(estimand="overlap", treated="new").fit(X, treatment=treatment)
        wanted = np.where(treatment == "new", 1 - propensity, propensity)
        assert np.corrcoef(found.weights_, wanted)[0, 1] > 0.97

    def test_overlap_when_the_default_classifier_then_the_arms_means_are_equal(self):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((300, 2))
        wide = np.column_stack([X, X[:, 0] > 1, X[:, 0] <= 1])  # of one-hot columns, one says what the other does
        treated = rng.random(300) < expit(-2 + 1.5 * X[:, 0])
        weights = InversePropensity(estimand="overlap").fit(wide, treatment=treated).weights_
        means = [np.average(wide[arm], axis=0, weights=weights[arm]) for arm in (treated, ~treated)]
        np.testing.assert_allclose(*means, atol=1e-6)

    @pytest.mark.parametrize(
        ("estimand", "treated", "control"),
        [
            ("att", (1, 1), (1 / 4999, 1)),
            ("overlap", (4999 / 5000, 0.5), (1 / 5000, 0.5)),
            ("ate", (1000, 2), (5000 / 4999, 2)),
        ],
    )
    def test_weights_when_a_propensity_is_below_the_clip_then_only_what_is_divided_by_is_raised(
        self, estimand, treated, control
    ):
        stratum = np.repeat([0, 1], [5000, 200])  # treated: one of 5000, and half of 200
        treatment = np.concatenate([np.arange(5000) < 1, np.arange(200) < 100])
        found = InversePropensity(estimand=estimand).fit(stratum[:, None].astype(float), treatment=treatment)
        wanted = np.where(treatment, np.array(treated)[stratum], np.array(control)[stratum])
        np.testing.assert_allclose(found.weights_, wanted / wanted.mean(), rtol=1e-4)
        assert found.share_clipped_ == pytest.approx(1 / 5200 if estimand == "ate" else 0)

    def test_classifier_when_given_then_cross_fitted_and_the_default_where_asked(self):
        from sklearn.tree import DecisionTreeClassifier

        X, treatment, _ = arms(400)
        assert [
            len(InversePropensity(classifier=made, n_folds=n, treated="new").fit(X, treatment=treatment).models_)
            for made, n in ((None, None), (None, 3), (DecisionTreeClassifier(max_depth=3), None))
        ] == [1, 3, 5]

    def test_treatments_when_three_then_each_arm_is_weighed_to_all_rows(self):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((3000, 1))
        odds = np.exp(X * [0.0, 0.8, -0.8])
        treatment = (rng.random((3000, 1)) > np.cumsum(odds / odds.sum(axis=1, keepdims=True), axis=1)).sum(axis=1)
        weights = InversePropensity().fit(X, treatment=treatment).weights_
        for arm in range(3):
            rows = treatment == arm
            assert abs(np.average(X[rows, 0], weights=weights[rows]) - X.mean()) < 0.1 < abs(X[rows].mean()) + 0.1

    def test_rows_when_trimmed_then_without_weight_and_counted(self):
        X, treatment, _ = arms()
        found = InversePropensity(trim=0.3, treated="new").fit(X, treatment=treatment)
        assert 0 < found.share_trimmed_ < 1
        assert np.mean(found.weights_ == 0) == pytest.approx(found.share_trimmed_)
        with pytest.raises(OverlapError, match=r"trimming at 0.499 leaves no row"):
            InversePropensity(trim=0.499, treated="new").fit(X[:200], treatment=treatment[:200])

    def test_weights_when_stabilized_then_arms_keep_their_sizes(self):
        X, treatment, _ = arms()
        weights = InversePropensity(stabilized=True, treated="new").fit(X, treatment=treatment).weights_
        assert weights[treatment == "new"].mean() == pytest.approx(1, abs=0.05)

    def test_treatment_when_the_columns_decide_it_then_refused(self):
        X = np.linspace(-3, 3, 200)[:, None]
        treatment = (X[:, 0] > 0).astype(int)
        with pytest.raises(
            OverlapError, match=r"predict the treatment of more than half of each arm's rows \(200 in all\)"
        ):
            InversePropensity().fit(np.sign(X) * 50 + X, treatment=treatment)
        with pytest.raises(OverlapError, match=r"columns separate the samples. Set ridge"):
            CovariateBalancingPropensity(estimand="ate").fit(X, treatment=treatment)

    @pytest.mark.parametrize("make", [CovariateBalancingPropensity, ArmBalancing])
    def test_treatment_when_not_of_two_values_then_refused(self, make):
        X, _, _ = arms(30)
        given = {} if make is ArmBalancing else {"estimand": "ate"}
        with pytest.raises(DataError, match=r"treatment has 3 values in 30 rows \(0, 1, 2\); two are needed"):
            make(**given).fit(X, treatment=np.arange(30) % 3)

    def test_estimand_when_its_data_are_missing_then_refused_with_the_remedy(self):
        X, treatment, _ = arms(30)
        with pytest.raises(DataError, match="'ate' needs each row's treatment; declare its column"):
            CovariateBalancingPropensity(estimand="ate").fit(X, X_target=X)
        with pytest.raises(DataError, match="'target' needs the target's rows"):
            CovariateBalancingPropensity().fit(X, treatment=treatment)

    @pytest.mark.parametrize(
        "make", [CovariateBalancingPropensity, InversePropensity, ArmBalancing], ids=lambda make: make.name
    )
    @pytest.mark.parametrize(("estimand", "effect"), [("att", 2.5), ("atc", 1.5), ("ate", 11 / 6)])
    @pytest.mark.parametrize("names", [("placebo", "drug"), ("a", "b"), ("2", "1"), (0, 1), (2, 1), (False, True)])
    def test_effect_when_the_arms_have_any_names_then_that_of_the_estimand(self, make, estimand, effect, names):
        # 40 treated, 30 of them with s = 1, and 80 controls, 20 of them with s = 1; the effect is 1 + 2 s
        treated = np.repeat([True, False], [40, 80])
        s = np.concatenate([np.arange(40) < 30, np.arange(80) < 20]).astype(float)
        arm, outcome = np.where(treated, names[1], names[0]), 5 * s + treated * (1 + 2 * s)
        given = {} if names in ((0, 1), (False, True)) else {"treated": names[1]}
        weights = make(estimand=estimand, **given).fit(s[:, None], treatment=arm).weights_
        report = TreatmentEffect(**given).assess(arm, outcome, weights)
        assert report.value("effect", model=str(names[1]), versus=str(names[0])) == pytest.approx(effect, abs=1e-4)

    @pytest.mark.parametrize("make", [CovariateBalancingPropensity, InversePropensity, ArmBalancing])
    def test_arms_when_nothing_says_which_is_treated_then_refused_with_both(self, make):
        X, treatment, _ = arms(30)
        with pytest.raises(
            DataError, match=r"treatment holds 'control', 'new', and nothing says which .*; set treated"
        ):
            make(estimand="att").fit(X, treatment=treatment)
        with pytest.raises(DataError, match=r"treated is 'newer', but treatment holds 'control', 'new'"):
            make(estimand="ate", treated="newer").fit(X, treatment=treatment)

    def test_weigher_when_it_takes_no_target_then_refused(self):
        X, treatment, _ = arms(30)
        with pytest.raises(ParameterError, match="must be a weigher of X to X_target"):
            ArmBalancing("inverse_class_frequency", treated="new").fit(X, treatment=treatment)

    def test_arm_when_it_cannot_be_balanced_then_the_error_names_it(self):
        X = np.array([[0.0], [0.1], [5.0], [6.0]])
        with pytest.raises(OverlapError, match=r"arm_balancing: treatment .*0.*entropy_balancing"):
            ArmBalancing(estimand="att").fit(X, treatment=np.array([0, 0, 1, 1]))
