"""What the frame does around every call of a method, whatever its role."""

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

from ballast.errors import DataError
from ballast.methods.frame.base import Scorer
from tests.methods.tiny_methods import Distance, Given, Mean, Ratio, X


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
    with pytest.raises(DataError, match=r"distance: X has 3 columns but distance was fitted on 2"):
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
