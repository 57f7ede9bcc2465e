"""Weighers for targets and pools that overlap in part: double weighting and mixture proportions."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import DataError, OverlapError
from ballast.methods.weights import DoubleWeighting, MixtureProportion
from ballast.methods.weights.ratio.double_weighting import _near_one
from tests.claims.worlds.gaussian_shifts import moved, squared_error


class TestDoubleWeighting:
    @pytest.mark.parametrize("d", [1, 2])
    def test_weights_when_a_gaussian_moves_then_nearer_to_the_ratio_than_their_inverse(self, d):
        X, X_target, ratio = moved(d, 0)
        weights = DoubleWeighting().fit(X, X_target).weights_
        wanted = np.corrcoef(weights, ratio)[0, 1]
        assert wanted > 0.25
        assert squared_error(1 / np.maximum(weights, 0.1), ratio) > 1
        assert weights.mean() == pytest.approx(1)

    def test_target_rows_when_beyond_the_training_rows_then_given_up_within_the_budget(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(300, 1))
        X_target = np.concatenate([rng.normal(size=(200, 1)), rng.normal(size=(100, 1)) + 8])
        found = DoubleWeighting().fit(X, X_target)
        assert found.target_weights_[200:].mean() < 0.5 * found.target_weights_[:200].mean()
        for leniency in (1.0, 4.0):
            given = DoubleWeighting(leniency=leniency).fit(X, X_target).target_weights_
            budget = (1 - 1 / np.sqrt(leniency)) * np.sqrt(300)
            assert np.linalg.norm(1 - given) <= budget + 1e-6

    def test_leniency_when_greater_then_the_effective_sample_size_too(self):
        X, X_target, _ = moved(2, 0)
        sizes = [
            effective_sample_size(DoubleWeighting(leniency=leniency).fit(X, X_target + 1).weights_)
            for leniency in (1.0, 9.0, 100.0)
        ]
        assert sizes == sorted(sizes)

    @pytest.mark.parametrize("leniency", [1.0, 25.0])
    def test_target_when_beyond_all_training_rows_then_refused(self, leniency):
        X, X_target, _ = moved(2, 0)
        with pytest.raises(OverlapError, match=r"double_weighting: the target's \d+ rows lie beyond the \d+ training"):
            DoubleWeighting(leniency=leniency).fit(X, X_target + 20)

    def test_near_one_when_projected_then_no_feasible_point_is_nearer(self):
        rng = np.random.default_rng(0)
        values = rng.normal(size=6)
        found = _near_one(values, 1.0)
        assert np.linalg.norm(1 - found) <= 1 + 1e-9
        for _ in range(2000):
            other = 1 - np.abs(rng.normal(size=6))
            other = 1 - (1 - other.clip(0, 1)) * min(1.0, rng.random() / np.linalg.norm(1 - other.clip(0, 1)))
            assert np.linalg.norm(values - found) <= np.linalg.norm(values - other) + 1e-9


class TestMixtureProportion:
    def test_share_when_the_rest_lies_apart_then_near_it_and_weights_tell_the_rows(self):
        rng = np.random.default_rng(0)
        component = rng.random(4000) < 0.3
        X = np.where(component, 0.0, 4.0)[:, None] + rng.normal(size=(4000, 1))
        found = MixtureProportion().fit(X, rng.normal(size=(2000, 1)))
        assert found.share_ == found.irreducible_share_ == pytest.approx(0.3, abs=0.04)
        assert np.corrcoef(found.weights_, component)[0, 1] > 0.85
        np.testing.assert_allclose(found.weigh(X), found.weights_, atol=0.2)

    def test_share_when_the_pool_is_the_component_then_all_of_it(self):
        rng = np.random.default_rng(0)
        found = MixtureProportion().fit(rng.normal(size=(2000, 1)), rng.normal(size=(2000, 1)))
        assert found.share_ > 0.85
        assert effective_sample_size(found.weights_) > 1800

    def test_bound_when_of_one_column_then_refused(self):
        X = np.arange(20.0)[:, None]
        with pytest.raises(DataError, match="probs has 1 column for 20 rows; its last of at least two"):
            MixtureProportion().fit(X, X, probs=np.ones((20, 1)))
