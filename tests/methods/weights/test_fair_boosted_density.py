"""Fair boosted densities: the start, a round by hand, the rates that hold whatever the data, and what is refused."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import export_text

from ballast.errors import DataError, ParameterError
from ballast.methods.weights import FairBoostedDensity
from ballast.methods.weights._cells import bin_positions


def rows(n: int = 3000, seed: int = 0) -> dict[str, Any]:
    """Gives rows of three groups, one of them rare, with three labels that depend on the group."""
    rng = np.random.default_rng(seed)
    group = rng.choice(3, n, p=[0.7, 0.25, 0.05])
    y = (group + rng.choice(3, n, p=[0.7, 0.2, 0.1])) % 3
    table = pd.DataFrame({"height": y + rng.normal(size=n), "colour": rng.choice(["red", "green"], n)})
    return {"table": table, "y": y, "groups": np.array(["north", "south", "west"])[group]}


def pairs() -> dict[str, Any]:
    """Gives 100 rows of two groups and two labels whose only column says nothing."""
    group, label = np.repeat([0, 0, 1, 1], [50, 20, 10, 20]), np.repeat([0, 1, 0, 1], [50, 20, 10, 20])
    return {"table": pd.DataFrame({"same": np.ones(100)}), "y": label, "groups": group}


def rates(weights: np.ndarray, y: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    shares = pd.Series(weights).groupby([groups, y]).sum().unstack().to_numpy()
    group = shares.sum(axis=1)
    label = shares / group[:, None]
    return group.min() / group.max(), (label.min(axis=0) / label.max(axis=0)).min()


def test_weights_when_steps_vanish_then_groups_equal_and_labels_independent_of_them():
    given = pairs()
    found = FairBoostedDensity(representation_rate=1 - 1e-12).fit(**given)
    start = np.array([0.6, 0.4, 0.6, 0.4]) / 2
    np.testing.assert_allclose(found.weights_[[0, 50, 70, 80]], start / [0.5, 0.2, 0.1, 0.2], rtol=1e-9)


def test_start_when_columns_are_independent_given_the_pair_then_the_same_weight_within_each():
    parts = pd.DataFrame({"a": ["x", "x", "y", "y", "y", "y"], "b": [0, 1, 0, 1, 0, 1]})
    sizes = np.array([10, 20, 40, 10])  # repetitions of the parts in each pair of group and label
    table = pd.concat([parts] * 80, ignore_index=True)
    y, groups = np.repeat([0, 1, 0, 1], 6 * sizes), np.repeat([0, 0, 1, 1], 6 * sizes)
    found = FairBoostedDensity(1 - 1e-12, smoothing=1e-9).fit(table, y, groups)
    expected = np.array([50, 30, 50, 30]) / 80 / 2 / (sizes / 80)
    np.testing.assert_allclose(found.weights_, np.repeat(expected, 6 * sizes), rtol=1e-6)


def test_density_when_of_one_round_then_tilted_by_the_clipped_log_odds():
    given = pairs()
    found = FairBoostedDensity(0.8, n_rounds=1, max_log_odds=0.5).fit(**given)
    start, data = np.array([0.6, 0.4, 0.6, 0.4]) / 2, np.array([0.5, 0.2, 0.1, 0.2])
    step = -np.log(0.8) / 0.5 / 4
    density = start * np.exp(step * np.log(data / start).clip(-0.5, 0.5))
    density /= density.sum()
    np.testing.assert_allclose(found.weights_[[0, 50, 70, 80]], density / data, rtol=1e-9)
    np.testing.assert_allclose(found.step_sizes_, [step])
    np.testing.assert_allclose(found.kl_, [data @ np.log(data / start), data @ np.log(data / density)])


@pytest.mark.parametrize("steps", ["exact", "relative"])
@pytest.mark.parametrize(("rate", "bound"), [(0.95, 0.1), (0.8, 0.6931471805599453), (0.3, 5.0)])
def test_rates_when_weighted_then_as_guaranteed_whatever_data_and_bound(steps, rate, bound):
    given = rows()
    found = FairBoostedDensity(rate, steps, max_log_odds=bound, n_rounds=30).fit(**given)
    have = rates(found.weights_, given["y"], given["groups"])
    assert have == pytest.approx((found.representation_rate_, found.statistical_rate_))
    assert have[0] >= found.guaranteed_representation_rate_
    assert have[1] >= found.guaranteed_statistical_rate_
    assert rates(np.ones(3000), given["y"], given["groups"])[0] == pytest.approx(found.data_representation_rate_)
    assert found.data_representation_rate_ < 0.1
    if steps == "exact":
        assert found.guaranteed_representation_rate_ >= rate
        assert found.guaranteed_statistical_rate_ >= rate**2
    else:
        assert found.guaranteed_representation_rate_ < rate


def test_density_when_boosted_then_nearer_to_the_data_each_round():
    found = FairBoostedDensity(0.7).fit(**rows())
    assert (np.diff(found.kl_) < 0).all()
    assert found.kl_[0] - found.kl_[-1] > 0.05


def test_weights_when_rows_share_a_cell_then_the_same_and_weigh_agrees():
    given = rows()
    found = FairBoostedDensity().fit(**given)
    np.testing.assert_allclose(found.weigh(**given), found.weights_)
    assert len(np.unique(found.weights_)) <= len(found.cells_) <= 3 * 3 * 4 * 2
    few = FairBoostedDensity(columns=["colour"]).fit(**given)
    assert len(few.cells_) == 18
    assert list(few.bins_) == ["colour"]


def test_numbers_when_cut_then_at_quantiles_and_what_is_no_number_is_apart():
    given = rows(400)
    given["table"]["count"] = given["y"] * 7
    given["table"].loc[:99, "height"] = np.nan
    given["table"].loc[100:109, "height"] = np.inf
    found = FairBoostedDensity(n_bins=3).fit(**given)
    heights = given["table"]["height"].to_numpy()
    np.testing.assert_allclose(np.asarray(found.bins_["height"]), np.quantile(heights[110:], [1 / 3, 2 / 3]))
    np.testing.assert_array_equal(found.bins_["count"], [7, 14])
    assert found.bins_["colour"] == ["green", "red"]
    at = bin_positions(given["table"], "height", found.bins_["height"], "test")
    assert (at[:110] == 3).all()
    np.testing.assert_allclose(np.bincount(at[110:]), 290 / 3, atol=1)
    np.testing.assert_array_equal(bin_positions(given["table"], "count", found.bins_["count"], "test"), given["y"])


def test_tree_when_printed_then_names_groups_labels_and_columns():
    found = FairBoostedDensity().fit(**rows())
    assert found.features_ == [
        *("group=north", "group=south", "group=west", "label=0", "label=1", "label=2"),
        *("height", "colour=red"),
    ]
    assert "group=" in export_text(found.trees_[0], feature_names=found.features_)


def test_weights_when_cells_are_single_rows_of_hundreds_of_columns_then_finite_and_warned_of(caplog):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.choice(4, (200, 800), p=[0.97, 0.01, 0.01, 0.01]))
    table.iloc[::2] = rng.integers(4, size=(100, 800))
    with caplog.at_level(logging.WARNING):
        found = FairBoostedDensity().fit(table, np.arange(200) // 2 % 2, np.arange(200) // 4 % 2)
    assert "200 rows lie in 200 cells, 1.0 a cell" in caplog.text
    assert np.isfinite(found.kl_).all()
    assert found.representation_rate_ >= 0.9


def test_group_when_without_a_label_then_refused_with_their_names():
    given = rows()
    given["y"] = np.where((given["groups"] == "west") & (given["y"] == 1), 2, given["y"])
    with pytest.raises(DataError, match=r"groups 'west' has no row with y 1 \(1 of 9 pairs"):
        FairBoostedDensity().fit(**given)


@pytest.mark.parametrize(("name", "said"), [("groups", "groups has only one value"), ("y", "y has only one value")])
def test_column_when_of_one_value_then_refused(name, said):
    with pytest.raises(DataError, match=said):
        FairBoostedDensity().fit(**{**rows(), name: np.ones(3000)})


def test_column_when_absent_or_of_another_kind_then_refused():
    given = rows()
    with pytest.raises(DataError, match="table has no column weight; its columns are height, colour"):
        FairBoostedDensity(columns=["weight"]).fit(**given)
    found = FairBoostedDensity().fit(**given)
    with pytest.raises(DataError, match="column height held numbers first, and is of dtype"):
        found.weigh(given["table"].astype(str), given["y"], given["groups"])


def test_row_when_of_a_value_or_cell_not_met_then_refused():
    given = rows()
    given["table"].loc[given["groups"] == "west", "colour"] = "red"
    found = FairBoostedDensity(columns=["colour"]).fit(**given)
    with pytest.raises(DataError, match=r"colour holds 1 value in 3000 rows that were not there in fit.*'blue'"):
        found.weigh(given["table"].assign(colour=["blue", *given["table"]["colour"][1:]]), given["y"], given["groups"])
    west = np.flatnonzero(given["groups"] == "west")[:1]
    with pytest.raises(DataError, match="1 of 1 rows of table, y and groups lie in cells without a row in fit"):
        found.weigh(pd.DataFrame({"colour": ["green"]}), given["y"][west], given["groups"][west])


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_rate_when_not_between_0_and_1_then_refused(rate):
    with pytest.raises(ParameterError, match="'representation_rate'"):
        FairBoostedDensity(rate).fit(**rows())


def test_weights_when_rows_have_some_then_those_of_the_rows_so_often():
    given = rows()
    given["table"]["height"] = np.where(given["table"]["height"] > 1, "tall", "small")  # bins go by rows
    times = np.random.default_rng(1).integers(0, 4, 3000)
    index = np.repeat(np.arange(3000), times)
    method = FairBoostedDensity(smoothing=1e-9)
    repeated = method.fit(given["table"].iloc[index], given["y"][index], given["groups"][index]).weights_
    together = np.bincount(index, repeated, 3000)
    found = method.fit(**given, sample_weight=7.0 * times)
    np.testing.assert_allclose(found.weights_ / found.weights_.sum(), together / together.sum(), rtol=1e-6)
    assert rates(found.weights_, given["y"], given["groups"])[0] == pytest.approx(found.representation_rate_)
    there = times > 0
    weighed = found.weigh(given["table"][there], given["y"][there], given["groups"][there], 7.0 * times[there])
    np.testing.assert_allclose(weighed, found.weights_[there])
