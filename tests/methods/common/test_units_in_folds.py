"""Methods that hold rows out know the declared units: who learns rows by heart then learns nothing of noise."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from ballast.methods.common.cross_fit import cross_fit, deal_folds, deal_labelled
from ballast.methods.evaluation import SourceRobustness
from ballast.methods.learners import RLearner
from ballast.methods.out_of_distribution import Mahalanobis
from ballast.methods.weights import (
    KLIEP,
    ArmMembership,
    DensityRatioClassifier,
    InverseIntensity,
    InversePropensity,
    KernelDensityRatio,
    NearestNeighborRatio,
    PositiveUnlabelled,
    RelativeLeastSquares,
    TargetRiskWeighting,
    TelescopingRatio,
)
from ballast.methods.weights.mixture._proxy import Domains
from ballast.methods.weights.ratio.relative_least_squares import fold_errors

PERSONS, TIMES = 80, 5
BY_HEART = KNeighborsClassifier(1)


def visits(seed: int, n: int = PERSONS, times: int = TIMES) -> tuple[np.ndarray, np.ndarray]:
    """Each of n persons so many times, nearly alike, and the persons."""
    rng = np.random.default_rng(seed)
    person = rng.permutation(np.repeat(np.arange(n), times))
    return rng.normal(size=(n, 3))[person] + 1e-5 * rng.normal(size=(n * times, 3)), person


X, PERSON = visits(0)
OF_PERSON = np.random.default_rng(1).integers(0, 2, PERSONS)


def test_cross_fit_when_units_are_declared_then_a_person_of_both_samples_is_in_one_fold():
    X_target, person = visits(2)
    found = cross_fit(BY_HEART, X, X_target, 5, np.random.default_rng(0), "it", PERSON, person)
    fold = {}
    for units, folds in ((PERSON, found.folds), (person, found.folds_target)):
        for unit, own in zip(units, folds, strict=True):
            assert fold.setdefault(unit, own) == own


def test_density_ratio_when_units_are_declared_then_samples_that_do_not_differ_are_not_told_apart():
    X_target, person = visits(3)
    told = DensityRatioClassifier(classifier=BY_HEART, calibration="none")
    known = told.fit(X, X_target, PERSON, person + PERSONS).models_
    assert len(known) == 5
    rng = np.random.default_rng(0)
    apart = cross_fit(BY_HEART, X, X_target, 5, rng, "it", PERSON, person + PERSONS)
    assert 0.3 < (apart.source < 0.5).mean() < 0.7
    by_heart = cross_fit(BY_HEART, X, X_target, 5, rng, "it")
    assert (by_heart.source < 0.5).mean() > 0.95


@pytest.mark.parametrize("labelled", [False, True])
def test_folds_when_dealt_by_unit_then_no_unit_is_split_and_the_order_of_the_rows_is_of_no_account(labelled):
    order = np.random.default_rng(5).permutation(len(X))
    label = OF_PERSON[PERSON]

    def dealt(rows: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(0)
        if labelled:
            return deal_labelled(X[rows], label[rows], 4, rng, "it", PERSON[rows])
        return deal_folds(X[rows], 4, rng, PERSON[rows], "it")

    folds = dealt(np.arange(len(X)))
    assert all(len(set(folds[unit == PERSON])) == 1 for unit in range(PERSONS))
    np.testing.assert_array_equal(dealt(order), folds[order])


def test_r_learner_when_units_are_declared_then_the_treatment_of_none_is_known():
    treated = OF_PERSON[PERSON]
    outcome = np.random.default_rng(2).normal(size=len(X))
    models = {"treatment_model": KNeighborsClassifier(3), "outcome_model": KNeighborsRegressor(3)}
    learner = RLearner(**models, clip=0.05)
    known = learner.fit(X, treated, outcome, dependence=PERSON).propensities_
    assert 0.3 < (known.round() == treated).mean() < 0.7


def test_source_robustness_when_units_are_declared_then_none_held_out_is_trained_on():
    groups = np.array(["a", "b"])[np.arange(len(X)) % 2]  # a person may be in both
    X_target, target = visits(4)
    options = {"learner": BY_HEART, "n_repeats": 1, "n_bootstrap": 20, "sizes": (0.5,), "mixes": (0.5,)}
    assessor = SourceRobustness(**options, random_state=0)
    given = X, OF_PERSON[PERSON], groups, X_target, OF_PERSON[target]

    def inside(**more: np.ndarray) -> float:
        table = assessor.assess(*given, **more).table
        return table.loc[table["metric"] == "in_distribution_accuracy", "value"].mean()

    assert inside(dependence=PERSON) < 0.65 < 0.75 < inside()


def test_domains_when_units_are_declared_then_none_held_out_is_drawn():
    groups = np.arange(len(X)) % 2
    domains = Domains(X, OF_PERSON[PERSON], groups, "it", "cpu", PERSON)
    domains.hold_out(0.2, 0, "it")
    for (rows, _), (held, _) in zip(domains._rows, domains._held, strict=True):
        near = np.abs(rows.numpy()[:, None] - held.numpy()[None]).max(axis=-1).min()
        assert near > 1e-3


def test_target_risk_weighting_when_units_are_declared_then_the_losses_are_of_unknown_rows():
    groups = np.where(PERSON < 40, "target", "other")
    weigher = TargetRiskWeighting(learner="sklearn.tree.DecisionTreeClassifier", target_group="target")
    label = OF_PERSON[PERSON]
    told, untold = (
        weigher.fit(X, label, groups, dependence=PERSON).risks_.min(),
        weigher.fit(X, label, groups).risks_.min(),
    )
    assert untold < told / 2


def moved_persons(seed: int, n: int = 150, times: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Persons of two samples, the target's moved by 1, so many nearly equal rows each: one row of each, and all."""
    rng = np.random.default_rng(seed)
    once, once_target = rng.normal(size=(n, 2)), rng.normal((1, 0), size=(n, 2))
    all_rows = (np.repeat(p, times, axis=0) + 0.01 * rng.normal(size=(n * times, 2)) for p in (once, once_target))
    return once, once_target, *all_rows


@pytest.mark.parametrize("weigher", [KLIEP, RelativeLeastSquares, KernelDensityRatio, NearestNeighborRatio])
def test_ratios_when_units_are_declared_then_about_as_good_as_of_one_row_a_person(weigher):
    of, errors = np.repeat(np.arange(150), 6), []
    for seed in range(3):
        once, once_target, rows, rows_target = moved_persons(seed)
        truth = np.exp(rows[:, 0] - 0.5)
        truth /= truth.mean()
        single = weigher(device="cpu").fit(once, once_target).weigh(rows)
        declared = weigher(device="cpu").fit(rows, rows_target, of, of + 150).weights_
        without = weigher(device="cpu").fit(rows, rows_target).weights_
        errors.append([np.mean((w / w.mean() - truth) ** 2) for w in (single, declared, without)])
    single, declared, without = np.mean(errors, axis=0)
    assert declared < 2 * single
    if weigher is not KernelDensityRatio:  # of which the bandwidth is a rule's, and a row's own person smooths
        assert without > 1.5 * declared, "what the units are for"


def test_density_ratio_when_persons_are_in_both_samples_then_left_out_of_both():
    _, _, rows, _ = moved_persons(0)
    of = np.repeat(np.arange(150), 6)
    found = KernelDensityRatio(device="cpu").fit(rows[::2], rows[1::2], of[::2], of[1::2])
    np.testing.assert_allclose(found.ratio_, 1, atol=0.05)


def test_fold_errors_when_compared_with_refits_then_equal():
    rng = np.random.default_rng(0)
    source, target, alpha = rng.random((12, 4)), rng.random((9, 4)), 0.3
    folds, penalties = (np.arange(12) % 3, np.arange(9) // 3), np.array([0.01, 0.5])
    expected = np.zeros(2)
    for fold in range(3):
        s, t = source[folds[0] != fold], target[folds[1] != fold]
        gram = (1 - alpha) * s.T @ s / len(s) + alpha * t.T @ t / len(t)
        for j, penalty in enumerate(penalties):
            theta = np.linalg.solve(gram + penalty * np.eye(4), t.mean(axis=0))
            at_source, at_target = source[folds[0] == fold] @ theta, target[folds[1] == fold] @ theta
            expected[j] += (1 - alpha) / 2 * (at_source**2).sum() / 12
            expected[j] += (alpha / 2 * at_target**2 - at_target).sum() / 9
    np.testing.assert_allclose(fold_errors(source, target, penalties, alpha, folds), expected)


def test_telescoping_ratio_when_units_are_declared_then_no_person_is_judged_by_its_other_rows():
    told, untold = [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        persons = rng.normal(size=(2, 25, 12))  # as many numbers as say who it is, and no difference
        X, X_target = (np.repeat(p, 20, axis=0) + 1e-3 * rng.normal(size=(500, 12)) for p in persons)
        of = np.repeat(np.arange(25), 20)
        found = TelescopingRatio(n_bridges=1, inverse_penalty=10.0)
        told.append(found.fit(X, X_target, of, of + 25).areas_[0])
        untold.append(found.fit(X, X_target).areas_[0])
    assert abs(np.mean(told) - 0.5) < 0.15
    assert np.mean(untold) > 0.95, "what the units are for"


def test_propensities_when_units_are_declared_then_the_arm_of_none_is_known():
    arm = OF_PERSON[PERSON]
    by_heart = KNeighborsClassifier(15, weights="distance")
    for known in (
        InversePropensity(classifier=by_heart).fit(X, arm, dependence=PERSON).propensities_[:, 1],
        ArmMembership(classifier=by_heart).fit(X, arm, PERSON).memberships_,
        InverseIntensity(classifier=by_heart).fit(X, arm.astype(bool), dependence=PERSON).intensities_,
    ):
        assert 0.3 < (known.round() == arm).mean() < 0.7
    untold = ArmMembership(classifier=by_heart).fit(X, arm).memberships_
    assert (untold.round() == arm).mean() > 0.95


def test_positive_unlabelled_when_units_are_declared_then_the_label_of_none_is_known():
    labelled = OF_PERSON[PERSON]
    weigher = PositiveUnlabelled(classifier=KNeighborsClassifier(15))
    assert weigher.fit(X, labelled, PERSON).share_ > 0.5  # labels are noise: all may be positive
    assert weigher.fit(X, labelled).share_ < 0.4


def test_mahalanobis_when_units_are_declared_then_new_persons_are_flagged_as_often_as_promised():
    flagged, without = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rows = np.repeat(rng.normal(size=(40, 15)), 10, axis=0) + 1e-3 * rng.normal(size=(400, 15))
        new = rng.normal(size=(500, 15))
        for found, units in ((flagged, np.repeat(np.arange(40), 10)), (without, None)):
            scorer = Mahalanobis(1e-6).fit(rows, dependence=units)
            found.append(scorer.flag(scorer.score_samples(new)).mean())
    assert np.mean(flagged) < 0.1
    assert np.mean(without) > 0.2, "what the units are for"
