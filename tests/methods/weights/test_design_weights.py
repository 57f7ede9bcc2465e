"""Weighers of rows with design weights: on any scale, a row of weight 0 absent, and one of weight 2 two rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from ballast.errors import DataError, OverlapError, ParameterError
from ballast.methods.weights import (
    ArmBalancing,
    CovariateBalancingPropensity,
    DensityRatioClassifier,
    EntropyBalancing,
    InversePropensity,
    Raking,
)

N, M = 200, 150
ARMS = ("ate", "att", "atc")


def world(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    X, X_target = rng.normal(size=(N, 2)), rng.normal(0.3, 1.0, size=(M, 2))
    tables = [pd.DataFrame({"a": x[:, 0].round(2), "b": np.where(x[:, 1] > 0, "up", "down")}) for x in (X, X_target)]
    return {
        "X": X, "X_target": X_target, "table": tables[0], "table_target": tables[1],
        "treatment": (rng.random(N) < 1 / (1 + np.exp(-X[:, 0]))).astype(int),
        "design_weight": rng.integers(0, 4, N).astype(float),
        "design_weight_target": rng.integers(0, 4, M).astype(float),
    }  # fmt: skip


WEIGHERS = {
    "raking": (Raking(n_bins=4, tolerance=1e-9), ("table", "table_target")),
    "post_stratification": (Raking(n_bins=3, joint=True), ("table", "table_target")),
    "entropy_balancing": (EntropyBalancing(), ("X", "X_target")),
    "entropy_balancing_of_squares": (EntropyBalancing(moments=2, ridge=0.01), ("X", "X_target")),
    "cbps": (CovariateBalancingPropensity(), ("X", "X_target")),
    **{f"cbps_{e}": (CovariateBalancingPropensity(e), ("X", "treatment")) for e in ARMS},
    **{f"propensity_{e}": (InversePropensity(e, clip=0), ("X", "treatment")) for e in (*ARMS, "overlap")},
    **{f"arms_{e}": (ArmBalancing(estimand=e), ("X", "treatment")) for e in ARMS},
    "propensity_stabilized": (InversePropensity(stabilized=True), ("X", "treatment")),
}


@pytest.fixture(params=WEIGHERS.values(), ids=WEIGHERS)
def weigher(request) -> Any:
    return clone(request.param[0]), request.param[1]


def fitted(weigher: Any, given: dict[str, Any], **design: Any) -> np.ndarray:
    method, names = weigher
    return method.fit(**{name: given[name] for name in names}, **design).weights_


def designs(given: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    kept = ["design_weight", *(["design_weight_target"] if "treatment" not in names else [])]
    return {name: given[name] for name in kept}


def test_weights_when_design_weights_count_rows_then_those_of_the_rows_so_often(weigher):
    given = world()
    for name in ("table", "table_target"):  # bins would be cut between values of rows, and at values of weighted ones
        given[name] = given[name].assign(a=given[name]["a"].gt(0).map(str))
    times = [given[name].astype(int) for name in ("design_weight", "design_weight_target")]
    rows, target_rows = (np.repeat(np.arange(len(t)), t) for t in times)
    index = {name: target_rows if name.endswith("_target") else rows for name in weigher[1]}
    repeated = {n: given[n].iloc[i] if isinstance(given[n], pd.DataFrame) else given[n][i] for n, i in index.items()}
    weights = fitted(weigher, given, **designs(given, weigher[1]))
    of_one = fitted(weigher, repeated)
    together = np.bincount(rows, of_one, N)
    np.testing.assert_allclose(weights / weights.sum(), together / together.sum(), rtol=1e-4, atol=1e-9)
    assert (weights[times[0] == 0] == 0).all()


def test_weights_when_design_weights_are_on_another_scale_then_the_same(weigher):
    given = world()
    design = designs(given, weigher[1])
    scaled = {name: values * (1e150 if name == "design_weight" else 0.01) for name, values in design.items()}
    np.testing.assert_allclose(
        fitted(weigher, given, **scaled), fitted(weigher, given, **design), rtol=1e-5, atol=1e-12
    )


def test_weights_when_design_weights_are_all_equal_then_as_without(weigher):
    given = world()
    same = {name: np.full(len(values), 7.0) for name, values in designs(given, weigher[1]).items()}
    np.testing.assert_allclose(fitted(weigher, given, **same), fitted(weigher, given), rtol=1e-6)


def test_unseen_rows_when_weighed_then_by_their_design_weights_on_the_scale_of_those_fitted(weigher):
    method, names = weigher
    given = world()
    weights = fitted(weigher, given, **designs(given, names))
    rows = {name: given[name] for name in names if not name.endswith("_target")}
    again = method.weigh(**rows, design_weight=given["design_weight"])
    np.testing.assert_allclose(again, weights, rtol=1e-9)
    with pytest.raises(
        DataError, match=r"design_weight: it was fitted with design weights, and the 200 rows .* without"
    ):
        method.weigh(**rows)
    fitted(weigher, given)
    with pytest.raises(DataError, match=r"design_weight: it was fitted without design weights"):
        method.weigh(**rows, design_weight=given["design_weight"])


@pytest.mark.parametrize(
    ("weigher", "side"),
    [
        (w, side)
        for w in WEIGHERS.values()
        for side in ("sample", "target")
        if side == "sample" or "treatment" not in w[1]
    ],
)
def test_weights_when_a_row_is_left_out_then_moved_by_its_influence(weigher, side):
    method, names = weigher
    given = world()
    for name in ("table", "table_target"):
        given[name] = given[name].assign(a=given[name]["a"].gt(0).map(str))
    design = designs(given, names)
    before = fitted(weigher, given, **design)
    found = method.influence(**{name: given[name] for name in names}, **design)
    left_out = "design_weight" if side == "sample" else "design_weight_target"
    row = int(np.flatnonzero(given[left_out] == 1)[0])
    design[left_out] = np.where(np.arange(len(design[left_out])) == row, 0.0, design[left_out])
    after = fitted(weigher, given, **design)
    told = before - found.gradient @ (found.influence if side == "sample" else found.influence_target)[row]
    kept = after > 0
    arms = [given["treatment"] == arm for arm in (0, 1)] if "treatment" in names else [np.ones(N, dtype=bool)]
    for own in (arm & kept for arm in arms):
        scaled, expected, old = (w[own] / w[own].mean() for w in (after, told, before))
        np.testing.assert_allclose(expected - old, scaled - old, atol=0.15 * np.abs(scaled - old).max() + 1e-6)


@pytest.mark.parametrize("name", ["raking", "entropy_balancing"])
def test_batches_when_some_have_no_design_weights_then_refused_and_not_counted(name):
    method, names = clone(WEIGHERS[name][0]), WEIGHERS[name][1]
    given = world()
    rows = {n: given[n] for n in names}
    counted = method.partial_fit(**rows, **designs(given, names))
    with pytest.raises(DataError, match="design_weight was given with earlier batches, and is not with this one"):
        counted.partial_fit(**rows)
    weights = counted.finalize().weigh(**{names[0]: given[names[0]]}, design_weight=given["design_weight"])
    np.testing.assert_allclose(weights, fitted(WEIGHERS[name], given, **designs(given, names)), rtol=1e-6)


def test_propensity_when_its_classifier_takes_no_weights_then_says_so():
    given = world()
    with pytest.raises(ParameterError, match="KNeighborsClassifier takes no sample_weight"):
        InversePropensity(classifier="sklearn.neighbors.KNeighborsClassifier").fit(
            given["X"], given["treatment"], design_weight=given["design_weight"]
        )


def test_effect_when_one_half_is_sampled_rarely_then_design_weights_make_it_the_populations():
    """The effect is 1 in the half sampled with .9, and 3 in that sampled with .1: 2 in the population."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=40_000)
    kept = rng.random(len(x)) < np.where(x > 0, 0.9, 0.1)
    x, design = x[kept], np.where(x > 0, 1 / 0.9, 1 / 0.1)[kept]
    treated = rng.random(len(x)) < 1 / (1 + np.exp(-x))
    outcome = x + np.where(x > 0, 1.0, 3.0) * treated + rng.normal(size=len(x))

    def effect(weights: np.ndarray) -> float:
        return float(np.diff([np.average(outcome[arm], weights=weights[arm]) for arm in (~treated, treated)])[0])

    X = np.stack([x, np.abs(x)], axis=1)
    assert effect(InversePropensity().fit(X, treated, design_weight=design).weights_) == pytest.approx(2.0, abs=0.15)
    assert effect(ArmBalancing().fit(X, treated, design).weights_) == pytest.approx(2.0, abs=0.15)
    assert effect(InversePropensity().fit(X, treated).weights_) < 1.4


def test_raking_when_a_row_of_weight_0_alone_holds_a_category_then_it_is_as_if_it_were_not_there():
    table, target = (
        pd.DataFrame({"town": towns}) for towns in (["Ulm", "Ulm", "Bern", "Rome"], ["Ulm", "Bern", "Oslo"])
    )
    design = {"design_weight": np.array([1.0, 3.0, 4.0, 0.0]), "design_weight_target": np.array([1.0, 1.0, 0.0])}
    found = Raking().fit(table, target, **design)
    np.testing.assert_allclose(found.weights_, [0.5, 1.5, 2.0, 0.0])
    np.testing.assert_allclose(found.weigh(table, design["design_weight"]), found.weights_)
    with pytest.raises(
        OverlapError, match=r"town has 1 categories without a training row, in 2 of the 4 that the target"
    ):
        Raking().fit(table, target, design["design_weight"], np.array([1.0, 1.0, 2.0]))


def test_arm_balancing_when_its_weigher_takes_no_design_weights_then_asks_for_none_and_refuses_them():
    given = world()
    method = ArmBalancing(weigher="kernel_balancing")
    assert "design_weight" not in method.needs()
    assert "design_weight" in ArmBalancing().needs()
    assert "design_weight" in ArmBalancing.needs()
    with pytest.raises(ParameterError, match="'weigher' is kernel_balancing, which takes no design weights"):
        method.fit(given["X"], given["treatment"], given["design_weight"])
    with pytest.raises(DataError, match=r"rows of treatment 1 have the design weight 0"):
        ArmBalancing().fit(given["X"], given["treatment"], 1.0 * (given["treatment"] == 0))


@pytest.mark.parametrize("calibration", ["none", "sigmoid"])
def test_density_ratio_when_halves_are_sampled_rarely_then_design_weights_make_it_the_populations(calibration):
    """The target's population is moved by 0.7, and either sample leaves out most of the rows that the other has."""
    rng = np.random.default_rng(0)
    x, x_target = rng.normal(size=8000), rng.normal(0.7, 1.0, size=8000)
    chance, chance_target = np.where(x > 0, 0.9, 0.15), np.where(x_target > 1, 0.2, 0.8)
    kept, kept_target = rng.random(8000) < chance, rng.random(8000) < chance_target
    x, x_target, design = x[kept], x_target[kept_target], 1 / chance[kept]
    told = {"design_weight": design, "design_weight_target": 1 / chance_target[kept_target]}
    method = DensityRatioClassifier(calibration=calibration)
    found = method.fit(x[:, None], x_target[:, None], **told).weights_
    true = design * np.exp(0.7 * x)
    assert np.corrcoef(found, true)[0, 1] > 0.99
    assert np.average(x, weights=found) == pytest.approx(0.7, abs=0.05)
    again = method.weigh(x[:, None], design)
    assert np.corrcoef(again, found)[0, 1] > 0.99
    assert np.average(x, weights=method.fit(x[:, None], x_target[:, None]).weights_) < 0.4, "what the weights are for"


def test_density_ratio_when_design_weights_are_equal_or_of_another_scale_then_as_without_or_the_same():
    given = world()
    method, X, X_target = DensityRatioClassifier(), given["X"], given["X_target"]
    without = method.fit(X, X_target).weights_
    equal = method.fit(X, X_target, design_weight=np.full(N, 7.0), design_weight_target=np.full(M, 0.1)).weights_
    np.testing.assert_allclose(equal, without, rtol=1e-4)
    design = {"design_weight": given["design_weight"], "design_weight_target": given["design_weight_target"]}
    weights = method.fit(X, X_target, **design).weights_
    assert (weights[given["design_weight"] == 0] == 0).all()
    scaled = {"design_weight": 1e150 * given["design_weight"], "design_weight_target": given["design_weight_target"]}
    np.testing.assert_allclose(method.fit(X, X_target, **scaled).weights_, weights, rtol=1e-6)
    with pytest.raises(ParameterError, match="KNeighborsClassifier takes no sample_weight"):
        DensityRatioClassifier("sklearn.neighbors.KNeighborsClassifier").fit(X, X_target, **design)
    with pytest.raises(DataError, match=r"design_weight: all .* outside one fold have the weight 0"):
        method.fit(X, X_target, design_weight=1.0 * (np.arange(N) == 0))
