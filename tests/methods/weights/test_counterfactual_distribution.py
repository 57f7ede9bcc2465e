"""Counterfactual distributions: the tilt's formula, the gap that it closes, the map, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from ballast.errors import DataError, OverlapError, ParameterError
from ballast.methods.weights import CounterfactualDistribution
from ballast.methods.weights.fairness._residual_transport import moves, residual_map

METRICS = ("statistical_parity", "false_positive_rate", "false_negative_rate")


def audited(n: int = 1200, seed: int = 0) -> dict[str, np.ndarray]:
    """Gives rows whose second group has higher scores and labels."""
    rng = np.random.default_rng(seed)
    group = rng.integers(2, size=n)
    X = rng.normal(size=(n, 3)) + 0.7 * group[:, None]
    score = 1 / (1 + np.exp(1 - X @ [1.0, 0.6, 0.0]))
    y = (rng.random(n) < 1 / (1 + np.exp(1 - X @ [0.8, 0.4, 0.5]))).astype(int)
    return {
        "X": X,
        "probs": np.column_stack([1 - score, score]),
        "groups": np.array(["women", "men"])[group],
        "y": y,
    }


@pytest.mark.parametrize("metric", METRICS)
def test_weights_when_fitted_then_a_tilt_of_the_worse_group_alone_that_closes_the_gap(metric):
    rows = audited(6000)
    found = CounterfactualDistribution(metric=metric).fit(**rows)
    repaired = rows["groups"] == found.repaired_group_
    assert found.repaired_group_ == {"false_positive_rate": "men"}.get(metric, "women")
    np.testing.assert_array_equal(found.weights_[~repaired], 1.0)
    assert found.weights_[repaired].mean() == pytest.approx(1.0)
    assert abs(found.gap_before_) > 0.05
    assert abs(found.gap_after_) < 1e-10
    assert abs(found.label_gap_after_) < 0.25 * abs(found.label_gap_before_)
    w = found.weights_[repaired]
    assert found.effective_sample_size_ == pytest.approx(w.sum() ** 2 / (w**2).sum())


def test_weights_when_of_statistical_parity_then_the_exponential_of_the_score():
    rows = audited()
    found = CounterfactualDistribution().fit(**rows)
    repaired = rows["groups"] == "women"
    score, w = rows["probs"][repaired, 1], found.weights_[repaired]
    tilt = np.exp(-found.lambda_ * score)
    np.testing.assert_allclose(w, tilt / tilt.mean(), rtol=1e-9)
    assert (w @ score) / w.sum() == pytest.approx(found.target_rate_)
    assert found.target_rate_ == pytest.approx(rows["probs"][~repaired, 1].mean())
    assert found.models_ == []


def test_weights_when_of_decisions_then_the_ratio_of_the_rates():
    """Of two kinds of rows each weighs what its share should be over what it is."""
    rows = audited()
    found = CounterfactualDistribution(soft=False).fit(**rows)
    women, chosen = rows["groups"] == "women", rows["probs"][:, 1] > 0.5
    have, want = chosen[women].mean(), chosen[~women].mean()
    expected = np.where(chosen[women], want / have, (1 - want) / (1 - have))
    np.testing.assert_allclose(found.weights_[women], expected, rtol=1e-8)


def test_weights_when_rates_are_equal_then_all_1():
    rows = audited(200)
    rows["probs"] = np.full((200, 2), 0.5)
    found = CounterfactualDistribution().fit(**rows)
    np.testing.assert_array_equal(found.weights_, 1.0)
    np.testing.assert_array_equal(found.repair(rows["X"], rows["groups"]), rows["X"])


def test_group_when_named_then_it_is_the_repaired_one():
    rows = audited()
    found = CounterfactualDistribution(repaired_group="men").fit(**rows)
    assert found.gap_before_ > 0
    assert found.gap_after_ == pytest.approx(0.0, abs=1e-10)
    np.testing.assert_array_equal(found.weights_[rows["groups"] == "women"], 1.0)
    with pytest.raises(ParameterError, match=r"'repaired_group' must be one of .*'mem', did you mean 'men'"):
        CounterfactualDistribution(repaired_group="mem").fit(**rows)


@pytest.mark.parametrize("metric", METRICS)
def test_unseen_rows_when_weighed_then_by_the_same_tilt(metric):
    rows, new = audited(), audited(800, seed=1)
    found = CounterfactualDistribution(metric=metric).fit(**rows)
    again = found.weigh(rows["X"], rows["probs"], rows["groups"])
    if metric == "statistical_parity":
        np.testing.assert_allclose(again, found.weights_, rtol=1e-9)
    assert np.corrcoef(again, found.weights_)[0, 1] > 0.98  # the folds' models agree on a row but nearly
    weights = found.weigh(new["X"], new["probs"], new["groups"])
    assert abs(weights[new["groups"] == found.repaired_group_].mean() - 1) < 0.1


def test_classes_when_given_the_other_way_round_then_the_other_column_is_the_score():
    rows = audited()
    turned = {**rows, "probs": rows["probs"][:, ::-1], "classes": np.array([1, 0])}
    found, other = CounterfactualDistribution().fit(**rows), CounterfactualDistribution().fit(**turned)
    assert (found.repaired_group_, other.repaired_group_) == ("women", "men")
    assert other.gap_before_ == pytest.approx(found.gap_before_)


def test_repair_when_of_unseen_rows_then_moves_the_repaired_group_to_the_weighted_distribution():
    rows, new = audited(4000), audited(4000, seed=1)
    found = CounterfactualDistribution().fit(**rows)
    moved = found.repair(new["X"], new["groups"])
    women = new["groups"] == "women"
    np.testing.assert_array_equal(moved[~women], new["X"][~women])
    changed = (moved != new["X"]).any(axis=1)
    assert 0.05 < changed[women].mean() < 0.5
    assert {tuple(row) for row in moved[changed]} <= {tuple(row) for row in found.audit_}
    weighed = found.weigh(new["X"], new["probs"], new["groups"])
    wanted = np.average(new["X"][women], axis=0, weights=weighed[women])
    np.testing.assert_allclose(moved[women].mean(axis=0), wanted, atol=0.12)
    np.testing.assert_array_equal(found.repair(new["X"], new["groups"]), moved)
    order = np.random.default_rng(0).permutation(4000)
    np.testing.assert_array_equal(found.repair(new["X"][order], new["groups"][order]), moved[order])


def test_map_when_made_then_gives_each_row_its_weight_at_the_least_distance():
    X = np.array([[0.0], [1.0], [10.0], [11.0]])
    plan = residual_map(X, np.array([0.5, 1.5, 0.5, 1.5]))
    np.testing.assert_allclose(plan.keep, [0.5, 1.0, 0.5, 1.0])
    to = moves(np.repeat(X, 2000, axis=0), X, plan, np.random.default_rng(0)).reshape(4, 2000)
    assert set(to[0]) == {-1, 1}
    assert set(to[2]) == {-1, 3}
    assert (to[[1, 3]] == -1).all()
    assert np.mean(to[0] == 1) == pytest.approx(0.5, abs=0.05)


def test_map_when_a_surplus_is_less_than_a_unit_then_the_row_has_a_place_to_go_too():
    weights = np.full(50, 1 - 1e-4)
    weights[0], weights[1] = 1 + 48e-4 + 0.5 - 1e-4 + 1e-4, 0.5
    plan = residual_map(np.arange(50.0)[:, None], weights / weights.mean())
    assert (plan.counts[1:] > 0).all()
    assert (plan.targets == 0).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"groups": np.arange(1200) % 3}, "groups has 3 value"),
        ({"groups": np.zeros(1200)}, "groups has 1 value"),
        ({"y": np.arange(1200) % 3, "probs": np.full((1200, 3), 1 / 3)}, "y has 3 value"),
        ({"probs": np.full((1200, 3), 1 / 3)}, r"probs has 3 columns but there are 2 classes"),
    ],
)
def test_data_when_not_of_two_groups_and_two_classes_then_refused(change, said):
    with pytest.raises(DataError, match=f"counterfactual_distribution: {said}"):
        CounterfactualDistribution().fit(**{**audited(), **change})


def test_group_when_it_lacks_a_class_then_error_rates_are_refused_and_parity_is_not():
    rows = audited()
    rows["y"] = np.where(rows["groups"] == "women", 0, rows["y"])
    with pytest.raises(DataError, match="groups 'women' has 0 of 1200 rows with y 1"):
        CounterfactualDistribution(metric="false_negative_rate").fit(**rows)
    assert CounterfactualDistribution().fit(**rows).gap_after_ == pytest.approx(0, abs=1e-10)


def test_group_when_no_row_of_it_is_scored_high_enough_then_overlap_error():
    rows = audited()
    score = np.where(rows["groups"] == "women", 0.1, rows["probs"][:, 1].clip(0.2))
    with pytest.raises(OverlapError, match=r"no weights of the .* rows of groups 'women' give them the other group's"):
        CounterfactualDistribution().fit(**{**rows, "probs": np.column_stack([1 - score, score])})


def test_repair_when_not_fitted_or_of_other_rows_then_refused():
    rows = audited(200)
    with pytest.raises(NotFittedError):
        CounterfactualDistribution().repair(rows["X"], rows["groups"])
    found = CounterfactualDistribution().fit(**rows)
    with pytest.raises(DataError, match=r"X has 2 columns but counterfactual_distribution was fitted on 3"):
        found.repair(rows["X"][:, :2], rows["groups"])
    with pytest.raises(DataError, match="groups"):
        found.repair(rows["X"], np.full(200, "others"))
