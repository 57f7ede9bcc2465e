"""The tests that go column by column: Kolmogorov-Smirnov and chi-squared."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, chi2_contingency, false_discovery_control, fisher_exact, ks_2samp

from ballast.errors import DataError
from ballast.methods.frame.reports import OVERALL, TEST_COLUMNS
from ballast.methods.shift import ChiSquared, KolmogorovSmirnov
from ballast.methods.shift._columns import adjust, missing_share
from ballast.methods.shift.chi_squared import pool_rare
from ballast.methods.shift.kolmogorov_smirnov import ks_distance


def row(report, feature: str) -> pd.Series:
    return report.table.set_index("feature").loc[feature]


class TestAdjust:
    def test_holm_when_compared_with_the_definition_then_equal(self):
        p = np.array([0.04, 0.01, 0.03, 0.5])
        np.testing.assert_allclose(adjust(p, "holm"), [0.09, 0.04, 0.09, 0.5])
        np.testing.assert_allclose(adjust(np.array([0.9, 0.8]), "holm"), [1.0, 1.0])

    def test_benjamini_hochberg_when_compared_with_scipy_then_equal(self):
        p = np.random.default_rng(0).random(20)
        np.testing.assert_allclose(adjust(p, "benjamini_hochberg"), false_discovery_control(p))
        assert (adjust(p, "benjamini_hochberg") <= adjust(p, "holm")).all()


class TestKolmogorovSmirnov:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
    def test_distance_when_compared_with_scipy_then_equal_ties_and_signs_included(self, dtype):
        rng = np.random.default_rng(0)
        for _ in range(100):
            a, b = (
                (rng.integers(-4, 5, rng.integers(1, 40)) * rng.choice([1, 3])).astype(dtype).astype(np.float64)
                for _ in range(2)
            )
            a[a == 0] = -0.0
            assert ks_distance(a, b) == pytest.approx(ks_2samp(a, b, method="asymp").statistic, abs=1e-12)

    def test_distance_when_values_are_infinite_then_they_count_as_ordered(self):
        a, b = np.array([-np.inf, 0.0, np.inf]), np.array([0.0, np.inf, np.inf])
        assert ks_distance(a, b) == pytest.approx(1 / 3)

    def test_test_when_compared_with_scipy_then_the_same_p_values(self):
        rng = np.random.default_rng(1)
        table, target = pd.DataFrame(rng.random((300, 3))), pd.DataFrame(rng.random((200, 3)) ** 1.2)
        report = KolmogorovSmirnov().test(table, target)
        for j in range(3):
            expected = ks_2samp(table[j], target[j], method="asymp")
            assert row(report, str(j))["statistic"] == pytest.approx(expected.statistic)
            assert row(report, str(j))["p_value"] == pytest.approx(expected.pvalue)

    def test_report_when_one_column_moves_then_it_alone_is_named_and_the_last_row_is_overall(self):
        rng = np.random.default_rng(0)
        table = pd.DataFrame(rng.standard_normal((500, 4)), columns=list("abcd"))
        target = pd.DataFrame(rng.standard_normal((400, 4)), columns=list("abcd"))
        target["c"] += 1
        report = KolmogorovSmirnov().test(table, target)
        assert tuple(report.table.columns) == TEST_COLUMNS
        assert report.table["feature"].tolist() == [*"abcd", OVERALL]
        assert report.table["rejected"].tolist() == [False, False, True, False, True]
        assert report.statistic == row(report, "c")["statistic"] == row(report, OVERALL)["effect_size"]
        assert report.p_value == row(report, "c")["adjusted_p_value"]
        assert report.rejected
        assert row(report, "c")["effect"] == "Kolmogorov-Smirnov distance"

    def test_test_when_values_are_missing_then_they_are_left_out_and_counted(self):
        rng = np.random.default_rng(3)
        a, b = rng.random(100), rng.random(80)
        holes = pd.DataFrame({"a": np.concatenate([a, np.full(20, np.nan)])})
        nullable = pd.DataFrame({"a": pd.array(np.concatenate([b, [np.nan]]), dtype="Float64")})
        report = KolmogorovSmirnov().test(holes, nullable)
        assert row(report, "a")["statistic"] == pytest.approx(ks_2samp(a, b).statistic)
        assert "20 of 120 rows, 1 of 81 in the target" in row(report, "a")["effect"]

    def test_test_when_a_column_cannot_be_tested_then_says_why_and_does_not_count(self):
        rng = np.random.default_rng(4)
        table = pd.DataFrame({"x": rng.random(50), "empty": rng.random(50), "same": 1.0, "moved": 1.0})
        target = pd.DataFrame({"x": rng.random(50), "empty": np.nan, "same": 1.0, "moved": 2.0})
        report = KolmogorovSmirnov().test(table, target)
        assert row(report, "empty")["effect"] == "not tested: no value in the target (50 rows)"
        assert np.isnan(row(report, "empty")["p_value"])
        assert row(report, "same")["effect"] == "no change: constant (1) in both"
        assert row(report, "same")[["p_value", "adjusted_p_value", "effect_size"]].tolist() == [1, 1, 0]
        assert not row(report, "same")["rejected"]
        assert row(report, "moved")["statistic"] == 1.0
        assert row(report, "x")["adjusted_p_value"] == row(report, "x")["p_value"], "three were tested, not five"
        assert "largest of 3" in row(report, OVERALL)["effect"]

    def test_test_when_columns_are_of_other_types_then_each_has_a_row_that_says_so(self):
        table = pd.DataFrame({"x": [1, 2, 3], "flag": [True, False, True], "name": list("abc"), "when": pd.NaT})
        report = KolmogorovSmirnov().test(table.assign(q=1.0), table.assign(new=1.0, word="a"))
        said = dict(zip(report.table["feature"], report.table["effect"], strict=True))
        assert said.pop(OVERALL) == "largest of 1: Kolmogorov-Smirnov distance"
        assert said == {
            "x": "Kolmogorov-Smirnov distance",
            "flag": "left to chi_squared: a truth",
            "name": "left to chi_squared: a category",
            "when": "no change: no value in either",
            "q": "not tested: table_target has no column 'q'",
            "new": "not tested: table has no such column",
            "word": "left to chi_squared: a category",
        }
        assert report.p_value == 1.0

    def test_test_when_no_column_will_do_then_refuses(self):
        with pytest.raises(DataError, match=r"no column of 1 is a number or a time.*chi_squared"):
            KolmogorovSmirnov().test(pd.DataFrame({"a": ["x"]}), pd.DataFrame({"a": ["y"]}))
        with pytest.raises(DataError, match=r"no column could be tested \(1 column: .*constant \(1\)"):
            KolmogorovSmirnov().test(pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]}))

    def test_test_when_the_target_lacks_or_retypes_a_column_then_names_it(self):
        table = pd.DataFrame({"age": [1.0, 2.0]})
        with pytest.raises(DataError, match="no column 'age', did you mean 'ages'"):
            KolmogorovSmirnov().test(table, pd.DataFrame({"ages": [1.0]}))
        with pytest.raises(DataError, match=r"'age' is float64 in table but object in table_target"):
            KolmogorovSmirnov().test(table, pd.DataFrame({"age": ["old"]}))

    def test_test_when_a_column_stands_there_twice_then_refuses(self):
        table = pd.DataFrame(np.eye(3), columns=["a", "b", "a"])
        with pytest.raises(DataError, match=r"table_target has column\(s\) a more than once"):
            KolmogorovSmirnov().test(table.iloc[:, :2], table)

    def test_test_when_level_and_multiplicity_change_then_so_does_the_verdict(self):
        rng = np.random.default_rng(5)
        table, target = (pd.DataFrame(rng.standard_normal((200, 10))) for _ in range(2))
        target[0] += 0.35
        target[1] += 0.35
        strict = KolmogorovSmirnov(alpha=1e-9).test(table, target)
        assert not strict.rejected
        assert strict.threshold == 1e-9
        holm, bh = (KolmogorovSmirnov(multiplicity=m).test(table, target).table for m in ("holm", "benjamini_hochberg"))
        assert (bh["adjusted_p_value"] <= holm["adjusted_p_value"]).all()
        assert (bh["adjusted_p_value"] < holm["adjusted_p_value"]).any()


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
        assert row(report, "c")["effect"] == "Cramer's V"

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

    def test_test_when_a_column_cannot_be_tested_then_says_why(self):
        ids = [f"id{i}" for i in range(60)]
        table = pd.DataFrame({"ok": ["a", "b"] * 30, "id": ids, "same": "x", "none": None})
        report = ChiSquared().test(table, table.assign(id=ids[::-1]))
        assert "of its 60 categories no two are expected 5 times" in row(report, "id")["effect"]
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


class TestKinds:
    """Every type of column is tested by one of the two."""

    @pytest.mark.parametrize("zone", [None, "America/New_York"])
    def test_test_when_dates_times_and_decimals_move_then_found(self, zone):
        rng = np.random.default_rng(0)
        days = rng.integers(0, 1000, 300)

        def frame(by: int) -> pd.DataFrame:
            return pd.DataFrame(
                {
                    "date": [dt.date(2010, 1, 1) + dt.timedelta(days=int(d) + by) for d in days],
                    "stamp": pd.to_datetime("2010-01-01") + pd.to_timedelta(days + by, unit="D"),
                    "wait": pd.to_timedelta(days + by, unit="s"),
                    "price": [Decimal(int(d) + by) / 100 for d in days],
                    "clock": [dt.time((int(d) + by) // 100) for d in days],
                }
            ).assign(stamp=lambda t: t["stamp"].dt.tz_localize(zone))

        same = KolmogorovSmirnov().test(frame(0), frame(0))
        assert same.table["effect_size"].eq(0).all()
        report = KolmogorovSmirnov().test(frame(0), frame(1000))
        assert report.table["feature"].tolist() == ["date", "stamp", "wait", "price", "clock", OVERALL]
        assert report.table["effect_size"].min() == 1.0

    def test_test_when_equal_numbers_are_of_another_type_then_they_do_not_differ(self):
        numbers = pd.Series([1.5, 2.5, 4.0] * 10)
        table = pd.DataFrame({"x": numbers})
        for same in (numbers.map(Decimal), numbers.astype("Float64"), numbers.astype("float64[pyarrow]")):
            assert KolmogorovSmirnov().test(table, pd.DataFrame({"x": same})).statistic == 0.0

    @pytest.mark.parametrize(
        ("column", "target"),
        [
            ([1.0, 2.0], ["1", "2"]),
            ([dt.date(2024, 1, 1), dt.date(2024, 1, 2)], [dt.time(1), dt.time(2)]),
            (pd.to_timedelta([1, 2], unit="s"), [1, 2]),
            (pd.to_datetime(["2024-01-01", "2024-01-02"]), ["2024-01-01", "2024-01-02"]),
        ],
    )
    def test_test_when_numbers_are_of_another_scale_then_refuses_naming_both_types(self, column, target):
        with pytest.raises(DataError, match=r"column 'x' is .* in table but .* in table_target"):
            KolmogorovSmirnov().test(pd.DataFrame({"x": column}), pd.DataFrame({"x": target}))

    def test_tests_when_a_table_has_every_kind_then_each_column_is_tested_by_one_and_left_by_the_other(self):
        table = pd.DataFrame(
            {
                "number": [1.0, None] * 20,
                "truth": pd.array([True, None] * 20, dtype="boolean"),
                "time": pd.to_datetime(["2024-01-01", None] * 20),
                "text": ["a", None] * 20,
                "list": [["a"], None] * 20,
            }
        )
        by = {test.name: test().test(table, table).table.set_index("feature")["effect"] for test in TESTS}
        left = {name: {f for f, e in said.items() if e.startswith("left to")} for name, said in by.items()}
        assert left == {"kolmogorov_smirnov": {"truth", "text", "list"}, "chi_squared": {"number", "time"}}
        missing = [f for said in by.values() for f in said.index if f.endswith("(missing)")]
        assert sorted(missing) == sorted(f"{c} (missing)" for c in table)


TESTS = (KolmogorovSmirnov, ChiSquared)


class TestMissingness:
    @pytest.mark.parametrize(
        ("test", "values"), [(KolmogorovSmirnov, np.arange(1000.0)), (ChiSquared, ["x", "y"] * 500)]
    )
    def test_test_when_values_vanish_in_the_target_then_rejected_with_a_large_effect(self, test, values):
        table, target = pd.DataFrame({"amount": values}), pd.DataFrame({"amount": values})
        target.loc[target.index % 20 > 0, "amount"] = None
        report = test().test(table, target)
        found = row(report, "amount (missing)")
        assert found["rejected"]
        assert found["effect_size"] == pytest.approx(0.95)
        assert found["effect"] == "change of the share missing (0 % of 1000 rows, 95 % of 1000 in the target)"
        assert row(report, OVERALL)["effect_size"] == pytest.approx(0.95)
        assert report.rejected

    def test_test_when_no_value_is_missing_then_no_row_of_it(self):
        table = pd.DataFrame({"x": np.arange(20.0)})
        assert KolmogorovSmirnov().test(table, table).table["feature"].tolist() == ["x", OVERALL]

    @pytest.mark.parametrize("test", TESTS)
    def test_test_when_the_target_has_no_value_at_all_then_its_missingness_is_found(self, test):
        values = np.arange(50.0) if test is KolmogorovSmirnov else ["x", "y"] * 25
        report = test().test(pd.DataFrame({"c": values}), pd.DataFrame({"c": [None] * 50}))
        assert row(report, "c (missing)")["effect_size"] == 1.0
        assert report.rejected

    def test_missing_share_when_compared_with_scipy_then_fishers_p(self):
        found = missing_share("x", np.arange(30) < 2, np.arange(20) < 9)
        assert found is not None
        assert found.p_value == pytest.approx(fisher_exact([[2, 28], [9, 11]]).pvalue)
        assert found.effect_size == pytest.approx(9 / 20 - 2 / 30)

    def test_test_when_missingness_is_tested_then_it_is_corrected_for(self):
        rng = np.random.default_rng(0)
        table, target = pd.DataFrame({"x": rng.random(200)}), pd.DataFrame({"x": rng.random(200) ** 1.3})
        alone = KolmogorovSmirnov().test(table, target)
        report = KolmogorovSmirnov().test(*(frame.reindex(range(210)) for frame in (table, target)))
        assert row(report, "x")["p_value"] == row(alone, "x")["p_value"]
        assert row(report, "x")["adjusted_p_value"] == 2 * row(alone, "x")["adjusted_p_value"]

    def test_test_when_a_column_has_the_name_of_the_row_then_both_stand(self):
        table = pd.DataFrame({"x": [1.0, None] * 5, "x (missing)": np.arange(10.0)})
        features = KolmogorovSmirnov().test(table, table).table["feature"]
        assert features.tolist() == ["x", "x (missing) (missing)", "x (missing)", OVERALL]

    @pytest.mark.parametrize(("n", "m", "share"), [(5, 5, 0.5), (8, 15, 0.3), (20, 60, 0.05)])
    def test_missing_share_when_nothing_changes_then_its_exact_size_is_at_most_alpha(self, n, m, share):
        k, k_target = np.arange(n + 1), np.arange(m + 1)
        chance = np.outer(binom.pmf(k, n, share), binom.pmf(k_target, m, share))
        p_values = [
            [getattr(missing_share("x", np.arange(n) < i, np.arange(m) < j), "p_value", 1.0) for j in k_target]
            for i in k
        ]
        assert chance[np.array(p_values) <= 0.05].sum() <= 0.05
