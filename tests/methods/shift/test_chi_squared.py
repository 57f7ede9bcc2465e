"""Shift of categories: chi-squared tests by column, with rare, new and few categories."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from ballast.errors import DataError
from ballast.methods.shift import ChiSquared
from ballast.methods.shift.chi_squared import pool_rare


def row(report, feature: str) -> pd.Series:
    return report.table.set_index("feature").loc[feature]


class TestChiSquared:
    def test_test_when_compared_with_scipy_then_the_same(self):
        rng = np.random.default_rng(0)
        table = pd.DataFrame({"c": rng.choice(list("abc"), 300), "flag": rng.random(300) < 0.3})
        target = pd.DataFrame({"c": rng.choice(list("abc"), 200, p=[0.5, 0.3, 0.2]), "flag": rng.random(200) < 0.5})
        report = ChiSquared().test(table, target)
        for name in ("c", "flag"):
            counts = np.stack([s[name].value_counts().sort_index().to_numpy() for s in (table, target)])
            expected = chi2_contingency(counts, correction=False)
            assert row(report, name)["statistic"] == pytest.approx(expected.statistic)
            assert row(report, name)["p_value"] == pytest.approx(expected.pvalue)
            assert row(report, name)["effect_size"] == pytest.approx(np.sqrt(expected.statistic / 500))
        assert row(report, "c")["effect"] == "Cramer's V (0.063 expected without change)"

    @pytest.mark.parametrize("dtype", ["object", "category", "string"])
    def test_test_when_the_target_has_an_unseen_category_then_it_counts(self, dtype):
        table = pd.DataFrame({"c": pd.Series(["a"] * 50 + ["b"] * 50, dtype=dtype)})
        target = pd.DataFrame({"c": pd.Series(["a"] * 50 + ["new"] * 50, dtype=dtype)})
        report = ChiSquared().test(table, target)
        assert report.rejected
        assert report.statistic == pytest.approx(100.0)  # b and new: expected 25, counted 50 and 0

    def test_test_when_every_category_is_new_then_the_largest_effect(self):
        report = ChiSquared().test(pd.DataFrame({"c": ["a"] * 20}), pd.DataFrame({"c": ["b"] * 20}))
        assert row(report, "c")["effect_size"] == pytest.approx(1.0)

    def test_pool_rare_when_categories_are_rare_then_pooled_until_expected_often_enough(self):
        counts = np.array([[50.0, 40.0, 3.0, 1.0], [45.0, 45.0, 5.0, 0.0]])
        np.testing.assert_allclose(pool_rare(counts), [[50, 44], [45, 50]])  # 3 + 1 + 5 = 9 is too few: b joins
        np.testing.assert_allclose(pool_rare(np.array([[9.0, 9.0], [9.0, 9.0]])), [[9, 9], [9, 9]])
        many = np.array([[30.0, 2, 2, 2, 2], [30, 2, 2, 2, 2]])
        np.testing.assert_allclose(pool_rare(many), [[30, 8], [30, 8]])

    @pytest.mark.parametrize("counts", [[[1, 0], [0, 1]], [[3, 0, 1], [0, 2, 2]], [[4, 1, 0], [1, 1, 5]]])
    def test_p_value_when_counts_are_small_then_near_that_of_all_deals(self, counts):
        counts = np.array(counts)
        (n, m), k = counts.sum(axis=1), counts.shape[1]
        pooled = np.repeat(np.arange(k), counts.sum(axis=0))

        def statistic(of_target: np.ndarray) -> float:
            return chi2_contingency(np.stack([counts.sum(axis=0) - of_target, of_target]), correction=False).statistic

        deals = [np.bincount(pooled[list(chosen)], minlength=k) for chosen in combinations(range(n + m), m)]
        exact = np.mean([statistic(deal) >= statistic(counts[1]) - 1e-9 for deal in deals])
        table, target = (pd.DataFrame({"c": np.repeat(list("xyz")[:k], part)}) for part in counts)
        assert row(ChiSquared().test(table, target), "c")["p_value"] == pytest.approx(exact, rel=0.25)

    def test_test_when_all_of_a_small_target_is_new_then_found(self):
        table = pd.DataFrame({"c": ["a"] * 9000 + ["b"] * 1000, "k": ["u", "v"] * 5000})
        report = ChiSquared().test(table, pd.DataFrame({"c": ["z"] * 20, "k": ["u", "v"] * 10}))
        assert row(report, "c")["rejected"]
        assert row(report, "c")["p_value"] < 1e-40
        assert row(report, "c")["effect_size"] == pytest.approx(1.0)
        assert not row(report, "k")["rejected"]

    def test_test_when_samples_have_no_category_in_common_then_found_with_an_effect_of_one(self):
        rng = np.random.default_rng(0)
        table, target = (pd.DataFrame({"code": [f"{s}{i}" for i in rng.integers(0, 200, 500)]}) for s in "st")
        found = row(ChiSquared().test(table, target), "code")
        assert found["rejected"]
        assert found["effect_size"] == pytest.approx(1.0)
        assert chi2_contingency(pd.crosstab(np.repeat([0, 1], 500), [*table["code"], *target["code"]]))[1] < 1e-50

    def test_test_when_new_codes_take_the_place_of_known_ones_beside_a_frequent_one_then_found(self):
        rng = np.random.default_rng(0)
        table, target = (
            pd.DataFrame({"c": ["a"] * 250 + [f"{s}{i}" for i in rng.integers(0, 100, 250)]}) for s in "st"
        )
        assert row(ChiSquared().test(table, target), "c")["p_value"] < 0.001

    def test_test_when_rows_and_samples_change_places_then_the_same(self):
        rng = np.random.default_rng(0)
        table, target = (pd.DataFrame({"c": rng.choice(list("abcdef"), n, p=[0.5, 0.3, 0.1, 0.05, 0.03, 0.02])})
                         for n in (40, 25))  # fmt: skip
        found = [ChiSquared().test(*pair).p_value for pair in (
            (table, target), (target, table), (table.sample(frac=1, random_state=0), target))]  # fmt: skip
        assert found[0] == found[2] == pytest.approx(found[1], rel=0.25)

    def test_effect_when_nothing_changes_then_as_expected(self):
        rng = np.random.default_rng(0)
        effects = []
        for _ in range(40):
            table, target = (pd.DataFrame({"c": rng.integers(0, 60, 100).astype(str)}) for _ in range(2))
            found = row(ChiSquared().test(table, target), "c")
            effects.append(found["effect_size"])
        assert "expected without change" in found["effect"]
        assert np.sqrt(np.mean(np.square(effects))) == pytest.approx(float(found["effect"].split("(")[1][:4]), abs=0.03)

    def test_test_when_a_column_cannot_be_tested_then_says_why(self):
        ids = [f"id{i}" for i in range(60)]
        table = pd.DataFrame({"ok": ["a", "b"] * 30, "id": ids, "same": "x", "none": None})
        report = ChiSquared().test(table, table.assign(id=ids[::-1]))
        assert row(report, "id")["p_value"] == 1.0
        assert row(report, "same")["effect"] == "no change: constant in both"
        assert row(report, "none")["effect"] == "no change: no value in either"
        assert row(report, "ok")["p_value"] == pytest.approx(1.0)
        assert not report.rejected

    def test_test_when_values_are_missing_then_left_out_and_counted(self):
        table = pd.DataFrame({"c": ["a"] * 30 + ["b"] * 30 + [None] * 10})
        target = pd.DataFrame({"c": ["a"] * 30 + ["b"] * 30})
        report = ChiSquared().test(table, target)
        assert row(report, "c")["statistic"] == pytest.approx(0.0)
        assert "10 of 70 rows, 0 of 60 in the target" in row(report, "c")["effect"]

    def test_test_when_no_column_is_categorical_then_refuses(self):
        with pytest.raises(DataError, match=r"no column of 1 is categorical.*kolmogorov_smirnov"):
            ChiSquared().test(pd.DataFrame({"a": [1.0]}), pd.DataFrame({"a": [2.0]}))

    def test_test_when_cells_hold_lists_then_says_so_and_tests_the_others(self):
        table = pd.DataFrame({"tags": [["a"], ["b"]] * 10})
        with pytest.raises(DataError, match="tags: not tested: a cell holds several values"):
            ChiSquared().test(table, table)
        report = ChiSquared().test(table.assign(c=list("ab") * 10), table.assign(c=list("ab") * 10))
        assert row(report, "tags")["effect"].startswith("not tested: a cell holds several values")
        assert row(report, "c")["p_value"] == pytest.approx(1.0)

    @pytest.mark.parametrize(
        "values",
        [
            [1, 2, 3],
            [1.0, 2.0, 3.0],
            ["1", "2", "3"],
            [Decimal("1.00"), Decimal(2), Decimal(3)],
            [b"1", b"2", b"3"],
            pd.Categorical([1, 2, 3]),
            pd.Categorical(["1", "2", "3"]),
            pd.array([1, 2, 3], dtype="Int64"),
            pd.array(["1", "2", "3"], dtype="string[pyarrow]"),
        ],
        ids=lambda values: f"{getattr(values, 'dtype', '')} {type(values[0]).__name__}",
    )
    def test_test_when_values_are_of_another_type_then_they_do_not_differ_for_that(self, values):
        table = pd.DataFrame({"c": pd.Series(pd.Categorical([1, 2, 3])).repeat(30).reset_index(drop=True)})
        target = pd.DataFrame({"c": pd.Series(values).repeat(30).reset_index(drop=True)})
        report = ChiSquared().test(table, target)
        assert row(report, "c")[["effect_size", "p_value"]].tolist() == pytest.approx([0, 1])

    def test_test_when_truths_are_kept_as_numbers_then_they_are_the_same(self):
        table = pd.DataFrame({"c": [True, False] * 20})
        for same in ([1, 0], [1.0, 0.0], ["1", "0"]):
            assert ChiSquared().test(table, pd.DataFrame({"c": same * 20})).p_value == pytest.approx(1.0)

    @pytest.mark.parametrize(
        ("column", "target"),
        [
            ([True, False], ["True", "False"]),
            (["yes", "no"], [True, False]),
            (["01", "02"], [1, 2]),
            (["a", "b"], [1, 2]),
            (["2024-01-01", "2024-01-02"], pd.to_datetime(["2024-01-01", "2024-01-02"])),
            (["a", "b"], [["a"], ["b"]]),
        ],
    )
    def test_test_when_values_cannot_be_held_against_each_other_then_refuses_naming_both_types(self, column, target):
        table, target = pd.DataFrame({"c": [*column] * 20}), pd.DataFrame({"c": [*target] * 20})
        with pytest.raises(DataError, match=f"column 'c' is {table['c'].dtype} in table but .* in table_target"):
            ChiSquared().test(table, target)
