"""DoReMi and Group DRO on four domains of which one has noisy labels."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.weights import DoReMi, GroupDRO

pytestmark = pytest.mark.claim


def run(seed: int) -> tuple[float, float, float]:
    """Gives the noisy domain's share by DoReMi, by Group DRO, and of the rows."""
    rng = np.random.default_rng(seed)
    sizes, noisy, base = rng.permutation([1800, 750, 300, 150]), rng.integers(4), rng.normal(size=8)
    groups = np.repeat(np.arange(4), sizes)
    X = rng.normal(size=(len(groups), 8))
    rules = base + 0.7 * rng.normal(size=(4, 8))
    y = ((X * rules[groups]).sum(axis=1) + 0.3 * rng.logistic(size=len(groups)) > 0).astype(int)
    flipped = (groups == noisy) & (rng.random(len(groups)) < 0.4)
    columns = np.hstack([X, np.eye(4)[groups]])
    found = [w.fit(columns, np.where(flipped, 1 - y, y), groups=groups) for w in (DoReMi(), GroupDRO(step_size=0.1))]
    return float(found[0].shares_[noisy]), float(found[1].shares_[noisy]), float(np.mean(groups == noisy))


def test_noisy_domain_when_weighed_then_chased_less_than_by_group_dro(claim):
    doremi, robust, rows = np.array([run(seed) for seed in claim.seeds(10)]).T
    claim.record(doremi=doremi, group_dro=robust, rows=rows)
    assert (robust > 0.7).all()
    assert (doremi < robust - 0.1).all()
