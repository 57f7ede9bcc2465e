"""Telescoping: known ratios, how many bridges it takes, and refusals."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from ballast.errors import DataError
from ballast.methods.weights import TelescopingRatio
from tests.claims.worlds.gaussian_shifts import moved, squared_error


@pytest.mark.parametrize("d", [1, 2, 10])
def test_weights_when_a_gaussian_moves_then_near_the_ratio_and_not_its_inverse(d):
    X, X_target, ratio = moved(d, 0, n=3000)
    found = TelescopingRatio().fit(X, X_target)
    assert found.n_bridges_ == 1
    assert squared_error(found.weights_, ratio) < 0.25
    assert squared_error(1 / found.weights_, ratio) > 1
    assert found.divergence_ == pytest.approx(0.5, abs=0.1)
    np.testing.assert_allclose(found.weigh(X), found.weights_, rtol=1e-6)


def test_bridges_when_samples_are_far_apart_then_as_many_as_it_takes_and_a_warning(caplog):
    X, X_target, _ = moved(2, 0)
    with caplog.at_level(logging.WARNING):
        found = TelescopingRatio().fit(X, X_target + 3)
    assert found.n_bridges_ == len(found.areas_) >= 8
    assert found.areas_.max() < 0.9
    assert "do not train on these weights" in caplog.text


def test_columns_when_many_then_their_squares_alone():
    X, X_target, ratio = moved(40, 0, n=3000)
    assert squared_error(TelescopingRatio().fit(X, X_target).weights_, ratio) < 0.6


def test_rows_when_too_few_then_refused():
    with pytest.raises(DataError, match=r"X has 9 rows and X_target 20; at least 10"):
        TelescopingRatio().fit(np.arange(9.0)[:, None], np.arange(20.0)[:, None])
