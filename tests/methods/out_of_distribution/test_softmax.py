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


def saturated():
    """Logits of known rows and of less sure ones, whose softmax in float32 is exactly 1 in every row."""
    rng = np.random.default_rng(10)
    sure = (rng.uniform(*ends, 200) for ends in ((40, 60), (20, 40)))
    return [np.column_stack([first, np.zeros((200, 2))]).astype(np.float32) for first in sure]


def test_maximum_softmax_probability_when_the_softmax_is_saturated_then_logits_keep_rows_apart(caplog):
    logits, logits_far = saturated()
    probs, probs_far = softmax(logits, axis=1), softmax(logits_far, axis=1)
    scorer = MaximumSoftmaxProbability().fit(probs, logits)
    scores, far = scorer.score_samples(probs, logits), scorer.score_samples(probs_far, logits_far)
    assert scores.max() < far.min()
    assert scorer.flag(far).all()
    assert np.allclose(np.log(far), np.log(2) - logits_far[:, 0].astype(float))  # two classes of exp(0) against one
    assert not caplog.text


def test_maximum_softmax_probability_when_given_saturated_probabilities_alone_then_the_ties_are_told(caplog):
    logits, logits_far = saturated()
    scorer = MaximumSoftmaxProbability().fit(softmax(logits, axis=1))
    assert "100 % of 200 known rows have the very score of the threshold" in caplog.text
    caplog.clear()
    assert not scorer.flag(scorer.score_samples(softmax(logits_far, axis=1))).any()
    assert "200 of 200 rows (100 %) have a probability of exactly 1" in caplog.text
    assert "give the model's logits" in caplog.text


def test_maximum_softmax_probability_when_logits_are_not_behind_the_probabilities_then_these_count():
    probs = softmax(LOGITS, axis=1)
    votes = MaximumSoftmaxProbability().fit(probs, 5 * LOGITS[:, ::-1])
    assert np.array_equal(votes.score_samples(probs, 5 * LOGITS[:, ::-1]), 1 - probs.max(axis=1))
    assert np.allclose(votes.score_samples(probs, LOGITS), 1 - probs.max(axis=1))


@pytest.mark.parametrize("kept", [0.95, 0.8])
def test_softmax_scores_when_flagging_then_the_share_kept_is_as_asked(kept):
    for scorer, given in (
        (MaximumSoftmaxProbability(kept=kept), softmax(LOGITS, axis=1)),
        (EnergyScore(kept=kept), LOGITS),
    ):
        assert scorer.fit(given).flag(scorer.score_samples(given)).mean() == pytest.approx(1 - kept, abs=0.003)


@pytest.mark.parametrize("n", [20, 25, 39, 100])
def test_softmax_scores_when_known_rows_are_few_then_no_more_new_ones_are_flagged_than_asked(n):
    flagged = np.zeros((2, 400))
    for seed in range(400):
        logits, new = 3 * np.random.default_rng(seed).normal(size=(2, n, 4))
        softmaxes = softmax(logits, axis=1), softmax(new, axis=1)
        for i, scorer, known, judged in (
            (0, MaximumSoftmaxProbability(), *softmaxes),
            (1, EnergyScore(), logits, new),
        ):
            flagged[i, seed] = scorer.fit(known).flag(scorer.score_samples(judged)).mean()
    expected = 1 - np.ceil((n + 1) * 0.95) / (n + 1)
    error = flagged.std(axis=1) / 20
    assert (np.abs(flagged.mean(axis=1) - expected) < 4 * error).all()
    assert expected < 0.05 + 1e-9


def test_softmax_scores_when_known_rows_are_too_few_for_the_share_then_none_is_flagged_and_it_is_said(caplog):
    for scorer, given in ((MaximumSoftmaxProbability(), softmax(LOGITS, axis=1)), (EnergyScore(), LOGITS)):
        scorer.fit(given[:18])
        assert not scorer.flag(scorer.score_samples(given)).any()
        assert f"{scorer.name}: 18 rows cannot tell which score 95 % of rows stay below" in caplog.text
        assert np.isfinite(scorer.fit(given[:19]).threshold_)


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


def test_energy_score_when_logits_are_float32_then_rows_that_differ_are_not_tied():
    others = np.linspace(-9, -8, 200, dtype="f4")  # what the second class adds to the first's logit of 1
    logits = np.column_stack([np.full(200, 1000.0, dtype="f4"), 990 + others])
    scores = EnergyScore().fit(logits).score_samples(logits)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, -1000 - np.log1p(np.exp(-10 + others.astype("f8"))), rtol=1e-15, atol=1e-12)
    assert len(np.unique(scores)) == 200


def test_maximum_softmax_probability_when_given_float32_probabilities_then_float32_comes_back():
    probs = softmax(LOGITS, axis=1).astype("f4")
    assert MaximumSoftmaxProbability().fit(probs).score_samples(probs).dtype == np.float32
