"""Mahalanobis on a network's first hidden layer against the maximum softmax probability, for foreign digits."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.out_of_distribution import Mahalanobis, MaximumSoftmaxProbability
from tests.claims.worlds.foreign_digits import SEEDS, Draw, draw, interval

pytestmark = pytest.mark.claim


def softmax_score(d: Draw) -> float:
    probs = d.network.predict_proba(d.judged)
    return d.auroc(MaximumSoftmaxProbability().fit(probs).score_samples(probs))


def first_layer(d: Draw) -> float:
    scorer = Mahalanobis(shrinkage=0.1).fit(d.network.embed(d.X, 0), d.y)
    return d.auroc(scorer.score_samples(d.network.embed(d.judged, 0)))


def pixels(d: Draw) -> float:
    return d.auroc(Mahalanobis(shrinkage=0.1).fit(d.X, d.y).score_samples(d.judged))


def test_mahalanobis_when_labels_are_right_then_it_beats_the_softmax(claim):
    found = np.array([(first_layer(draw(s)), softmax_score(draw(s))) for s in claim.seeds(SEEDS)])
    gain = found[:, 0] - found[:, 1]
    claim.record(gain=gain, auroc=found[:, 0], auroc_of_softmax=found[:, 1])
    assert interval(gain)[0] > 0.01
    assert np.mean(gain) > 0.03


def test_mahalanobis_when_labels_are_noisy_then_it_beats_the_softmax_by_far(claim):
    gain = [first_layer(draw(s, 0.3)) - softmax_score(draw(s, 0.3)) for s in claim.seeds(SEEDS)]
    claim.record(noisy_gain=gain)
    assert interval(gain)[0] > 0.15


def test_mahalanobis_when_on_raw_pixels_then_it_is_as_good_as_on_the_network(claim):
    gain = [first_layer(draw(s)) - pixels(draw(s)) for s in claim.seeds(SEEDS)]
    claim.record(gain_over_pixels=gain)
    assert abs(np.mean(gain)) < 0.02
