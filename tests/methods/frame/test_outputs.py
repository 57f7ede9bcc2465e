"""What a call gives back of a frame: numbers under its index; of arrays: arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ballast
from ballast.methods.frame.base import Scorer, Weigher
from tests.methods.tiny_methods import Distance, Everyone, Given, Ratio, X

FRAME = pd.DataFrame(X, columns=["a", "b"], index=list("uvwxyz"))


def test_scores_and_flags_when_rows_are_a_frame_then_series_under_its_index():
    scorer = Distance().fit(FRAME)
    scores = scorer.score_samples(FRAME)
    pd.testing.assert_series_equal(scores, pd.Series(scorer.score_samples(X), FRAME.index, name="score"))
    pd.testing.assert_series_equal(
        scorer.flag(scores), pd.Series(scorer.flag(scores.to_numpy()), FRAME.index, name="flagged")
    )


def test_flags_when_the_method_has_no_rule_then_none_under_the_same_index():
    scorer = Distance().fit(FRAME)
    del scorer.threshold_
    flags = scorer.flag(scorer.score_samples(FRAME))
    assert flags.index.equals(FRAME.index)
    assert not flags.any()


def test_weights_when_rows_are_a_frame_then_calls_keep_its_index_and_attributes_are_arrays():
    weigher = Given()
    weights = weigher.fit_weights(FRAME)
    assert type(weigher.weights_) is np.ndarray
    pd.testing.assert_series_equal(weights, pd.Series(weigher.weights_, FRAME.index, name="weight"))
    pd.testing.assert_series_equal(weigher.weigh(FRAME[:2]), weights[:2])


def test_weights_when_the_target_alone_is_a_frame_then_an_array():
    assert type(Ratio().fit_weights(X, X_target=FRAME)) is np.ndarray
    assert type(Ratio().fit(X, X).weigh(X)) is np.ndarray


def test_weights_when_a_series_of_weights_is_all_that_is_given_then_its_index_is_kept():
    given = pd.Series([1.0, 1.0, 10.0], index=[7, 8, 9])
    assert ballast.method("clip_weights", upper=2.0).fit_weights(given).index.tolist() == [7, 8, 9]


def test_rows_of_a_frame_when_resampled_then_a_frame_and_a_series_under_the_labels_of_their_sources():
    y = pd.Series([0, 1, 2, 3, 4, 5], FRAME.index, name="digit")
    sampler = Everyone()
    rows, labels = sampler.fit_resample(FRAME, y)
    pd.testing.assert_frame_equal(rows, FRAME.iloc[sampler.sample_indices_])
    pd.testing.assert_series_equal(labels, y.iloc[sampler.sample_indices_])


def test_features_when_pandas_output_is_set_then_a_frame_under_the_index():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 3)), index=range(100, 120))
    whitening = ballast.method("frequency_whitening")
    plain = whitening.fit_transform(frame)
    assert type(plain) is np.ndarray
    made = whitening.set_output(transform="pandas").transform(frame)
    assert made.index.equals(frame.index)
    assert list(made) == list(whitening.get_feature_names_out())
    np.testing.assert_array_equal(made, plain)


def test_call_on_another_method_when_a_frame_is_passed_on_then_it_gives_arrays():
    class Inner(Scorer):
        def fit(self, table):
            return self

        def score_samples(self, table):
            return np.arange(float(len(table)))

    class Outer(Weigher):
        def fit(self, table):
            self.scores = Inner().fit(table).score_samples(table)
            self.weights_ = self.scores
            return self

    assert type(Outer().fit(FRAME).scores) is np.ndarray


@pytest.mark.parametrize("shown", [Distance, Given])
def test_dir_of_a_method_when_asked_then_lists_what_is_for_users_alone(shown):
    method = shown().fit(FRAME)
    method._own = 1
    names = dir(method)
    assert {"fit", "plot", "get_params", "feature_names_in_"} <= set(names)
    assert not [name for name in names if name.startswith("_") and not name.endswith("__")]
    assert not {"entry_points", "quick", "conformance_exceptions", "survey_ids"} & set(names)
