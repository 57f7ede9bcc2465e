"""EM for label shift: known shares found again, calibration, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from ballast.errors import DataError
from ballast.methods.weights import LabelShiftEM

SOURCE, TARGET = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.2, 0.7])
CENTERS = np.array([[0, 0], [1.5, 0], [0, 1.5]])


def draw(rng: np.random.Generator, shares: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gives the exact probabilities of the classes under the source's shares, and the labels, of n rows."""
    y = rng.choice(3, n, p=shares)
    X = CENTERS[y] + rng.standard_normal((n, 2))
    logits = X @ CENTERS.T - (CENTERS**2).sum(axis=1) / 2 + np.log(SOURCE)
    return softmax(logits, axis=1), y


@pytest.fixture
def pools() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    probs, y = draw(rng, SOURCE, 20_000)
    return probs, y, draw(rng, TARGET, 20_000)[0]


@pytest.mark.parametrize("calibration", ["bias_corrected", "temperature", "none"])
def test_shares_when_the_model_is_calibrated_then_found_again(pools, calibration):
    found = LabelShiftEM(calibration=calibration).fit(*pools)
    np.testing.assert_allclose(found.priors_, TARGET, atol=0.02)
    np.testing.assert_allclose(found.ratio_per_class_, TARGET / SOURCE, rtol=0.1)
    assert found.temperature_ == pytest.approx(1.0, abs=0.05)
    assert found.steps_ < 1000


def test_shares_when_the_model_is_overconfident_and_biased_then_found_by_calibration_alone(pools):
    def distorted(probs: np.ndarray) -> np.ndarray:
        return softmax(3 * np.log(probs) + [0.0, 1.0, -1.0], axis=1)

    probs, y, probs_target = pools

    def error(calibration: str) -> float:
        model = LabelShiftEM(calibration=calibration)  # pyright: ignore[reportArgumentType]
        return float(np.abs(model.fit(distorted(probs), y, distorted(probs_target)).priors_ - TARGET).sum())

    assert error("bias_corrected") < 0.04
    assert error("none") > 0.1
    found = LabelShiftEM().fit(distorted(probs), y, distorted(probs_target))
    assert found.temperature_ == pytest.approx(1 / 3, rel=0.05)


def test_shares_when_nothing_shifts_then_weights_of_one(pools):
    probs, y, _ = pools
    found = LabelShiftEM().fit(probs, y, draw(np.random.default_rng(1), SOURCE, 20_000)[0])
    np.testing.assert_allclose(found.weights_, 1.0, atol=0.1)


def test_probabilities_when_zero_or_one_then_finite(pools):
    probs, y, probs_target = pools
    hard, hard_target = (np.eye(3)[p.argmax(axis=1)] for p in (probs, probs_target))
    found = LabelShiftEM().fit(hard, y, hard_target)
    assert np.isfinite(found.weights_).all()
    np.testing.assert_allclose(found.priors_, TARGET, atol=0.15)  # votes tell less


def test_width_and_classes_when_they_do_not_fit_then_refused(pools):
    probs, y, probs_target = pools
    wider, wider_target = (np.pad(p, ((0, 0), (0, 1))) for p in (probs, probs_target))
    with pytest.raises(DataError, match=r"label_shift_em: probs has 4 columns but there are 3 classes"):
        LabelShiftEM().fit(wider, y, wider_target)
    with pytest.raises(DataError, match="no training row of class 2"):
        LabelShiftEM().fit(probs[y < 2], y[y < 2], probs_target, np.arange(3))
