"""What the frame does around a method's calls, shown on methods of a few lines."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from ballast.errors import DataError, OverlapError
from ballast.methods.base import (
    ROLES,
    Assessor,
    Learner,
    Sampler,
    Scorer,
    Weigher,
    effective_sample_size,
)
from ballast.methods.base import Test as TwoSampleTest
from ballast.methods.parameters import Positive

X = np.arange(12.0).reshape(6, 2)


class Distance(Scorer):
    """The distance from the mean."""

    name = "distance"

    def __init__(self, quantile: Positive = 0.5) -> None:
        self.quantile = quantile

    def fit(self, X, y=None):
        self.mean_ = X.mean(axis=0)
        self.threshold_ = float(np.quantile(self.score_samples(X), self.quantile))
        return self

    def score_samples(self, X):
        return np.abs(X - self.mean_).sum(axis=1)


class Given(Weigher):
    """Weights each row by its first feature, on a scale of its own."""

    name = "given"

    def __init__(self, factor: float = 3.0) -> None:
        self.factor = factor

    def fit(self, X, X_target=None):
        self.weights_ = self.weigh(X)
        return self

    def weigh(self, X):
        return self.factor * X[:, 0]


class Ratio(Weigher):
    """A density ratio as given."""

    name = "ratio"

    def fit(self, X, X_target):
        self.ratio_ = X[:, 0]
        return self

    def weigh(self, X):
        return X[:, 0]


class Everyone(Sampler):
    """Every row twice."""

    name = "everyone"

    def fit_resample(self, X, y=None):
        self.sample_indices_ = np.repeat(np.arange(len(X)), 2)
        return X[self.sample_indices_], None if y is None else y[self.sample_indices_]


class Mean(Learner):
    """The weighted mean."""

    name = "mean"

    def fit(self, X, y, sample_weight=None):
        self.mean_ = np.average(y, weights=sample_weight)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


# What every call gets from the frame


def test_message_of_a_bad_argument_when_the_class_has_no_name_then_names_the_class():
    class Nameless(Scorer):
        def fit(self, X):
            return self

    with pytest.raises(DataError, match=r"^Nameless: X must be two-dimensional"):
        Nameless().fit([1.0])


def test_call_when_given_positionally_by_keyword_or_as_a_list_then_same_result():
    by_keyword = Mean().fit(X=X, y=[0, 0, 1, 1, 2, 2], sample_weight=np.arange(6.0))
    positional = Mean().fit(X.tolist(), [0, 0, 1, 1, 2, 2], list(range(6)))
    assert by_keyword.mean_ == positional.mean_


def test_call_when_an_argument_is_missing_then_names_the_method_and_what_it_takes():
    with pytest.raises(TypeError, match=r"ratio\.fit: missing a required argument: 'X_target'; it takes X, X_target"):
        Ratio().fit(X)
    with pytest.raises(TypeError, match=r"mean\.fit: got an unexpected keyword argument 'weights'"):
        Mean().fit(X, X[:, 0], weights=X[:, 0])


def test_call_when_its_signature_takes_any_keywords_then_refused_as_the_class_is_made():
    with pytest.raises(TypeError, match=r"Loose\.fit takes \* or \*\* arguments"):

        class Loose(Scorer):
            def fit(self, X, **rest):
                return self


def test_float32_when_given_then_reaches_the_method_and_stays_in_what_it_gives():
    assert Distance().fit(X.astype(np.float32)).score_samples(X.astype(np.float32)).dtype == np.float32
    weigher = Given().fit(X.astype(np.float32))
    assert weigher.weights_.dtype == weigher.weigh(X.astype(np.float32)).dtype == np.float32


def test_dataframe_when_given_then_same_as_the_array_and_columns_remembered():
    frame = pd.DataFrame(X, columns=["age", "pay"])
    fitted = Distance().fit(frame)
    np.testing.assert_array_equal(fitted.score_samples(frame), Distance().fit(X).score_samples(X))
    assert list(fitted.feature_names_in_) == ["age", "pay"]
    assert fitted.n_features_in_ == 2


def test_array_when_fitted_after_a_dataframe_then_old_column_names_are_forgotten():
    fitted = Distance().fit(pd.DataFrame(X, columns=["age", "pay"])).fit(X)
    assert not hasattr(fitted, "feature_names_in_")


def test_unseen_rows_when_of_another_width_or_columns_then_refused():
    fitted = Distance().fit(pd.DataFrame(X, columns=["age", "pay"]))
    with pytest.raises(DataError, match=r"distance: X has 3 column\(s\) but distance was fitted on 2"):
        fitted.score_samples(np.zeros((2, 3)))
    with pytest.raises(DataError, match="distance: X does not have the columns it was fitted on: age, pay"):
        fitted.score_samples(pd.DataFrame(X, columns=["pay", "age"]))


@pytest.mark.parametrize(("unfitted", "call"), [(Distance(), "score_samples"), (Ratio(), "weigh"), (Mean(), "predict")])
def test_later_call_when_not_fitted_then_says_so_unless_nothing_is_needed(unfitted, call):
    with pytest.raises(NotFittedError, match=f"{unfitted.name} is not fitted yet; call fit before {call}"):
        getattr(unfitted, call)(X)


def test_attribute_error_inside_a_fitted_method_when_raised_then_not_taken_for_unfitted():
    class Broken(Mean):
        def predict(self, X):
            return self.nothing_of_the_kind

    with pytest.raises(AttributeError, match="nothing_of_the_kind") as caught:
        Broken().fit(X, X[:, 0]).predict(X)
    assert not isinstance(caught.value, NotFittedError)


# Subclasses, mixins, scikit-learn's machinery


def test_subclass_when_it_calls_super_then_normalised_once():
    class Doubled(Given):
        def fit(self, X, X_target=None):
            return super().fit(X, X_target)

        def weigh(self, X):
            return super().weigh(X) * 2

    weigher = Doubled().fit(X)
    assert weigher.scale_ == pytest.approx(2 * 3.0 * X[:, 0].mean())
    np.testing.assert_allclose(weigher.weigh(X), weigher.weights_)


def test_subclass_when_it_passes_an_array_to_super_then_column_names_are_kept():
    class Scaled(Distance):
        def fit(self, X, y=None):
            return super().fit(X * 2, y)

    assert list(Scaled().fit(pd.DataFrame(X, columns=["age", "pay"])).feature_names_in_) == ["age", "pay"]


def test_method_on_another_object_when_called_inside_a_call_then_still_checked():
    class Outer(Scorer):
        def fit(self, X):
            self.inner_ = Distance().fit(X * np.nan)
            return self

    with pytest.raises(DataError, match="distance: X holds 12 NaN"):
        Outer().fit(X)


def test_call_when_it_failed_then_the_next_one_is_checked_again():
    class Fragile(Scorer):
        def fit(self, X):
            if X[0, 0] == 0:
                raise RuntimeError("the first value is zero")
            return self

    fragile = Fragile()
    with pytest.raises(RuntimeError):
        fragile.fit(X)
    with pytest.raises(DataError, match="X is empty"):
        fragile.fit(X[:0])


def test_call_from_a_mixin_when_the_class_is_made_then_checked_too():
    class Flat:
        def score_samples(self, X):
            return np.zeros(len(X))

    class Mixed(Flat, Scorer):
        def fit(self, X):
            return self

    with pytest.raises(DataError, match="X is empty"):
        Mixed().score_samples(X[:0])
    np.testing.assert_array_equal(Flat().score_samples([]), [])  # the mixin itself stays as it was


def test_signature_and_docstring_when_wrapped_then_preserved():
    assert list(inspect.signature(Given.fit).parameters) == ["self", "X", "X_target"]
    assert Given.fit.__name__ == "fit"
    assert Given.needs() == {"X": True, "X_target": False}
    assert Given.needs("weigh") == {"X": True}
    assert Mean.needs() == {"X": True, "y": True, "sample_weight": False}


def test_clone_when_fitted_then_parameters_alone_are_kept():
    weigher = Given(factor=2.0).fit(X)
    copy = clone(weigher)
    assert copy.get_params() == {"factor": 2.0}
    assert not hasattr(copy, "weights_")
    assert copy.set_params(factor=5.0) is copy
    assert copy.factor == 5.0


def test_fitted_method_when_pickled_then_gives_the_same():
    weigher = pickle.loads(pickle.dumps(Given().fit(X)))
    np.testing.assert_array_equal(weigher.weigh(X), Given().fit(X).weights_)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_one_fitted_method_when_called_from_many_workers_then_all_are_normalised(backend):
    weigher = Given().fit(X)
    results = Parallel(n_jobs=2, backend=backend)(delayed(weigher.weigh)(X) for _ in range(20))
    for weights in results:
        np.testing.assert_array_equal(weights, weigher.weights_)


def test_metadata_routing_when_enabled_then_knows_the_arguments_beyond_x_and_y():
    with sklearn.config_context(enable_metadata_routing=True):
        learner = Mean().set_fit_request(sample_weight=True)
        assert learner.get_metadata_routing().fit.requests == {"sample_weight": True}
        assert Given().set_fit_request(X_target=True).get_metadata_routing().fit.requests == {"X_target": True}
        assert clone(learner).get_metadata_routing().fit.requests == {"sample_weight": True}


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
        ([1.0, 2.0], r"broken gave weights of shape \(2,\), one number a row was expected \(3 rows\)"),
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


# Roles


def test_roles_when_listed_then_six_with_their_calls():
    assert {role: cls.entry_points[0] for role, cls in ROLES.items()} == {
        "test": "test",
        "scorer": "fit",
        "weigher": "fit",
        "sampler": "fit_resample",
        "learner": "fit",
        "assessor": "assess",
    }
    assert ROLES["test"] is TwoSampleTest
    assert ROLES["assessor"] is Assessor


def test_room_when_outside_ballast_then_yours():
    assert Given.room() == "yours"
