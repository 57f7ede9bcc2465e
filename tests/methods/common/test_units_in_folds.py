"""Methods that hold rows out know the declared units: who learns rows by heart then learns nothing of noise."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from ballast.methods.common.cross_fit import cross_fit, deal_folds, deal_labelled
from ballast.methods.evaluation import SourceRobustness
from ballast.methods.learners import RLearner
from ballast.methods.weights import DensityRatioClassifier, TargetRiskWeighting
from ballast.methods.weights.mixture._proxy import Domains

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
