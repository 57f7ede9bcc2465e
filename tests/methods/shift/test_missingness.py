"""Missing values in tests by column: their share is tested, beside the values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, fisher_exact

from ballast.methods.frame.reports import OVERALL
from ballast.methods.shift import ChiSquared, KolmogorovSmirnov
from ballast.methods.shift._columns import missing_share


def row(report, feature: str) -> pd.Series:
    return report.table.set_index("feature").loc[feature]


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
