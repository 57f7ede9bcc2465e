"""The test for shifted class shares on three Gaussian classes: its level, and its power by the size of the shift."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ballast.methods.shift import PriorShift

pytestmark = pytest.mark.claim

CENTRES = np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]])
EQUAL = [1 / 3] * 3


def rejections(shares: list[float], draws: range) -> list[bool]:
    """Gives in which draws 300 rows of equal shares and 300 of the given ones are told apart."""
    rng = np.random.default_rng(0)

    def draw(p: list[float], n: int = 300) -> tuple[np.ndarray, np.ndarray]:
        y = rng.choice(3, n, p=p)
        return CENTRES[y] + rng.normal(size=(n, 2)), y

    model = LogisticRegression().fit(*draw(EQUAL, 1000))
    return [PriorShift().test(*(model.predict_proba(draw(p)[0]) for p in (EQUAL, shares))).rejected for _ in draws]


def test_rejections_when_shares_are_the_same_then_at_the_level(claim):
    level = rejections(EQUAL, claim.seeds(200))
    claim.record(level=level)
    assert 0.005 < np.mean(level) < 0.05 + 0.03


def test_rejections_when_shares_have_shifted_then_nearly_always_and_seldomer_the_smaller_the_shift(claim):
    great, small = (rejections(shares, claim.seeds(200)) for shares in ([0.6, 0.3, 0.1], [0.5, 0.3, 0.2]))
    claim.record(power=great, power_of_small=small)
    assert np.mean(great) > 0.8
    assert np.mean(small) < np.mean(great) - 0.2
