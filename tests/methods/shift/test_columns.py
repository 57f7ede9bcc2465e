"""The tests that go column by column: Kolmogorov-Smirnov and chi-squared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency, false_discovery_control, ks_2samp

from ballast.errors import DataError
from ballast.methods.frame.reports import OVERALL, TEST_COLUMNS
from ballast.methods.shift import ChiSquared, KolmogorovSmirnov
from ballast.methods.shift._columns import adjust
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
        assert report.statistic == pytest.approx(ks_2samp(a, b).statistic)
        assert "20 of 120 rows, 1 of 81 in the target" in row(report, "a")["effect"]

    def test_test_when_a_column_cannot_be_tested_then_says_why_and_does_not_count(self):
        rng = np.random.default_rng(4)
        table = pd.DataFrame({"x": rng.random(50), "empty": rng.random(50), "same": 1.0, "moved": 1.0})
        target = pd.DataFrame({"x": rng.random(50), "empty": np.nan, "same": 1.0, "moved": 2.0})
        report = KolmogorovSmirnov().test(table, target)
        assert row(report, "empty")["effect"] == "not tested: no value in the target (50 rows)"
        assert row(report, "same")["effect"] == "not tested: constant (1) in both"
        assert np.isnan(row(report, "same")["p_value"])
        assert not row(report, "same")["rejected"]
        assert row(report, "moved")["statistic"] == 1.0
        assert row(report, "x")["adjusted_p_value"] == row(report, "x")["p_value"], "two columns were tested, not four"
        assert "largest of 2" in row(report, OVERALL)["effect"]

    def test_test_when_columns_are_of_other_types_then_they_are_skipped(self):
        table = pd.DataFrame({"x": [1, 2, 3], "flag": [True, False, True], "name": list("abc"), "when": pd.NaT})
        report = KolmogorovSmirnov().test(table, table.assign(new=1.0))
        assert report.table["feature"].tolist() == ["x", OVERALL]
        assert report.p_value == 1.0

    def test_test_when_no_column_will_do_then_refuses(self):
        with pytest.raises(DataError, match=r"no column of 1 is numeric.*chi_squared"):
            KolmogorovSmirnov().test(pd.DataFrame({"a": ["x"]}), pd.DataFrame({"a": ["y"]}))
        with pytest.raises(DataError, match=r"no column could be tested \(1 column: .*constant \(1\)"):
            KolmogorovSmirnov().test(pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]}))

    def test_test_when_the_target_lacks_or_retypes_a_column_then_names_it(self):
        table = pd.DataFrame({"age": [1.0, 2.0]})
        with pytest.raises(DataError, match="no column 'age', did you mean 'ages'"):
            KolmogorovSmirnov().test(table, pd.DataFrame({"ages": [1.0]}))
        with pytest.raises(DataError, match=r"'age' is float64 in table but object in table_target"):
            KolmogorovSmirnov().test(table, pd.DataFrame({"age": ["old"]}))

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
        assert row(report, "same")["effect"] == "not tested: constant in both"
        assert row(report, "none")["effect"] == "not tested: no value in table (60 rows)"
        assert row(report, "ok")["p_value"] == pytest.approx(1.0)
        assert not report.rejected

    def test_test_when_values_are_missing_then_left_out_and_counted(self):
        table = pd.DataFrame({"c": ["a"] * 30 + ["b"] * 30 + [None] * 10})
        target = pd.DataFrame({"c": ["a"] * 30 + ["b"] * 30})
        report = ChiSquared().test(table, target)
        assert report.statistic == pytest.approx(0.0)
        assert "10 of 70 rows, 0 of 60 in the target" in row(report, "c")["effect"]

    def test_test_when_no_column_is_categorical_then_refuses(self):
        with pytest.raises(DataError, match=r"no column of 1 is categorical.*kolmogorov_smirnov"):
            ChiSquared().test(pd.DataFrame({"a": [1.0]}), pd.DataFrame({"a": [2.0]}))

    def test_test_when_values_cannot_be_counted_then_says_so(self):
        table = pd.DataFrame({"tags": [["a"], ["b"]]})
        with pytest.raises(DataError, match="'tags' holds values that cannot be counted"):
            ChiSquared().test(table, table)
