"""Group DRO's weights on a rule that a minority breaks."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ballast.methods.weights import GroupDRO

pytestmark = pytest.mark.claim


def run(seed: int) -> list[tuple[float, float]]:
    """Gives the accuracy of the worse group and the mean of both: without weights, with equal shares, and with ours."""
    rng = np.random.default_rng(seed)

    def draw(n: int, agree: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        y, agrees = rng.integers(2, size=n), rng.random(n) < agree
        spurious = np.where(agrees, y, 1 - y)
        columns = [2 * y - 1 + 2 * rng.normal(size=n), 2 * spurious - 1 + 0.5 * rng.normal(size=n)]
        return np.column_stack([*columns, rng.normal(size=(n, 3))]), y, np.where(agrees, "keeps", "breaks")

    X, y, groups = draw(3000, 0.95)
    X_test, y_test, groups_test = draw(4000, 0.5)

    def judged(weights: np.ndarray | None) -> tuple[float, float]:
        right = LogisticRegression().fit(X, y, sample_weight=weights).predict(X_test) == y_test
        found = [float(right[groups_test == g].mean()) for g in ("keeps", "breaks")]
        return min(found), float(np.mean(found))

    equal = 1 / np.where(groups == "keeps", np.sum(groups == "keeps"), np.sum(groups == "breaks"))
    return [judged(None), judged(len(y) / 2 * equal), judged(GroupDRO().fit(X, y, groups=groups).weights_)]


def test_worst_group_when_weighed_then_far_more_accurate_on_every_seed(claim):
    (plain, equal, robust), (mean_plain, _, mean) = np.transpose([run(seed) for seed in claim.seeds(10)])
    assert (robust > plain + 0.2).all()
    claim.record(worst=robust, worst_plain=plain, worst_equal=equal, mean=mean, mean_plain=mean_plain)
    assert robust.mean() > 0.6
