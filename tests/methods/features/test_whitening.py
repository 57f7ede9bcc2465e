"""Whitening by frequency: what the whitened rows are, which directions are left out, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from ballast.errors import DataError, ParameterError
from ballast.methods.features.frequency_whitening import FrequencyWhitening


def sample(n: int = 300, d: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gives correlated rows far from 0, and how often each occurs by Zipf's law."""
    rng = np.random.default_rng(seed)
    X = rng.standard_t(5, size=(n, d)) @ rng.normal(size=(d, d)) + 3
    return X, 1 / (1 + rng.permutation(n))


def moments(Z: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives the weighted mean, and the weighted products of the columns."""
    p = (weights / weights.sum()).astype(np.float64)
    return p @ Z, Z.T @ (p[:, None] * Z)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_rows_when_whitened_then_of_mean_0_and_covariance_1_by_their_weights(exponent):
    X, often = sample()
    Z = FrequencyWhitening(exponent).fit_transform(X, sample_weight=often)
    mean, covariance = moments(Z, often**exponent)
    np.testing.assert_allclose(mean, 0, atol=1e-9)
    np.testing.assert_allclose(covariance, np.eye(4), atol=1e-9)


def test_rows_when_without_weights_then_as_far_apart_as_whitened_principal_components():
    X, often = sample()
    usual = PCA(whiten=True).fit_transform(X)
    usual *= np.sqrt(300 / 299)  # which divide by n - 1
    for Z in (FrequencyWhitening().fit_transform(X), FrequencyWhitening(0.0).fit_transform(X, sample_weight=often)):
        np.testing.assert_allclose(Z @ Z.T, usual @ usual.T, atol=1e-8)


def test_weights_when_importance_weights_then_the_target_is_white():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40_000, 2))
    moved = np.array([0.5, -0.3])
    found = FrequencyWhitening().fit(X, np.exp(X @ moved))
    np.testing.assert_allclose(found.mean_, moved, atol=0.03)
    mean, covariance = moments(found.transform(rng.normal(size=(40_000, 2)) + moved), np.ones(40_000))
    np.testing.assert_allclose(mean, 0, atol=0.05)
    np.testing.assert_allclose(covariance, np.eye(2), atol=0.05)


def test_row_when_of_weight_0_then_has_no_part_whatever_the_exponent():
    X, often = sample()
    often[:20] = 0
    for exponent in (0.0, 1.0):
        whole = FrequencyWhitening(exponent).fit(X, often)
        part = FrequencyWhitening(exponent).fit(X[20:], often[20:])
        np.testing.assert_allclose(whole.transform(X), part.transform(X), atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_directions_when_columns_depend_on_each_other_then_left_out(dtype):
    X, often = sample()
    X = np.column_stack([X, X[:, 0] + X[:, 1] / 3, np.full(300, 0.1), X[:, 2] * 7]).astype(dtype)
    found = FrequencyWhitening().fit(X, often)
    Z = found.transform(X)
    assert Z.shape == (300, 4)
    assert list(found.get_feature_names_out()) == [f"frequency_whitening_{j}" for j in range(4)]
    np.testing.assert_allclose(moments(Z, often)[1], np.eye(4), atol=1e-4)


def test_columns_when_in_other_units_then_rows_come_out_the_same():
    X, often = sample()
    units = np.array([1e-6, 1e9, 1.0, 1e3])
    other = FrequencyWhitening().fit_transform(X * units, sample_weight=often)
    np.testing.assert_allclose(other, FrequencyWhitening().fit_transform(X, sample_weight=often), atol=1e-8)


def test_rows_when_float32_then_kept_and_near_float64():
    X, often = sample()
    wide = FrequencyWhitening().fit_transform(X, sample_weight=often)
    narrow = FrequencyWhitening().fit_transform(X.astype(np.float32), sample_weight=often.astype(np.float32))
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, wide, atol=1e-3)


def test_rows_when_in_several_blocks_then_as_in_one(monkeypatch):
    X, often = sample(2000)
    whole = FrequencyWhitening().fit_transform(X, sample_weight=often)
    monkeypatch.setattr("ballast.methods.features.frequency_whitening.BLOCK_BYTES", 1)
    np.testing.assert_allclose(FrequencyWhitening().fit_transform(X, sample_weight=often), whole, atol=1e-8)


@pytest.mark.parametrize("n", [1, 5])
def test_rows_when_they_do_not_differ_then_refused(n):
    same = rf"frequency_whitening: X does not vary in any of 3 columns over {n} rows? with a weight"
    with pytest.raises(DataError, match=same):
        FrequencyWhitening().fit(np.full((n, 3), 0.1))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_rows_when_too_large_to_square_then_refused():
    X, often = sample()
    with pytest.raises(DataError, match=r"frequency_whitening: X has values up to .* in 300 rows, too large to square"):
        FrequencyWhitening().fit(X * 1e200, often)


def test_rows_when_only_one_has_a_weight_then_refused():
    X, often = sample()
    with pytest.raises(DataError, match=r"X does not vary in any of 4 columns over 1 row with a weight"):
        FrequencyWhitening().fit(X, 1.0 * (often == often.max()))


def test_exponent_when_below_0_then_refused():
    X, often = sample()
    with pytest.raises(ParameterError, match="'exponent' must be a number >= 0, got -1"):
        FrequencyWhitening(-1.0).fit(X, often)


def test_columns_when_named_then_others_are_refused():
    X, often = sample()
    named: Any = pd.DataFrame(X, columns=list("abcd"))
    found = FrequencyWhitening().fit(named, often)
    with pytest.raises(DataError, match="X does not have the columns it was fitted on: a, b, c, d"):
        found.transform(named.rename(columns={"d": "e"}))
