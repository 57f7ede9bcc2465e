"""How weights move with the rows that they were fitted to, against fits without one row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from ballast.errors import DataError
from ballast.methods.weights import (
    ArmBalancing,
    CovariateBalancingPropensity,
    EntropyBalancing,
    InversePropensity,
    KernelBalancing,
    Raking,
)

RNG = np.random.default_rng(0)
N, M = 400, 300
X, X_TARGET = RNG.standard_normal((N, 2)), RNG.standard_normal((M, 2)) + 0.5
ARMS = (RNG.random(N) < expit(X @ [0.7, -0.4])).astype(int)
THREE = np.where(RNG.random(N) < 0.3, 2, ARMS)
ESTIMANDS = [InversePropensity(estimand=e, clip=0) for e in ("ate", "att", "atc", "overlap")]
BALANCED = [CovariateBalancingPropensity(estimand=e) for e in ("ate", "att", "atc")]
OF_ARMS = [
    *[(weigher, ARMS) for weigher in (*ESTIMANDS, *BALANCED)],
    *[(ArmBalancing(estimand=e), ARMS) for e in ("ate", "att", "atc")],
    (InversePropensity(clip=0), THREE),
    (InversePropensity(estimand="overlap"), THREE),
    (InversePropensity(stabilized=True, clip=0), THREE),
]
TO_TARGET = [
    CovariateBalancingPropensity(),
    CovariateBalancingPropensity(ridge=0.05),
    EntropyBalancing(),
    EntropyBalancing(moments=2),
    EntropyBalancing(ridge=0.05),
]


def table(rows: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"a": np.round(rows[:, 0]).clip(-1, 2).astype(int), "b": rows[:, 1] > 0.3})


@pytest.mark.parametrize("row", [3, 100])
@pytest.mark.parametrize(("weigher", "arms"), OF_ARMS)
def test_weights_of_arms_when_a_row_is_left_out_then_moved_by_its_influence(weigher, arms, row):
    whole = weigher.fit(X, treatment=arms)
    before, found = whole.weights_, whole.influence(X=X, treatment=arms)
    kept = np.arange(N) != row
    after = weigher.fit(X[kept], treatment=arms[kept]).weights_
    told = before[kept] - found.gradient[kept] @ found.influence[row]
    for arm in np.unique(arms):  # an arm's mean does not know the scale of its weights
        own = arms[kept] == arm
        scaled, expected, old = (w / w.mean() for w in (after[own], told[own], before[kept][own]))
        np.testing.assert_allclose(expected - old, scaled - old, atol=0.15 * np.abs(scaled - old).max() + 1e-6)


@pytest.mark.parametrize("side", ["sample", "target"])
@pytest.mark.parametrize("weigher", [*TO_TARGET, Raking(), Raking(joint=True)])
def test_weights_to_a_target_when_a_row_is_left_out_then_moved_by_its_influence(weigher, side):
    given = [table(X), table(X_TARGET)] if weigher.name == "raking" else [X, X_TARGET]
    whole = weigher.fit(*given)
    before, found = whole.weights_, whole.influence(*given)
    kept, kept_target = np.ones(N, dtype=bool), np.ones(M, dtype=bool)
    (kept if side == "sample" else kept_target)[7] = False
    after = weigher.fit(given[0][kept], given[1][kept_target]).weights_
    added = (found.influence if side == "sample" else found.influence_target)[7]
    told = before[kept] - found.gradient[kept] @ added
    old = before[kept]
    scaled, expected = after / after.mean(), told / told.mean()
    np.testing.assert_allclose(expected - old, scaled - old, atol=0.15 * np.abs(scaled - old).max() + 1e-6)


@pytest.mark.parametrize("weigher", TO_TARGET)
def test_influence_when_of_both_samples_then_uncorrelated_and_of_standard_error_one(weigher):
    found = weigher.fit(X, X_TARGET).influence(X, X_TARGET)
    both = np.concatenate([found.influence, found.influence_target])
    np.testing.assert_allclose(both.T @ both, np.eye(both.shape[1]), atol=1e-8)


@pytest.mark.parametrize("weigher", [InversePropensity(), ArmBalancing(), CovariateBalancingPropensity(estimand="ate")])
def test_influence_when_columns_repeat_or_are_constant_then_as_without_them(weigher):
    wide = np.column_stack([X, X[:, 0], np.ones(N)])
    moves = []
    for rows in (X, wide):
        found = weigher.fit(rows, treatment=ARMS).influence(X=rows, treatment=ARMS)
        moves.append(found.gradient @ found.influence.T)
    np.testing.assert_allclose(moves[1], moves[0], atol=1e-4 * np.abs(moves[0]).max())


def test_influence_when_a_weigher_cannot_tell_it_then_that_is_known_before():
    from sklearn.ensemble import RandomForestClassifier

    assert InversePropensity().has_influence
    assert not InversePropensity(n_folds=5).has_influence
    assert not InversePropensity(classifier=RandomForestClassifier()).has_influence
    assert ArmBalancing("entropy_balancing").has_influence
    assert not ArmBalancing(KernelBalancing()).has_influence


def test_influence_when_rows_are_of_other_arms_or_columns_then_refused():
    weigher = InversePropensity().fit(X, ARMS)
    with pytest.raises(DataError, match="treatment"):
        weigher.influence(X, ARMS + 5)
    with pytest.raises(DataError, match="X has 1 column but inverse_propensity was fitted on 2"):
        weigher.influence(X[:, :1], ARMS)


DESIGN, DESIGN_TARGET = RNG.uniform(0.2, 3.0, N), RNG.uniform(0.2, 3.0, M)


@pytest.mark.parametrize("side", ["sample", "target"])
@pytest.mark.parametrize(
    "weigher", [CovariateBalancingPropensity(), EntropyBalancing(), Raking()], ids=lambda w: w.name
)
def test_weights_to_a_target_when_rows_have_design_weights_then_moved_by_their_influence(weigher, side):
    given = [table(X), table(X_TARGET)] if weigher.name == "raking" else [X, X_TARGET]
    design = {"design_weight": DESIGN, "design_weight_target": DESIGN_TARGET}
    whole = weigher.fit(*given, **design)
    before, found = whole.weights_, whole.influence(*given, **design)
    kept, kept_target = np.ones(N, dtype=bool), np.ones(M, dtype=bool)
    (kept if side == "sample" else kept_target)[7] = False
    left = {"design_weight": DESIGN[kept], "design_weight_target": DESIGN_TARGET[kept_target]}
    after = weigher.fit(given[0][kept], given[1][kept_target], **left).weights_
    added = (found.influence if side == "sample" else found.influence_target)[7]
    told = before[kept] - found.gradient[kept] @ added
    scaled, expected, old = after / after.mean(), told / told.mean(), before[kept] / before[kept].mean()
    np.testing.assert_allclose(expected - old, scaled - old, atol=0.15 * np.abs(scaled - old).max() + 1e-6)


@pytest.mark.parametrize("weigher", [*ESTIMANDS, *BALANCED], ids=lambda w: f"{w.name}, {w.estimand}")
def test_weights_of_arms_when_rows_have_design_weights_then_moved_by_their_influence(weigher):
    whole = weigher.fit(X, treatment=ARMS, design_weight=DESIGN)
    before, found = whole.weights_, whole.influence(X=X, treatment=ARMS, design_weight=DESIGN)
    kept = np.arange(N) != 7
    after = weigher.fit(X[kept], treatment=ARMS[kept], design_weight=DESIGN[kept]).weights_
    told = before[kept] - found.gradient[kept] @ found.influence[7]
    for arm in (0, 1):
        own = ARMS[kept] == arm
        scaled, expected, old = (w / w.mean() for w in (after[own], told[own], before[kept][own]))
        np.testing.assert_allclose(expected - old, scaled - old, atol=0.15 * np.abs(scaled - old).max() + 1e-6)
