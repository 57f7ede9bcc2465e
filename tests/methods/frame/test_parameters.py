"""Parameters are checked by the annotations of ``__init__`` alone, with messages that name what would be right."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from ballast.errors import ParameterError
from ballast.methods.frame.base import Scorer
from ballast.methods.frame.parameters import (
    Count,
    Device,
    Level,
    NonNegative,
    Positive,
    Seed,
    Share,
    check_names,
    check_values,
    describe,
    schema,
)
from ballast.methods.learners import TorchMLP


class Tuned(Scorer):
    """A scorer with one parameter of each kind."""

    name = "tuned"

    def __init__(
        self,
        n_centers: Count = 10,
        share: Share = 1.0,
        level: Level = 0.05,
        width: Positive | Literal["median"] = "median",
        penalty: NonNegative = 0.0,
        kernel: Literal["gaussian", "linear"] = "gaussian",
        normalised: bool = True,
        hidden: tuple[Count, ...] = (32,),
        device: Device = "auto",
        random_state: Seed = None,
        estimator: Any = None,
    ) -> None:
        self.n_centers = n_centers
        self.share = share
        self.level = level
        self.width = width
        self.penalty = penalty
        self.kernel = kernel
        self.normalised = normalised
        self.hidden = hidden
        self.device = device
        self.random_state = random_state
        self.estimator = estimator

    def fit(self, X):
        self.mean_ = X.mean(axis=0)
        return self

    def score_samples(self, X):
        return np.abs(X - self.mean_).sum(axis=1)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("n_centers", 0, "a whole number >= 1, got 0"),
        ("n_centers", 2.0, "a whole number >= 1, got 2.0"),
        ("n_centers", True, "a whole number >= 1, got True"),
        ("n_centers", np.bool_(True), "a whole number >= 1, got True"),
        ("share", 0.0, "a number > 0 and <= 1, got 0.0"),
        ("share", 1.5, "a number > 0 and <= 1, got 1.5"),
        ("share", True, "a number > 0 and <= 1, got True"),
        ("level", 1.0, "a number > 0 and < 1, got 1.0"),
        ("level", float("nan"), "a number > 0 and < 1, got nan"),
        ("width", -1.0, "a number > 0, or one of 'median', got -1.0"),
        ("width", float("inf"), "a number > 0, or one of 'median', got inf"),
        ("width", "medain", "one of 'median', got 'medain', did you mean 'median'?"),
        ("penalty", -0.5, "a number >= 0, got -0.5"),
        ("kernel", "gausian", "one of 'gaussian', 'linear', got 'gausian', did you mean 'gaussian'?"),
        ("kernel", 3, "one of 'gaussian', 'linear', got 3"),
        ("normalised", 1, "true or false, got 1"),
        ("hidden", [32, 0], "a list, each a whole number >= 1, got [32, 0]"),
        ("device", "gpu", "'auto', 'cpu', 'cuda' or a numbered 'cuda:0', got 'gpu'"),
        ("random_state", -1, "a whole number >= 0, or None, got -1"),
        ("random_state", 1.0, "a whole number >= 0, or None, got 1.0"),
    ],
)
def test_parameter_out_of_range_when_fitted_then_message_names_owner_parameter_range_and_value(name, value, expected):
    with pytest.raises(ParameterError) as caught:
        Tuned(**{name: value}).fit(np.zeros((3, 2)))
    assert str(caught.value).startswith(f"tuned: parameter {name!r} must be ")
    assert str(caught.value).endswith(expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_centers", np.int64(5)),
        ("share", np.float32(0.5)),
        ("share", 1),
        ("width", np.float64(2.0)),
        ("normalised", np.bool_(False)),
        ("random_state", np.int32(0)),
        ("random_state", None),
        ("device", "cuda:1"),
        ("hidden", [64, 32]),
        ("hidden", (64,)),
        ("estimator", object()),
    ],
)
def test_parameter_within_range_when_fitted_then_kept_as_given(name, value):
    fitted = Tuned(**{name: value}).fit(np.zeros((3, 2)))
    assert getattr(fitted, name) is value


def test_parameters_when_set_after_construction_then_checked_at_fit():
    scorer = Tuned().set_params(kernel="cubic")
    with pytest.raises(ParameterError, match="'kernel' must be one of 'gaussian', 'linear', got 'cubic'"):
        scorer.fit(np.zeros((3, 2)))


def test_parameter_error_when_caught_as_value_error_then_scikit_learn_users_see_it():
    with pytest.raises(ValueError, match="n_centers"):
        Tuned(n_centers=-3).fit(np.zeros((3, 2)))


def test_unknown_parameter_when_checked_then_names_nearest_and_all():
    with pytest.raises(
        ParameterError, match=r"tuned has no parameter 'n_centres', did you mean 'n_centers'\?"
    ) as caught:
        check_names(Tuned, {"n_centres": 3}, "tuned")
    assert "its parameters: n_centers, share, level" in str(caught.value)


def test_check_values_when_only_some_are_given_then_the_others_are_left_alone():
    check_values(Tuned, {"kernel": "linear"}, "tuned")
    with pytest.raises(ParameterError, match="penalty"):
        check_values(Tuned, {"kernel": "linear", "penalty": -1.0}, "tuned")


def test_class_without_parameters_when_checked_then_unknown_name_says_there_are_none():
    class Bare(Scorer):
        pass

    with pytest.raises(ParameterError, match=r"bare has no parameter 'x' \(its parameters: none\)"):
        check_names(Bare, {"x": 1}, "bare")


def test_schema_when_made_then_holds_ranges_choices_and_defaults():
    properties = schema(Tuned)["properties"]
    assert set(properties) == set(Tuned().get_params())
    assert properties["n_centers"] == {"type": "integer", "minimum": 1, "default": 10}
    assert properties["kernel"]["enum"] == ["gaussian", "linear"]
    assert properties["random_state"]["default"] is None
    assert schema(Tuned)["additionalProperties"] is False


def test_describe_when_asked_then_gives_words_for_the_documentation():
    assert describe(Tuned, "share") == "a number > 0 and <= 1"
    assert describe(Tuned, "hidden") == "a list, each a whole number >= 1"
    assert describe(Tuned, "random_state") == "a whole number >= 0, or None"


def test_list_when_given_one_number_then_the_message_asks_for_a_list():
    with pytest.raises(
        ParameterError, match=r"'hidden' must be a list, each a whole number >= 1 \(at least 1 of them\)"
    ):
        check_values(TorchMLP, {"hidden": 8}, "torch_mlp")
