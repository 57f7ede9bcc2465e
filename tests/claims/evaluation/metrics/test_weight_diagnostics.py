"""Diagnostics of weights whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pareto

from ballast.methods.evaluation import WeightDiagnostics
from ballast.methods.evaluation.metrics.weight_diagnostics import pareto_tail_index

pytestmark = pytest.mark.claim


def test_diagnostics_when_the_weights_are_exact_density_ratios_then_they_report_balance_and_the_analytic_size(claim):
    before, after, shares = [], [], []
    d, shift, n = 4, 0.5, 4000
    for seed in claim.seeds(20):
        rng = np.random.default_rng(seed)
        X, X_target = rng.normal(size=(n, d)), rng.normal(shift, 1, size=(n, d))
        exact = np.exp(shift * X.sum(axis=1) - d * shift**2 / 2)
        report = WeightDiagnostics().assess({"exact": exact}, X, X_target, true_weight=exact)
        before.append(report.value("mean_standardized_mean_difference_before"))
        after.append(report.value("mean_standardized_mean_difference_after"))
        shares.append(report.value("effective_share"))
    analytic = np.exp(-d * shift**2)  # 1 / E[w^2] of these normals
    claim.record(before=before, after=after, effective_share=shares, analytic_share=analytic)
    assert np.mean(before) == pytest.approx(shift, abs=0.01)
    assert np.mean(after) < 0.05
    assert np.mean(shares) == pytest.approx(analytic, rel=0.1)


def test_tail_index_when_weights_are_heavy_tailed_then_it_tells_reliable_averages_from_unreliable(claim):
    errors, indices = {}, {}
    for shape in (0.3, 0.9):
        draws = [pareto.rvs(1 / shape, size=2000, random_state=seed) for seed in claim.seeds(100)]
        indices[shape] = np.array([pareto_tail_index(w) for w in draws])
        truth = 1 / (1 - shape)
        errors[shape] = np.sqrt(np.mean([(w.mean() / truth - 1) ** 2 for w in draws]))
    claim.record(
        index_of_light=indices[0.3],
        index_of_heavy=indices[0.9],
        light_reliable=indices[0.3] < 0.7,
        heavy_unreliable=indices[0.9] > 0.7,
    )
    assert (indices[0.3] < 0.7).mean() > 0.95
    assert (indices[0.9] > 0.7).mean() > 0.75
    assert errors[0.9] > 10 * errors[0.3]
