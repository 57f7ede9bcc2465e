"""The energy against the maximum softmax probability, for foreign digits: the paper's gain does not show here."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.out_of_distribution import EnergyScore, MaximumSoftmaxProbability
from tests.claims.worlds.foreign_digits import SEEDS, Draw, draw, interval

pytestmark = pytest.mark.claim


def energy(d: Draw) -> np.ndarray:
    logits = d.network.decision_function(d.judged)
    return EnergyScore().fit(logits).score_samples(logits)


def softmax_score(d: Draw) -> np.ndarray:
    probs = d.network.predict_proba(d.judged)
    return MaximumSoftmaxProbability().fit(probs).score_samples(probs)


def test_energy_score_when_digits_are_foreign_then_it_beats_chance(claim):
    found = [draw(s).auroc(energy(draw(s))) for s in claim.seeds(SEEDS)]
    claim.record(auroc=found)
    assert interval(found)[0] > 0.8


def test_energy_score_when_labels_are_right_then_it_equals_the_softmax_within_a_little(claim):
    draws = [draw(s) for s in claim.seeds(SEEDS)]
    gain = [d.auroc(energy(d)) - d.auroc(softmax_score(d)) for d in draws]
    fewer = [d.false_positives(softmax_score(d)) - d.false_positives(energy(d)) for d in draws]
    claim.record(gain_over_softmax=gain, fewer_false_positives=fewer)
    assert -0.04 < interval(gain)[0] < interval(gain)[1] < 0.02
    assert -0.05 < interval(fewer)[0] < interval(fewer)[1] < 0.1


def test_energy_score_when_labels_are_noisy_then_the_softmax_is_better(claim):
    draws = [draw(s, 0.3) for s in claim.seeds(SEEDS)]
    loss = [d.auroc(softmax_score(d)) - d.auroc(energy(d)) for d in draws]
    claim.record(noisy_loss=loss)
    assert interval(loss)[0] > 0.01
