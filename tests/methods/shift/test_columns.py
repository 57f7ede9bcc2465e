"""The tests that go column by column: Kolmogorov-Smirnov and chi-squared."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, fisher_exact, hypergeom, ks_2samp

from ballast.errors import DataError, ParameterError
from ballast.methods.frame.reports import OVERALL, TEST_COLUMNS
from ballast.methods.shift import ChiSquared, KolmogorovSmirnov, _smirnov
from ballast.methods.shift._columns import adjust
from ballast.methods.shift._smirnov import p_value, steps


def row(report, feature: str) -> pd.Series:
    return report.table.set_index("feature").loc[feature]


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return steps(a, b).gap / (len(a) * len(b))


def chance_by_counting(a: np.ndarray, b: np.ndarray) -> float:
    """The share of all deals of the pooled values whose distance is as large."""
    pooled, everyone = np.concatenate([a, b]), range(len(a) + len(b))
    deals = [
        distance(pooled[list(chosen)], np.delete(pooled, list(chosen))) for chosen in combinations(everyone, len(a))
    ]
    return float(np.mean(np.array(deals) >= distance(a, b) - 1e-12))


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
            assert distance(a, b) == pytest.approx(ks_2samp(a, b, method="asymp").statistic, abs=1e-12)

    def test_distance_when_values_are_infinite_then_they_count_as_ordered(self):
        a, b = np.array([-np.inf, 0.0, np.inf]), np.array([0.0, np.inf, np.inf])
        assert distance(a, b) == pytest.approx(1 / 3)

    def test_test_when_compared_with_scipy_then_the_same_p_values(self):
        rng = np.random.default_rng(1)
        for n, m, method in ((300, 200, "exact"), (7, 400, "exact"), (5000, 4000, "asymp")):
            table, target = pd.DataFrame(rng.random((n, 3))), pd.DataFrame(rng.random((m, 3)) ** 1.1)
            report = KolmogorovSmirnov().test(table, target)
            for j in range(3):
                expected = ks_2samp(table[j], target[j], method=method)
                assert row(report, str(j))["statistic"] == pytest.approx(expected.statistic)
                assert row(report, str(j))["p_value"] == pytest.approx(expected.pvalue)

    @pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 5), (2, 4), (5, 5), (7, 4)])
    @pytest.mark.parametrize("values", [2, 4, 1000])
    def test_p_value_when_samples_are_small_then_that_of_counting_all_deals_ties_included(self, n, m, values):
        rng = np.random.default_rng(0)
        for _ in range(10):
            a, b = (rng.integers(0, values, size).astype(float) for size in (n, m))
            stepped = steps(a, b)
            if len(stepped.sizes) > 1:
                assert p_value(stepped.gap, n, m, stepped.sizes) == pytest.approx(chance_by_counting(a, b))

    def test_test_when_samples_are_small_then_exact(self):
        for a, b, p in (([0.0], [1.0], 1.0), ([1.0, 2.0], [3.0, 4.0, 5.0, 6.0], 2 / 15)):
            assert KolmogorovSmirnov().test(pd.DataFrame({"x": a}), pd.DataFrame({"x": b})).p_value == pytest.approx(p)
        apart = pd.DataFrame(np.arange(500.0).reshape(5, 100))
        report = KolmogorovSmirnov().test(apart, apart + 1000)
        assert report.table["p_value"].iloc[0] == pytest.approx(2 / 252)
        assert not report.rejected, "5 rows against 5 in 100 columns can never be told apart"

    @pytest.mark.parametrize(("n", "m"), [(500, 500), (60, 900), (4000, 5000)])
    def test_p_value_when_the_column_is_a_flag_then_that_of_the_hypergeometric_law(self, n, m):
        k, k_target = int(0.5 * n), int((0.5 + 1.6 / np.sqrt(n)) * m)
        table, target = (
            pd.DataFrame({"x": (np.arange(size) < count) * 1.0}) for size, count in ((n, k), (m, k_target))
        )
        counts = np.arange(k + k_target + 1)
        as_far = np.abs(counts / n - (k + k_target - counts) / m) >= abs(k / n - k_target / m) - 1e-12
        expected = hypergeom.pmf(counts, n + m, k + k_target, n)[as_far].sum()
        assert KolmogorovSmirnov().test(table, target).p_value == pytest.approx(expected)

    def test_p_value_when_samples_of_500_hold_flags_then_fishers(self):
        table, target = (pd.DataFrame({"flag": (np.arange(500) < k) * 1.0}) for k in (250, 285))
        found = row(KolmogorovSmirnov().test(table, target), "flag")
        assert found["p_value"] == pytest.approx(fisher_exact([[250, 250], [285, 215]]).pvalue)

    @pytest.mark.parametrize("atom", [0.1, 0.5, 0.8])
    def test_p_value_when_many_values_stand_beside_a_frequent_one_then_near_the_exact_one(self, atom, monkeypatch):
        n, rare = 5000, round(10_000 * (1 - atom))
        sizes = np.array([*[1] * (rare // 5), 10_000 - rare, *[1] * (rare - rare // 5)])
        gaps = [round(d * n) * n for d in (0.02, 0.027, 0.05)]
        in_runs = [p_value(gap, n, n, sizes) for gap in gaps]
        monkeypatch.setattr(_smirnov, "MOST_VALUES", 10_000)
        np.testing.assert_allclose(in_runs, [p_value(gap, n, n, sizes) for gap in gaps], rtol=0.05)

    def test_p_value_when_all_values_differ_then_exact_and_continuous_laws_meet(self):
        n = 3000
        gaps = [round(d * n) * n for d in (0.02, 0.03, 0.035, 0.05)]
        continuous = [p_value(gap, n, n, np.ones(2 * n, dtype=np.int64)) for gap in gaps]
        exact = [ks_2samp(np.arange(n), np.arange(n) + gap / n - 0.5, method="exact").pvalue for gap in gaps]
        np.testing.assert_allclose(continuous, exact, rtol=0.05)

    def test_test_when_one_role_is_stored_as_floats_then_compared_as_floats(self):
        rng = np.random.default_rng(1)
        prices = np.array([0.1, 0.2, 0.3, 0.6, 0.7])
        drawn, drawn_target = rng.choice(prices, 2000), rng.choice(prices, 2000)
        as_floats = [pd.DataFrame({"price": values.astype(np.float32)}) for values in (drawn, drawn_target)]
        expected = row(KolmogorovSmirnov().test(*as_floats), "price")
        assert expected["statistic"] == pytest.approx(0.029)
        assert expected["effect"] == "Kolmogorov-Smirnov distance"
        through = drawn_target.astype(np.float32)
        for target in (through, through.astype(np.float64), pd.array(through, dtype="Float32")):
            for one, other in ((drawn, target), (target, drawn)):
                found = row(KolmogorovSmirnov().test(*(pd.DataFrame({"price": v}) for v in (one, other))), "price")
                assert found["statistic"] == pytest.approx(0.029)
                assert "compared as float32, the precision of one of the two" in found["effect"]

    def test_test_when_a_sensor_sticks_then_its_value_is_named(self):
        rng = np.random.default_rng(17)
        table, target = (pd.DataFrame(rng.standard_normal((2000, 3)), columns=list("abc")) for _ in range(2))
        target.loc[rng.random(2000) < 0.03, "b"] = 0.0
        report = KolmogorovSmirnov().test(table, target)
        assert report.table["feature"].tolist() == ["a", "b", "b (frequent value)", "c", OVERALL]
        found = row(report, "b (frequent value)")
        stuck = int((target["b"] == 0).sum())
        assert found["p_value"] == pytest.approx(fisher_exact([[0, 2000], [stuck, 2000 - stuck]]).pvalue)
        assert found["effect"].startswith("change of the share at 0 (0 % of 2000 rows, ")
        assert not row(report, "b")["rejected"]

    def test_test_when_values_are_ratings_or_flags_then_none_is_a_frequent_one(self):
        rng = np.random.default_rng(0)
        table = pd.DataFrame({"rating": rng.integers(1, 6, 500), "flag": rng.random(500) < 0.1}).astype(float)
        assert KolmogorovSmirnov().test(table, table).table["feature"].tolist() == ["rating", "flag", OVERALL]

    def test_frequent_value_when_several_are_then_corrected_for_their_number(self):
        rng = np.random.default_rng(0)
        table = pd.DataFrame({"x": np.concatenate([np.zeros(100), np.full(100, -9.0), rng.random(800)])})
        target = pd.DataFrame({"x": np.concatenate([np.zeros(150), np.full(100, -9.0), rng.random(750)])})
        found = row(KolmogorovSmirnov().test(table, target), "x (frequent value)")
        assert found["p_value"] == pytest.approx(2 * fisher_exact([[100, 900], [150, 850]]).pvalue)

    def test_test_when_table_and_target_change_places_then_the_same(self):
        rng = np.random.default_rng(0)
        table, target = pd.DataFrame(rng.integers(0, 4, (30, 2))), pd.DataFrame(rng.integers(0, 5, (9, 2)))
        one, other = KolmogorovSmirnov().test(table, target), KolmogorovSmirnov().test(target, table)
        np.testing.assert_allclose(one.table["p_value"], other.table["p_value"])

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


class TestDecide:
    """A million rows make every change certain, whatever its size."""

    @pytest.mark.parametrize(
        ("decide", "rejected", "threshold"),
        [
            (None, True, 0.05),
            ({"p": 0.05}, True, 0.05),
            ({"p": 1e-20}, False, 1e-20),
            ({"p": 0.05, "effect": 0.1}, False, 0.05),
            ({"p": 0.05, "effect": 0.01}, True, 0.05),
            ({"effect": 0.1}, False, 1.0),
            ({"effect": 0.01}, True, 1.0),
        ],
    )
    def test_test_when_told_what_decides_then_by_that_alone(self, decide, rejected, threshold):
        rng = np.random.default_rng(1)
        table, target = (pd.DataFrame({"x": rng.normal(mean, 1, 100_000)}) for mean in (0.0, 0.03))
        report = KolmogorovSmirnov(decide=decide).test(table, target)
        assert report.p_value < 1e-8
        assert (report.rejected, report.threshold) == (rejected, threshold)
        assert row(report, "x")["rejected"] == row(report, OVERALL)["rejected"] == rejected
        for name, value in (decide or {}).items():
            assert f"{name} {'<=' if name == 'p' else '>='} {value:g}" in row(report, OVERALL)["effect"]

    def test_test_when_one_column_is_certain_and_another_large_then_neither_counts_by_both(self):
        rng = np.random.default_rng(1)
        table = pd.DataFrame({"certain": rng.normal(size=20_000), "large": [1.0, 2.0, *[np.nan] * 19_998]})
        target = pd.DataFrame({"certain": rng.normal(0.06, 1, 20_000), "large": [5.0, *[np.nan] * 19_999]})
        assert KolmogorovSmirnov().test(table, target).rejected
        report = KolmogorovSmirnov(decide={"p": 0.05, "effect": 0.1}).test(table, target)
        assert report.p_value < 0.05 < row(report, OVERALL)["effect_size"]
        assert not report.rejected

    @pytest.mark.parametrize("decide", [{}, {"q": 1.0}, {"p": 0.0}, {"effect": np.inf}])
    def test_test_when_what_decides_is_unknown_then_refused(self, decide):
        with pytest.raises(ParameterError, match="'decide' must be a mapping of p, effect or both"):
            KolmogorovSmirnov(decide=decide).test(pd.DataFrame({"x": [1.0]}), pd.DataFrame({"x": [2.0]}))


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
