"""Area under the margin: its mean, the share it flags, and the paper's rule with threshold samples."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ballast.errors import DataError
from ballast.methods.labels import AreaUnderMargin
from ballast.methods.labels.area_under_margin import flag_by_threshold_samples
from ballast.methods.learners import TorchMLP

MARGINS = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)


def test_area_under_margin_when_scoring_then_it_is_the_mean_margin():
    scores = AreaUnderMargin().fit(MARGINS).score_samples(MARGINS)
    assert np.allclose(scores, MARGINS.mean(axis=1))
    assert scores.dtype == np.float32


def test_area_under_margin_when_no_rate_is_given_then_nothing_is_flagged():
    scorer = AreaUnderMargin(noise_rate=0.2).fit(MARGINS)
    scorer = scorer.set_params(noise_rate=None).fit(MARGINS)
    assert not hasattr(scorer, "threshold_")
    assert not scorer.flag(scorer.score_samples(MARGINS)).any()


@pytest.mark.parametrize(("rate", "n_flagged"), [(0.1, 5), (0.02, 1), (0.001, 0), (1.0, 50)])
def test_area_under_margin_when_a_rate_is_given_then_that_many_lowest_are_flagged(rate, n_flagged):
    scorer = AreaUnderMargin(noise_rate=rate).fit(MARGINS)
    scores = scorer.score_samples(MARGINS)
    flagged = scorer.flag(scores)
    assert flagged.sum() == n_flagged
    assert set(np.flatnonzero(flagged)) == set(np.argsort(scores)[:n_flagged])


def test_area_under_margin_when_scores_are_tied_at_the_cut_then_all_of_them_are_flagged_and_it_is_said(caplog):
    margins = np.array([0.0, 0, 0, 0, 1, 2, 3, 4, 5, 6])[:, None]
    scorer = AreaUnderMargin(noise_rate=0.3).fit(margins)
    assert np.flatnonzero(scorer.flag(scorer.score_samples(margins))).tolist() == [0, 1, 2, 3]
    assert "flags 4 of 10 rows where noise_rate=0.3 asks for 3" in caplog.text


def test_area_under_margin_when_no_scores_are_tied_then_nothing_is_said(caplog):
    AreaUnderMargin(noise_rate=0.3).fit(MARGINS)
    assert not caplog.text


def test_flag_by_threshold_samples_when_labels_are_flipped_then_it_finds_them_without_a_rate():
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wrong = rng.random(len(y)) < 0.1
    names = np.array(list("abcdefghij"))
    noisy = names[np.where(wrong, (y + rng.integers(1, 10, len(y))) % 10, y)]
    learner = TorchMLP(record_dynamics=True, optimizer="sgd", learning_rate=0.05, max_epochs=10)
    flagged = flag_by_threshold_samples(learner, X.astype(np.float32), noisy)
    assert (flagged & wrong).sum() / wrong.sum() > 0.9
    assert (flagged & wrong).sum() / flagged.sum() > 0.7
    assert not hasattr(learner, "dynamics_")


def test_flag_by_threshold_samples_when_classes_are_few_then_data_error_names_the_remedy():
    with pytest.raises(DataError, match=r"2 classes.*noise_rate"):
        flag_by_threshold_samples(TorchMLP(record_dynamics=True), np.eye(4), np.array([0, 1, 0, 1]))
