"""The k-th neighbour's distance on a network's features against softmax and Mahalanobis, for foreign digits."""

from __future__ import annotations

import pytest

from ballast.methods.out_of_distribution import (
    EnergyScore,
    Mahalanobis,
    MaximumSoftmaxProbability,
    NearestNeighborDistance,
)
from tests.claims.worlds.foreign_digits import SEEDS, Draw, draw, interval

pytestmark = pytest.mark.claim


def neighbours(d: Draw) -> float:
    scorer = NearestNeighborDistance(normalize=True).fit(d.network.embed(d.X))
    return d.auroc(scorer.score_samples(d.network.embed(d.judged)))


def pixels(d: Draw) -> float:
    return d.auroc(NearestNeighborDistance(standardize=False).fit(d.X).score_samples(d.judged))


def mahalanobis(d: Draw) -> float:
    return d.auroc(Mahalanobis().fit(d.network.embed(d.X), d.y).score_samples(d.network.embed(d.judged)))


def softmax_score(d: Draw) -> float:
    probs = d.network.predict_proba(d.judged)
    return d.auroc(MaximumSoftmaxProbability().fit(probs).score_samples(probs))


def energy(d: Draw) -> float:
    logits = d.network.decision_function(d.judged)
    return d.auroc(EnergyScore().fit(logits).score_samples(logits))


@pytest.mark.parametrize("baseline", [softmax_score, energy])
def test_nearest_neighbor_distance_when_on_the_last_layer_then_it_beats_the_outputs(baseline, claim):
    gain = [neighbours(draw(s)) - baseline(draw(s)) for s in claim.seeds(SEEDS)]
    claim.record(**{f"gain_over_{baseline.__name__}": gain})
    assert interval(gain)[0] > 0.02


def test_nearest_neighbor_distance_when_on_the_last_layer_then_it_is_within_a_little_of_mahalanobis(claim):
    gain = [neighbours(draw(s)) - mahalanobis(draw(s)) for s in claim.seeds(SEEDS)]
    claim.record(gain_over_mahalanobis=gain)
    low, high = interval(gain)
    assert -0.02 < low < high < 0.04


def test_nearest_neighbor_distance_when_on_raw_pixels_then_it_is_better_still(claim):
    gain = [pixels(draw(s)) - neighbours(draw(s)) for s in claim.seeds(SEEDS)]
    claim.record(gain_of_pixels=gain, auroc=[neighbours(draw(s)) for s in claim.seeds(SEEDS)])
    assert interval(gain)[0] > 0.01
