"""The summary of weights: what they are worth, what is cut, and the balance of the columns by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

import ballast
from ballast.compute.effective_sample_size import effective_sample_size
from ballast.methods.evaluation import WeightDiagnostics
from tests.methods.tiny_methods import Given

rng = np.random.default_rng(0)
TRAIN = pd.DataFrame(rng.normal(size=(200, 3)), columns=["age", "income", "height"])
TARGET = TRAIN.sample(150, random_state=0, weights=np.exp(TRAIN["income"])).reset_index(drop=True)


@pytest.fixture
def weigher():
    return ballast.method("entropy_balancing").fit(TRAIN, TARGET)


def test_summary_when_fitted_on_frames_then_has_the_figures_of_the_weights_and_the_balance_by_name(weigher):
    found, n = weigher.summary(), len(TRAIN)
    size = effective_sample_size(weigher.weights_)
    assert (found.rows, found.effective_sample_size, found.effective_share) == (n, size, size / n)
    assert found.maximum_weight == weigher.weights_.max()
    judged = WeightDiagnostics().assess(weigher.weights_, TRAIN, TARGET)
    for name in TRAIN:
        for when in ("before", "after"):
            wanted = judged.value(f"standardized_mean_difference_{when}", slice=name)
            assert found.balance.loc[name, when] == pytest.approx(wanted, abs=1e-7)
    assert found.balance.index[0] == "income"
    assert found.balance.max(axis=1).is_monotonic_decreasing


def test_summary_when_fitted_on_arrays_then_columns_are_numbered():
    found = ballast.method("entropy_balancing").fit(TRAIN.to_numpy(), TARGET.to_numpy()).summary()
    assert sorted(found.balance.index) == ["x0", "x1", "x2"]


def test_summary_when_a_bound_cuts_then_says_how_many_and_else_that_there_is_none(weigher):
    cut = ballast.method("density_ratio_classifier", max_ratio=1.0).fit(TRAIN, TARGET)
    assert cut.summary().share_at_bound == cut.share_at_bound_ > 0
    assert weigher.summary().share_at_bound is None


def test_summary_when_there_is_no_target_then_has_no_balance_and_its_plot_says_so():
    found = Given().fit(TRAIN.abs()).summary()
    assert found.balance is None
    assert found.rows == len(TRAIN)
    with pytest.raises(ValueError, match="given: no balance of columns is known to draw; fit it on X and X_target"):
        found.plot()


def test_summary_when_arms_are_weighed_then_balance_is_between_them():
    treated = TRAIN["age"] + rng.normal(size=len(TRAIN)) > 0
    balance = ballast.method("arm_balancing").fit(TRAIN, treated).summary().balance
    assert balance.loc["age", "before"] > 0.5 > balance.loc["age", "after"]


def test_summary_when_numbers_are_too_large_for_squares_then_balance_is_not_known_and_nothing_warns():
    huge = np.array([[1e200], [2e200], [3e200]])
    with np.errstate(all="raise"):
        assert Given(1e-200).fit(huge, huge[1:]).summary().balance is None


def test_summary_when_fitted_again_without_a_target_then_the_earlier_balance_is_gone():
    weigher = Given().fit(TRAIN.abs(), TARGET)
    assert weigher.summary().balance is not None
    assert weigher.fit(TRAIN.abs()).summary().balance is None


def test_summary_when_there_are_no_weights_then_says_what_to_call():
    with pytest.raises(NotFittedError, match=r"kliep has no weights of training rows to sum up; call fit first$"):
        ballast.method("kliep").summary()
    streamed = ballast.method("bucketed_ratio").fit(TRAIN, TARGET)
    streamed.partial_fit(TRAIN, TARGET).finalize()
    with pytest.raises(NotFittedError, match=r"call fit first \(batches leave none behind\)"):
        streamed.summary()


def test_weigher_when_fitted_then_keeps_no_rows_for_its_summary(weigher):
    shapes = [np.shape(value) for value in vars(weigher).values()]
    assert weigher.standardized_differences_.shape == (2, 3)
    assert not {TRAIN.shape, TARGET.shape} & set(shapes)
