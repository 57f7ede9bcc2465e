"""Importance-weighted cross-validation: the formula, the choice and how sure it is."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.errors import DataError
from ballast.methods.evaluation import ImportanceWeightedCrossValidation


@pytest.fixture
def given() -> dict:
    """Model "left" errs little where x < 0, model "right" where x > 0; most rows lie left, the target right."""
    rng = np.random.default_rng(0)
    x = rng.normal(-1, 1, 500)
    y = rng.normal(size=500)
    predictions = {"left": y + np.where(x < 0, 0.1, 1.0), "right": y + np.where(x < 0, 1.0, 0.1)}
    return {"y": y, "predictions": predictions, "sample_weight": np.exp(2 * x)}


def test_errors_when_weighted_then_the_self_normalised_mean(given):
    method = ImportanceWeightedCrossValidation(random_state=0)
    found = method.assess(**given)
    losses = (given["predictions"]["right"] - given["y"]) ** 2
    expected = np.average(losses, weights=given["sample_weight"])
    assert found.value("importance_weighted_error", model="right") == pytest.approx(expected)
    assert found.value("plain_error", model="right") == pytest.approx(losses.mean())
    row = found.table[(found.table["model"] == "right") & (found.table["metric"] == "importance_weighted_error")].iloc[
        0
    ]
    assert row["low"] < row["value"] < row["high"]


def test_choice_when_the_target_lies_elsewhere_then_the_model_that_is_right_there(given):
    method = ImportanceWeightedCrossValidation(random_state=0)
    found = method.assess(**given)
    assert method.selected_ == "right"
    assert found.value("plain_error", model="left") < found.value("plain_error", model="right")
    shares = [found.value("share_selected", model=model) for model in ("left", "right")]
    assert sum(shares) == pytest.approx(1.0)
    assert shares[1] > 0.9


def test_errors_when_labels_are_text_then_the_share_of_wrong_ones():
    y = np.array(["a", "b", "a", "b"], dtype=object)
    given = {"y": y, "sample_weight": np.array([3.0, 1, 1, 1])}
    found = ImportanceWeightedCrossValidation().assess(
        predictions={"one": np.array(["b", "b", "a", "b"], dtype=object), "two": y[::-1]}, **given
    )
    assert found.value("importance_weighted_error", model="one") == pytest.approx(0.5)
    assert found.value("plain_error", model="one") == pytest.approx(0.25)
    assert found.value("importance_weighted_error", model="two") == 1.0
    with pytest.raises(DataError, match=r"'three' predicts numbers such as .* but y holds text"):
        ImportanceWeightedCrossValidation(task="classification").assess(predictions={"three": np.arange(4)}, **given)


def test_errors_when_every_label_is_right_then_their_intervals_reach_as_far_as_so_many_rows_allow():
    y, weight = np.arange(100) % 2, np.repeat([1.0, 3.0], 50)
    table = ImportanceWeightedCrossValidation(random_state=0).assess(y, {"a": y}, weight).table.set_index("metric")
    assert table.loc["plain_error", "high"] == pytest.approx(0.03699, abs=1e-5)  # Wilson's
    assert table.loc["importance_weighted_error", "high"] == pytest.approx(
        1 - 0.025 ** (1 / 80)
    )  # of 80 rows in effect
