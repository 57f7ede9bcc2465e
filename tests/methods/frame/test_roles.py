"""What each role promises, and how the frame holds a method to it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import DataError, OverlapError
from ballast.methods.frame.base import ROLES, Assessor, Sampler, Scorer, Transformer, Weigher
from ballast.methods.frame.base import Test as TwoSampleTest
from ballast.methods.frame.reports import TestReport
from tests.methods.tiny_methods import Distance, Everyone, Given, Ratio, X

# Weigher


def test_weights_when_fitted_then_have_mean_one_and_unseen_rows_are_on_the_same_scale():
    weigher = Given().fit(X)
    assert weigher.weights_.mean() == pytest.approx(1.0)
    np.testing.assert_allclose(weigher.weigh(X[2:4]), weigher.weights_[2:4])


def test_ratio_when_fitted_then_kept_as_it_is_beside_the_weights():
    weigher = Ratio().fit(X, X)
    np.testing.assert_array_equal(weigher.ratio_, X[:, 0])
    assert weigher.weights_.mean() == pytest.approx(1.0)
    assert weigher.scale_ == pytest.approx(X[:, 0].mean())


def test_weigher_when_fitted_again_then_scaled_to_the_new_rows():
    weigher = Given().fit(X)
    weigher.fit(X * 10)
    np.testing.assert_allclose(weigher.weigh(X * 10), weigher.weights_)
    assert weigher.weights_.mean() == pytest.approx(1.0)


def test_whole_number_weights_when_fitted_then_mean_is_still_one():
    class Whole(Weigher):
        def fit(self, X):
            self.weights_ = np.array([1, 2, 2, 0, 0, 5])
            return self

    assert Whole().fit(X).weights_.mean() == pytest.approx(1.0)


def test_ratio_when_target_is_disjoint_then_refused_with_the_effective_sample_size():
    ratios = np.zeros((100, 1))
    ratios[0] = 0.5
    with pytest.raises(OverlapError) as caught:
        Ratio().fit(ratios, ratios)
    assert "ratio: the target does not overlap the 100 training rows" in str(caught.value)
    assert "averages 0.005 over them (1 where they overlap), effective sample size 1.0." in str(caught.value)


def test_ratio_when_uneven_but_of_mean_one_then_accepted():
    ratios = np.zeros((100, 1))
    ratios[0] = 100.0
    assert Ratio().fit(ratios, ratios).weights_.max() == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([1.0, np.nan, np.inf], "broken gave 2 NaN or infinite weights for 3 rows"),
        ([1.0, -1.0, 2.0], "broken gave 1 negative weight"),
        ([1.0, 2.0], r"broken gave weights of shape \(2,\), but one number per row was expected \(3 rows\)"),
        ([[1.0], [1.0], [1.0]], r"broken gave weights of shape \(3, 1\)"),
    ],
)
def test_bad_weights_when_a_method_gives_them_then_the_method_is_named(raw, message):
    class Broken(Weigher):
        name = "broken"

        def fit(self, X):
            self.weights_ = np.ones(len(X))
            return self

        def weigh(self, X):
            return np.array(raw)

    class BrokenAtOnce(Broken):
        name = "broken"

        def fit(self, X):
            self.weights_ = np.array(raw)
            return self

    with pytest.raises(DataError, match=message):
        Broken().fit(X[:3]).weigh(X[:3])
    with pytest.raises(DataError, match=message):
        BrokenAtOnce().fit(X[:3])


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([1, 1, 1, 1], 4.0),
        ([1, 0, 0], 1.0),
        ([2, 1, 1], 16 / 6),
        ([1e300, 1e300], 2.0),
        ([1e-300] * 3, 3.0),
        ([0], 0.0),
    ],
)
def test_effective_sample_size_when_weights_are_extreme_then_kishs_formula_holds(weights, expected):
    assert effective_sample_size(np.array(weights, dtype=float)) == pytest.approx(expected)


# Test


@pytest.mark.parametrize(("statistic", "p_value"), [(np.nan, 0.5), (1.0, np.nan), (1.0, 1.5)])
def test_report_when_its_numbers_say_nothing_then_refused_rather_than_passed_as_no_shift(statistic, p_value):
    class Hollow(TwoSampleTest):
        name = "hollow"

        def test(self, X, X_target):
            return TestReport(statistic, p_value, 0.05, False, pd.DataFrame())

    with pytest.raises(DataError, match=r"hollow gave the statistic .* which say nothing"):
        Hollow().test(X, X)


# Scorer


def test_flag_when_the_method_has_a_threshold_then_rows_beyond_it_on_its_side():
    scorer = Distance().fit(X)
    scores = scorer.score_samples(X)
    np.testing.assert_array_equal(scorer.flag(scores), scores > scorer.threshold_)

    class Below(Distance):
        flags = "below"

    np.testing.assert_array_equal(Below().fit(X).flag(scores), scores < scorer.threshold_)


def test_flag_when_the_method_has_no_rule_then_none():
    assert Scorer().flag(np.array([1.0, 1e9])).tolist() == [False, False]


@pytest.mark.parametrize(
    ("raw", "message"),
    [(np.full(6, np.nan), "odd gave 6 NaN or infinite scores for 6 rows"), (X, r"odd gave scores of shape \(6, 2\)")],
)
def test_bad_scores_when_a_method_gives_them_then_the_method_is_named(raw, message):
    class Odd(Scorer):
        name = "odd"

        def score_samples(self, X):
            return raw

    with pytest.raises(DataError, match=message):
        Odd().score_samples(X)


# Sampler


def test_sampler_when_called_twice_then_flags_follow_the_second_call():
    sampler = Everyone()
    sampler.fit_resample(X, np.arange(6))
    rows, labels = sampler.fit_resample(X[:2], np.arange(2))
    assert labels.tolist() == [0, 0, 1, 1]
    assert sampler.is_synthetic_.tolist() == [False] * 4
    np.testing.assert_array_equal(rows, X[sampler.sample_indices_])


@pytest.mark.parametrize("indices", [[0, 6], [-1, 0], [0]])
def test_sample_indices_when_they_name_no_source_row_then_refused(indices):
    class Astray(Sampler):
        name = "astray"

        def fit_resample(self, X, y=None):
            self.sample_indices_ = np.array(indices)
            return X[:2], y

    with pytest.raises(DataError, match=r"astray gave sample_indices_ that do not name source rows \(0 to 5\)"):
        Astray().fit_resample(X)


def test_labels_when_fewer_than_the_rows_then_refused():
    class Short(Sampler):
        name = "short"

        def fit_resample(self, X, y):
            self.sample_indices_ = np.arange(len(X))
            return X, y[:-1]

    with pytest.raises(DataError, match="short gave 6 rows but 5 labels"):
        Short().fit_resample(X, np.arange(6))


def test_sampler_when_it_makes_rows_then_its_own_flags_stay():
    class Midpoints(Sampler):
        def fit_resample(self, X, y=None):
            self.sample_indices_ = np.array([0])
            self.parents_ = np.array([[0, 1]])
            self.is_synthetic_ = np.array([True])
            return (X[:1] + X[1:2]) / 2, None

    sampler = Midpoints()
    sampler.fit_resample(X)
    assert sampler.is_synthetic_.tolist() == [True]


# Transformer


class Doubled(Transformer):
    def fit(self, X):
        self.n_features_out_ = X.shape[1]
        return self

    def transform(self, X):
        return X * 2


class Centred(Doubled):
    name = "centred"

    def fit(self, X, y):
        self.mean_ = X[np.asarray(y) == 1].mean(axis=0)
        return super().fit(X)

    def transform(self, X):
        return X - self.mean_


def test_transformer_when_it_fits_and_transforms_then_y_reaches_only_a_fit_that_takes_it():
    np.testing.assert_array_equal(Doubled().fit_transform(X, [1, 0, 0, 0, 0, 0]), X * 2)
    np.testing.assert_array_equal(Centred().fit_transform(X, [1, 0, 0, 0, 0, 0]), X - X[0])


def test_transformer_when_in_a_pipeline_then_its_features_have_its_name():
    pipeline = make_pipeline(Doubled(), Centred()).fit(X, [1, 0, 0, 0, 0, 0])
    assert list(pipeline[-1].get_feature_names_out()) == ["centred_0", "centred_1"]
    with pytest.raises(NotFittedError, match="centred is not fitted yet; call fit before get_feature_names_out"):
        Centred().get_feature_names_out()


@pytest.mark.parametrize("made", [X[:, :1], X[:5], np.where(X == 3, np.inf, X), np.where(X == 3, np.nan, X)])
def test_features_when_too_few_or_not_finite_then_refused_and_the_method_named(made):
    class Bad(Doubled):
        name = "bad"

        def transform(self, X):
            return made

    with pytest.raises(DataError, match=r"bad gave features of shape .* \(6, 2\) finite ones were expected"):
        Bad().fit_transform(X)


# Roles


def test_roles_when_listed_then_seven_with_their_calls_and_parts_which_have_none():
    assert {role for role, cls in ROLES.items() if not cls.entry_points} == {"part"}
    assert {role: cls.entry_points[0] for role, cls in ROLES.items() if cls.entry_points} == {
        "test": "test",
        "scorer": "fit",
        "weigher": "fit",
        "sampler": "fit_resample",
        "learner": "fit",
        "assessor": "assess",
        "transformer": "fit",
    }
    assert ROLES["test"] is TwoSampleTest
    assert ROLES["assessor"] is Assessor


def test_survey_ids_when_given_by_their_former_name_then_kept_with_a_warning():
    with pytest.warns(DeprecationWarning, match="Old.seeds is now called survey_ids"):

        class Old(Given):
            seeds = ("W-1",)

    assert Old.survey_ids == ("W-1",)


def test_room_when_outside_ballast_then_external():
    assert Given.room() == "external"
