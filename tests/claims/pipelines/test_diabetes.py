"""The diabetes pipeline: weights made anew for each site repair a linear model of a relation that bends.

Twenty draws of the data; every interval is of the difference on the same draw's held-out patients of a site. Mean root
mean squared error over the sites: uniform weights 0.240, density ratios 0.180, relative least squares 0.207, the true
weights 0.170, an uncorrected forest 0.418; an uncorrected ridge regression on squares and products 0.160.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp
from sklearn.ensemble import RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from assets.diabetes import SITES, draw_diabetes
from ballast.methods.features.encoder import FeatureEncoder
from ballast.methods.learners import RidgeRegression
from ballast.methods.weights import DensityRatioClassifier, RelativeLeastSquares

pytestmark = pytest.mark.claim
SEEDS = range(20)


def one_draw(seed: int) -> list[dict[str, object]]:
    """Gives, a site, the root mean squared error of each way to train."""
    data = draw_diabetes(seed)
    encoder = FeatureEncoder().fit(data.pool.drop(columns=["patient_id", "log_triglycerides"]))
    X, X_target, X_test = (encoder.transform(table) for table in data[:3])
    y, y_test = (table["log_triglycerides"].to_numpy() for table in (data.pool, data.field_labelled))
    squares = make_pipeline(PolynomialFeatures(2, include_bias=False), RidgeRegression())
    uncorrected = {"forest": RandomForestRegressor(random_state=seed).fit(X, y), "squares": squares.fit(X, y)}
    found = []
    for site in SITES:
        there = X_target[(data.field["site"] == site).to_numpy()]
        judged = (data.field_labelled["site"] == site).to_numpy()
        weights = {
            "uniform": None,
            "density": DensityRatioClassifier().fit(X, there).weights_,
            "least_squares": RelativeLeastSquares().fit(X, there).weights_,
            "true": data.true_weights[site],
        }
        models = {name: RidgeRegression().fit(X, y, sample_weight=w) for name, w in weights.items()}
        errors = {
            name: float(np.sqrt(np.mean((model.predict(X_test[judged]) - y_test[judged]) ** 2)))
            for name, model in {**models, **uncorrected}.items()
        }
        found.append({"seed": seed, "site": site, **errors})
    return found


@cache
def draws(seeds: range) -> pd.DataFrame:
    return pd.DataFrame([row for seed in seeds for row in one_draw(seed)])


def least_gain(gain: pd.Series) -> float:
    """Gives the lower end of the 95 % interval of the mean."""
    return ttest_1samp(gain, 0).confidence_interval(0.95).low


@pytest.mark.parametrize("corrected", ["density", "least_squares"])
def test_a_corrected_model_over_all_sites_beats_the_uncorrected_one(corrected, claim):
    mean = draws(claim.seeds(SEEDS)).groupby("seed")[["uniform", corrected]].mean()
    claim.record(uniform=mean["uniform"], **{corrected: mean[corrected]})
    assert least_gain(mean["uniform"] - mean[corrected]) > 0.01


@pytest.mark.parametrize("site", SITES)
def test_a_corrected_model_at_each_site_beats_the_uncorrected_one(site, claim):
    there = draws(claim.seeds(SEEDS)).query("site == @site")
    claim.record(**{f"gain at {site}": there["uniform"] - there["density"]})
    assert least_gain(there["uniform"] - there["density"]) > 0


def test_the_corrected_linear_model_beats_an_uncorrected_forest_but_not_one_with_squares(claim):
    mean = draws(claim.seeds(SEEDS)).groupby("seed")[["forest", "squares", "density"]].mean()
    claim.record(forest=mean["forest"], squares=mean["squares"], density=mean["density"])
    assert least_gain(mean["forest"] - mean["density"]) > 0.1
    assert least_gain(mean["density"] - mean["squares"]) > 0  # a model that can bend needs no weights
