"""Novelty from probabilities and from logits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from ballast.errors import DataError
from ballast.methods.out_of_distribution import EnergyScore, MaximumSoftmaxProbability

LOGITS = 3 * np.random.default_rng(0).normal(size=(500, 4))


def test_maximum_softmax_probability_when_scoring_then_it_is_one_less_the_largest():
    probs = np.array([[0.5, 0.3, 0.2], [0.0, 1.0, 0.0], [0.25, 0.25, 0.5]])
    scorer = MaximumSoftmaxProbability().fit(probs)
    assert np.allclose(scorer.score_samples(probs), [0.5, 0, 0.5])


@pytest.mark.parametrize("kept", [0.95, 0.8])
def test_softmax_scores_when_flagging_then_the_share_kept_is_as_asked(kept):
    for scorer, given in (
        (MaximumSoftmaxProbability(kept=kept), softmax(LOGITS, axis=1)),
        (EnergyScore(kept=kept), LOGITS),
    ):
        assert scorer.fit(given).flag(scorer.score_samples(given)).mean() == pytest.approx(1 - kept, abs=0.003)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_energy_score_when_scoring_then_it_equals_the_formula(temperature):
    expected = -temperature * np.log(np.exp(LOGITS / temperature).sum(axis=1))
    assert np.allclose(EnergyScore(temperature=temperature).fit(LOGITS).score_samples(LOGITS), expected)


def test_energy_score_when_all_logits_shrink_then_novelty_rises():
    scorer = EnergyScore().fit(LOGITS)
    assert scorer.score_samples(np.full((1, 4), 1.0)) > scorer.score_samples(np.full((1, 4), 5.0))


def test_energy_score_when_logits_are_log_probabilities_then_data_error():
    with pytest.raises(DataError, match="500 rows of logits are log-probabilities"):
        EnergyScore().fit(log_softmax(LOGITS, axis=1))


def test_softmax_scores_when_given_float32_then_float32_comes_back():
    assert EnergyScore().fit(LOGITS.astype("f4")).score_samples(LOGITS.astype("f4")).dtype == np.float32
    probs = softmax(LOGITS, axis=1).astype("f4")
    assert MaximumSoftmaxProbability().fit(probs).score_samples(probs).dtype == np.float32
