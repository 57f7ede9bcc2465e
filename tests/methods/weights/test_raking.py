"""Raking: margins, factors, combinations of columns, and margins that cannot be met."""

from __future__ import annotations

import datetime as dt
import logging
from decimal import Decimal
from itertools import product

import numpy as np
import pandas as pd
import pytest

from ballast.compute.balance import differences_of_counts
from ballast.errors import DataError, OverlapError
from ballast.methods.weights import Raking


def people(n: int, young: float, north: float, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(n) < young, "young", "old"),
            "region": np.where(rng.random(n) < north, "north", "south"),
            "income": rng.gamma(2.0, 10.0, n) * np.where(rng.random(n) < young, 1.0, 1.5),
        }
    )


def shares(values: pd.Series, weights: np.ndarray | None = None) -> pd.Series:
    return pd.Series(np.ones(len(values)) if weights is None else weights).groupby(values.to_numpy()).sum() / len(
        values
    )


def test_weights_when_columns_are_independent_then_the_true_ratio():
    table, target = people(20_000, 0.7, 0.5), people(20_000, 0.4, 0.2, seed=1)
    found = Raking(columns=["age", "region"]).fit(table, target)
    ratio = np.where(table["age"] == "young", 0.4 / 0.7, 0.6 / 0.3) * np.where(table["region"] == "north", 0.4, 1.6)
    np.testing.assert_allclose(found.weights_, ratio, rtol=0.06)
    assert np.abs(1 / found.weights_ - ratio).max() > 1


def test_margins_when_raked_then_those_of_the_target_numbers_too():
    table, target = people(2000, 0.7, 0.5), people(1000, 0.4, 0.2, seed=1)
    found = Raking(n_bins=4).fit(table, target)
    for column in ("age", "region"):
        np.testing.assert_allclose(shares(table[column], found.weights_), shares(target[column]), atol=1e-5)
    quartiles = np.quantile(target["income"], [0.25, 0.5, 0.75])
    own, wanted = (pd.Series(np.searchsorted(quartiles, rows["income"], side="right")) for rows in (table, target))
    np.testing.assert_allclose(shares(own, found.weights_), shares(wanted), atol=1e-5)
    assert len(found.categories_["income"]) == 4
    np.testing.assert_allclose(found.weigh(table), found.weights_, rtol=1e-9)


def test_combinations_when_joint_then_each_has_the_targets_share():
    table, target = people(2000, 0.7, 0.5), people(1000, 0.4, 0.2, seed=1)
    found = Raking(columns=["age", "region"], joint=True).fit(table, target)
    own, wanted = table["age"] + table["region"], target["age"] + target["region"]
    np.testing.assert_allclose(shares(own, found.weights_), shares(wanted), atol=1e-9)
    np.testing.assert_allclose(found.weigh(table), found.weights_)
    assert found.categories_ == {"age x region": ["old x north", "old x south", "young x north", "young x south"]}


def test_missing_values_when_there_then_a_category_of_their_own():
    table, target = people(500, 0.5, 0.5), people(500, 0.5, 0.5, seed=1)
    table.loc[:99, "age"] = None
    target.loc[:299, "age"] = None
    found = Raking(columns=["age"]).fit(table, target)
    assert found.weights_[:100].sum() == pytest.approx(300)


def test_cells_when_too_many_to_tabulate_then_the_same_margins():
    rng = np.random.default_rng(0)
    table, target = (
        pd.DataFrame(rng.choice(5, (2000, 14), p=p)) for p in ([0.2, 0.2, 0.2, 0.2, 0.2], [0.25, 0.2, 0.2, 0.2, 0.15])
    )
    found = Raking().fit(table, target)
    for column in table:
        np.testing.assert_allclose(shares(table[column], found.weights_), shares(target[column]), atol=1e-5)


def test_category_when_without_a_training_row_then_refused_with_its_name_and_rows():
    table, target = people(100, 0.5, 0.5), people(50, 0.5, 0.5)
    target.loc[:6, "region"] = "east"
    with pytest.raises(OverlapError, match=r"region has 1 categories without a training row, in 7 of the 50.*'east'"):
        Raking().fit(table, target)


def test_margins_when_no_weights_meet_them_then_refused_with_what_is_left():
    table = pd.DataFrame({"a": ["x", "y"] * 50, "b": ["x", "y"] * 50})
    target = pd.DataFrame({"a": ["x"] * 80 + ["y"] * 20, "b": ["x"] * 50 + ["y"] * 50})
    with pytest.raises(
        OverlapError, match=r"meet the margins of a, b together: after 252 rounds a share still differs by 0.3"
    ):
        Raking().fit(table, target)


def test_bins_when_without_training_rows_then_merged_and_said_so(caplog):
    table = pd.DataFrame({"x": np.linspace(0, 1, 100)})
    target = pd.DataFrame({"x": np.linspace(0, 1.5, 100)})
    with caplog.at_level(logging.WARNING):
        Raking().fit(table, target)
    assert "3 of 10 bins of column x" in caplog.text
    with pytest.raises(OverlapError, match="all 100 training rows lie in one of 10 bins of column x"):
        Raking().fit(table, target + 10)


def test_column_when_absent_then_refused_with_those_there():
    table = people(10, 0.5, 0.5)
    with pytest.raises(DataError, match="table has no column town; its columns are age, region, income"):
        Raking(columns=["town"]).fit(table, table)


def test_weigh_when_a_category_is_new_then_refused():
    table = people(100, 0.5, 0.5)
    found = Raking(columns=["age"]).fit(table, table)
    with pytest.raises(DataError, match="'ancient'"):
        found.weigh(table.assign(age="ancient"))


def batches(table: pd.DataFrame, target: pd.DataFrame) -> list[dict[str, pd.DataFrame]]:
    return [
        {"table": table[:400], "table_target": target[:200]},
        {"table": table[400:]},
        {"table_target": target[200:]},
    ]


@pytest.mark.parametrize("joint", [False, True])
def test_batches_when_cut_where_the_first_says_then_the_weights_of_all_rows(joint):
    table, target = people(2000, 0.7, 0.5), people(1000, 0.4, 0.2, seed=1)
    table.loc[500:599, "age"] = None  # a category that the first batch has not
    whole = Raking(columns=["age", "region"], joint=joint).fit(table, target)
    parts = [Raking(columns=["age", "region"], joint=joint).partial_fit(**batches(table, target)[0])]
    parts += [parts[0].empty_copy().partial_fit(**batch) for batch in batches(table, target)[1:]]
    counted = parts[2].merge(parts[0]).merge(parts[1]).finalize()
    np.testing.assert_allclose(counted.weigh(table), whole.weights_, rtol=1e-5)
    assert counted.categories_ == whole.categories_


def test_numbers_when_counted_in_batches_then_in_the_bins_of_the_first():
    table, target = people(2000, 0.7, 0.5), people(1000, 0.4, 0.2, seed=1)
    counted = Raking(n_bins=4)
    for batch in batches(table, target):
        counted.partial_fit(**batch)
    weights = counted.finalize().weigh(table)
    quartiles = np.quantile(target["income"][:200], [0.25, 0.5, 0.75])
    own, wanted = (pd.Series(np.searchsorted(quartiles, rows["income"], side="right")) for rows in (table, target))
    np.testing.assert_allclose(shares(own, weights), shares(wanted), atol=1e-5)
    with pytest.raises(DataError, match="column income held numbers first, and is of dtype object now"):
        counted.partial_fit(table.assign(income="much"))


def test_whole_numbers_when_a_batch_has_them_with_missing_values_then_the_same_categories():
    table = pd.DataFrame({"children": [0, 1, 2] * 20})
    missing = pd.DataFrame({"children": [0, 1, 2, None] * 20})
    assert Raking().fit(missing, table).categories_ == {"children": ["(missing)", "0", "1", "2"]}


def test_batch_when_first_and_of_one_side_alone_then_refused():
    table = people(10, 0.5, 0.5)
    with pytest.raises(DataError, match=r"first batch was given no table_target; it needs both"):
        Raking().partial_fit(table)
    with pytest.raises(DataError, match=r"first batch was given no table; it needs both"):
        Raking().partial_fit(table_target=table)


@pytest.mark.parametrize(
    ("column", "target"),
    [
        ([str(v) for v in range(30)], list(range(30))),
        (list(range(30)), [str(v) for v in range(30)]),
        ([Decimal(v) for v in range(30)], [float(v) for v in range(30)]),
        ([float(v) for v in range(30)], [Decimal(v) for v in range(30)]),
        ([True, False] * 15, [1, 0] * 15),
        ([1.0, 0.0] * 15, [True, False] * 15),
        (pd.array(range(30), dtype="Int64"), list(range(30))),
        (pd.Categorical(range(30)), list(range(30))),
        ([dt.date(2024, 1, 1 + v) for v in range(30)], pd.date_range("2024-01-01", periods=30)),
        ([b"a", b"b"] * 15, ["a", "b"] * 15),
    ],
    ids=lambda values: f"{type(values).__name__} of {type(values[0]).__name__}",
)
def test_values_when_equal_but_of_another_type_then_the_rows_weigh_the_same(column, target):
    found = Raking().fit(pd.DataFrame({"x": column}), pd.DataFrame({"x": target}))
    np.testing.assert_allclose(found.weights_, 1.0)
    np.testing.assert_allclose(found.weigh(pd.DataFrame({"x": target})), 1.0)


@pytest.mark.parametrize(
    ("column", "target"),
    [
        (["01", "02"], [1, 2]),
        (["True", "False"], [True, False]),
        ([1.5, 2.5], ["a", "b"]),
        (["2024-01-01", "2024-01-02"], [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2)]),
        ([dt.time(1), dt.time(2)], [dt.timedelta(hours=1), dt.timedelta(hours=2)]),
    ],
)
def test_values_when_of_types_that_cannot_be_compared_then_refused_naming_both(column, target):
    table, target = pd.DataFrame({"x": column}), pd.DataFrame({"x": target})
    words = f"column x is {table['x'].dtype} in table .* but {target['x'].dtype} in table_target".replace("[", r"\[")
    with pytest.raises(DataError, match=words):
        Raking().fit(table, target)


def test_combinations_when_categories_hold_the_word_between_them_then_each_is_its_own():
    parts = ["a", "a x b", "b x c", "c", "x", "a x", "x c", "", "'a'", "'a' x b", "(missing) x"]
    table = pd.DataFrame(list(product(parts, parts)), columns=["x", "y"])
    found = Raking(joint=True).fit(table, table.iloc[::-1])
    assert len(found.categories_["x x y"]) == len(table)
    np.testing.assert_allclose(found.weights_, 1.0)
    assert "a x c" in found.categories_["x x y"]


def test_text_when_it_is_what_stands_for_missing_values_then_refused():
    table = pd.DataFrame({"x": ["a", "(missing)", None]})
    with pytest.raises(DataError, match=r"column x holds the text '\(missing\)', which stands for missing values"):
        Raking().fit(table, table)


def test_bins_when_edges_differ_in_late_digits_then_they_stay_apart():
    table = pd.DataFrame({"x": 1e9 + np.arange(100)})
    assert len(Raking().fit(table, table).categories_["x"]) == 10


def test_compared_when_raked_then_balanced_but_for_what_is_not_weighed():
    table = pd.DataFrame({"s": list("mmff"), "t": list("uvuv"), "x": range(4)}).iloc[[0, 0, 1, 2, 2, 2, 2, 3]]
    target = pd.DataFrame({"s": ["m", "f"], "t": ["u", "v"], "x": [9.0, 9.0]})
    weigher = Raking(columns=["s", "t"]).fit(table, target)
    own, other = weigher.compared(table, target)
    before, after = differences_of_counts(own, other, weigher.weights_[None])
    sexes = 0.125 / np.sqrt((15 / 64 + 1 / 4) / 2)  # 3 of 8 rows are men, half of the target's
    towns = 0.25 / np.sqrt((3 / 16 + 1 / 4) / 2)  # 6 of 8 in u
    np.testing.assert_allclose(before, [sexes, sexes, towns, towns])
    np.testing.assert_allclose(after, 0, atol=1e-6)
