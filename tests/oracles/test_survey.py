"""Design weights held against R's survey, on two small tables.

``survey_sample.csv`` and ``survey_target.csv`` are generated people; ``survey_facts.json`` holds what this script gave
in R 4.2.2 with survey 4.1-1. WeightIt was not at hand: of its s.weights it states that they are to be multiplied with
the weights it gives. This product is what is compared, by the identities that it states: entropy balancing, and the
just-identified CBPS of the treated, are ``calibrate`` by raking; for the average effect, its moment conditions.

::

    library(survey)
    options(digits = 15)
    sample <- read.csv("survey_sample.csv")
    target <- read.csv("survey_target.csv")
    S <- svydesign(ids = ~1, weights = ~weight, data = sample)
    T <- svydesign(ids = ~1, weights = ~weight, data = target)
    out <- function(name, x) cat(name, paste(format(x, digits = 15), collapse = " "), "\n")
    # raking
    R <- rake(S, list(~region, ~sex), list(svytable(~region, T), svytable(~sex, T)),
              control = list(maxit = 1000, epsilon = 1e-12))
    out("rake", weights(R) / mean(weights(R)))
    # post-stratification
    P <- postStratify(S, ~region + sex, svytable(~region + sex, T))
    out("post_stratify", weights(P) / mean(weights(P)))
    # entropy balancing
    totals <- c(`(Intercept)` = sum(weights(T)), age = svytotal(~age, T)[[1]], income = svytotal(~income, T)[[1]])
    C <- calibrate(S, ~age + income, totals, calfun = "raking", epsilon = 1e-12, maxit = 200)
    out("calibrate", weights(C) / mean(weights(C)))
    # propensity
    G <- svyglm(treated ~ age + income, S, family = quasibinomial, epsilon = 1e-14, maxit = 100)
    p <- fitted(G)
    out("propensity", p)
    w <- sample$weight * ifelse(sample$treated == 1, 1 / p, 1 / (1 - p))
    out("ate", w / mean(w))
    w <- sample$weight * ifelse(sample$treated == 1, 1, p / (1 - p))
    out("att", w / mean(w))
    # ATT by calibration of controls
    control <- sample[sample$treated == 0, ]; treated <- sample[sample$treated == 1, ]
    D0 <- svydesign(ids = ~1, weights = ~weight, data = control)
    tot <- colSums(treated$weight * cbind(`(Intercept)` = 1, treated[c("age", "income")]))
    A <- calibrate(D0, ~age + income, tot, calfun = "raking", epsilon = 1e-12, maxit = 200)
    w <- sample$weight; w[sample$treated == 0] <- weights(A)
    out("calibrated_controls", w / mean(w))
    # ATE by the just-identified balancing propensity: the moment conditions that WeightIt states for method = "cbps"
    X <- cbind(1, sample$age, sample$income); b <- c(0, 0, 0); A <- sample$treated
    for (step in 1:200) {
      p <- c(plogis(X %*% b))
      gradient <- t(X) %*% (sample$weight * (A / p - (1 - A) / (1 - p)))
      b <- b + solve(t(X) %*% (X * (sample$weight * (A * (1 - p) / p + (1 - A) * p / (1 - p)))), gradient) / 2
    }
    w <- sample$weight * ifelse(A == 1, 1 / p, 1 / (1 - p))
    out("balancing_propensity", w / mean(w))
    # tests: weights of each sample sum up to its rows
    both <- rbind(cbind(sample, of = "sample"), cbind(target, of = "target"))
    both$scaled <- both$weight / ave(both$weight, both$of)
    both$unit <- c(seq_len(nrow(sample)) %/% 3, 100 + seq_len(nrow(target)) %/% 3)
    B <- svydesign(ids = ~1, strata = ~of, weights = ~scaled, data = both)
    for (column in c("region", "sex")) {
      f <- as.formula(paste("~of +", column))
      found <- svychisq(f, B, statistic = "F")
      pearson <- chisq.test(svytable(f, B, Ntotal = nrow(both)), correct = FALSE)$statistic
      out(paste0("chisq_", column), c(pearson, found$statistic, found$parameter, found$p.value))
    }
    U <- svydesign(ids = ~unit, strata = ~of, weights = ~scaled, data = both)
    found <- svychisq(~of + region, U, statistic = "F")
    out("chisq_region_units", c(found$statistic, found$parameter, found$p.value))
    # metrics
    S <- update(S, right = as.numeric((age > 40) == (treated == 1)), error = income - age)
    out("share", c(svymean(~right, S)[[1]], SE(svymean(~right, S))))
    ci <- svyciprop(~right, S, method = "beta")
    out("share_beta", as.numeric(attr(ci, "ci")))
    out("mean_error", c(svymean(~error, S)[[1]], svymean(~I(error^2), S)[[1]], svymean(~abs(error), S)[[1]]))
    out("smd", c(svymean(~age, S)[[1]], svymean(~age, T)[[1]], svyvar(~age, S)[[1]], svyvar(~age, T)[[1]]))
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ballast.methods.evaluation import ClassificationMetrics, RegressionMetrics, WeightDiagnostics
from ballast.methods.shift import ChiSquared
from ballast.methods.shift._design import Weighted, rao_scott
from ballast.methods.shift._units import units_of
from ballast.methods.weights import CovariateBalancingPropensity, EntropyBalancing, InversePropensity, Raking

HERE = Path(__file__).parent
FACTS: dict[str, list[float]] = json.loads((HERE / "survey_facts.json").read_text())
SAMPLE, TARGET = (pd.read_csv(HERE / f"survey_{name}.csv") for name in ("sample", "target"))
DESIGN = {"design_weight": SAMPLE["weight"].to_numpy(), "design_weight_target": TARGET["weight"].to_numpy()}
X, X_TARGET = (table[["age", "income"]].to_numpy() for table in (SAMPLE, TARGET))
TREATED = SAMPLE["treated"].to_numpy()
OWN = {"design_weight": DESIGN["design_weight"]}


@pytest.mark.parametrize(("joint", "fact"), [(False, "rake"), (True, "post_stratify")])
def test_raking_when_both_have_design_weights_then_the_weights_of_r_survey(joint, fact):
    tables = (table[["region", "sex"]] for table in (SAMPLE, TARGET))
    found = Raking(joint=joint, tolerance=1e-12).fit(*tables, **DESIGN)
    np.testing.assert_allclose(found.weights_, FACTS[fact], rtol=1e-8)


@pytest.mark.parametrize("method", [EntropyBalancing, CovariateBalancingPropensity])
def test_balancing_to_a_target_when_both_have_design_weights_then_r_calibrates_so(method):
    found = method(tolerance=1e-10).fit(X, X_target=X_TARGET, **DESIGN)
    np.testing.assert_allclose(found.weights_, FACTS["calibrate"], rtol=1e-6)


def test_propensity_when_rows_have_design_weights_then_that_of_svyglm():
    for estimand in ("ate", "att"):
        found = InversePropensity(estimand).fit(X, TREATED, **OWN)
        np.testing.assert_allclose(found.propensities_[:, 1], FACTS["propensity"], rtol=1e-4)
        np.testing.assert_allclose(found.weights_, FACTS[estimand], rtol=2e-4)


def test_cbps_when_rows_have_design_weights_then_calibrated_controls_and_the_moment_conditions():
    for estimand, fact in (("att", "calibrated_controls"), ("ate", "balancing_propensity")):
        found = CovariateBalancingPropensity(estimand, tolerance=1e-10).fit(X, treatment=TREATED, **OWN)
        np.testing.assert_allclose(found.weights_, FACTS[fact], rtol=1e-6)


def judged() -> dict[str, Any]:
    right = (SAMPLE["age"] > 40).to_numpy() == (TREATED == 1)
    probs = np.where(right[:, None], [0.2, 0.8], [0.8, 0.2])
    metrics = ClassificationMetrics(n_bootstrap=2, random_state=0)
    return metrics.assess(np.ones(len(right), dtype=int), probs, classes=np.array([0, 1]), **OWN).table.set_index(
        "metric"
    )


def test_accuracy_when_rows_have_design_weights_then_svymean_and_its_beta_interval():
    accuracy = judged().loc["accuracy"]
    assert accuracy["value"] == pytest.approx(FACTS["share"][0], rel=1e-12)
    # R's variance has n - 1 where Korn and Graubard's effective size here has n: an interval 1 / 2n wider, of 60 rows
    np.testing.assert_allclose([accuracy["low"], accuracy["high"]], FACTS["share_beta"], atol=3e-3)


def test_errors_when_rows_have_design_weights_then_svymean_of_them():
    report = RegressionMetrics(n_bootstrap=2, random_state=0).assess(SAMPLE["age"].to_numpy(), X[:, 1], **OWN)
    mean, square, absolute = FACTS["mean_error"]
    assert report.value("bias") == pytest.approx(mean, rel=1e-12)
    assert report.value("root_mean_squared_error") == pytest.approx(np.sqrt(square), rel=1e-12)
    assert report.value("mean_absolute_error") == pytest.approx(absolute, rel=1e-12)


def test_balance_when_both_have_design_weights_then_of_svymean_and_svyvar():
    ones = {"plain": np.ones(len(X))}
    report = WeightDiagnostics().assess(ones, X, X_TARGET, feature_names=["age", "income"], **DESIGN)
    own, target, variance, variance_target = FACTS["smd"]
    n, m = len(SAMPLE), len(TARGET)  # svyvar divides by n - 1
    pooled = (variance * (n - 1) / n + variance_target * (m - 1) / m) / 2
    found = report.value("standardized_mean_difference_before", slice="age")
    assert found == pytest.approx(abs(own - target) / np.sqrt(pooled), rel=1e-9)


def pooled(column: str, size: int | None = None) -> Weighted:
    """The rows of both tables by a column, in units of `size` neighbouring rows."""
    n, m = len(SAMPLE), len(TARGET)
    codes = pd.factorize(pd.concat([SAMPLE[column], TARGET[column]]))[0]
    dependence = None if size is None else (np.arange(1, n + 1) // size, np.arange(1, m + 1) // size)
    units = units_of(n, m, None, None, *(dependence or (None, None)), *DESIGN.values())
    assert units is not None
    return Weighted.of(units, codes, codes.max() + 1)


@pytest.mark.parametrize("column", ["region", "sex"])
def test_rao_scott_when_of_single_rows_then_svychisq(column):
    statistic, corrected, _, _, p_value = FACTS[f"chisq_{column}"]
    found = rao_scott(pooled(column))
    assert found.statistic == pytest.approx(statistic, rel=1e-9)
    assert found.statistic / found.expected == pytest.approx(corrected, rel=1e-9)
    assert found.p_value == pytest.approx(p_value, rel=1e-9)
    report = ChiSquared().test(SAMPLE[[column]], TARGET[[column]], **DESIGN)
    assert report.table["statistic"][0] == pytest.approx(statistic, rel=1e-9)
    assert report.table["p_value"][0] >= found.p_value, "no less than by dealing, with few rows"


def test_rao_scott_when_of_units_then_svychisq_with_their_ids():
    corrected, _, _, p_value = FACTS["chisq_region_units"]
    found = rao_scott(pooled("region", 3))
    assert found.statistic / found.expected == pytest.approx(corrected, rel=1e-9)
    assert found.p_value == pytest.approx(p_value, rel=1e-9)
