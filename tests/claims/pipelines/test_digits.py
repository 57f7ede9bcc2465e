"""The digits pipeline: it knows which kind of shift it meets, and the correction for that kind is the one that helps.

Twenty draws of the data, every difference within one draw's held-out field images.
"""

from __future__ import annotations

from functools import cache

import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from assets.digits import draw_digits
from ballast.methods.common.out_of_sample import out_of_sample
from ballast.methods.evaluation import AverageThresholdedConfidence
from ballast.methods.features.encoder import FeatureEncoder
from ballast.methods.learners import LogisticRegression
from ballast.methods.shift import LabelShiftGoodnessOfFit
from ballast.methods.weights import DensityRatioClassifier, LabelShiftEM

pytestmark = pytest.mark.claim
SEEDS = range(20)


def model() -> LogisticRegression:
    return LogisticRegression(C=0.1)


def one_draw(seed: int) -> dict[str, float]:
    """Gives the accuracy on the labelled field of each way to train, and what was told without its labels."""
    data = draw_digits(seed)
    encoder = FeatureEncoder().fit(data.pool.drop(columns=["image_id", "digit"]))
    X, X_target, X_test = (encoder.transform(table) for table in data)
    y, y_test = data.pool["digit"].to_numpy(), data.field_labelled["digit"].to_numpy()

    def accuracy(fitted: LogisticRegression) -> float:
        return float((fitted.predict(X_test) == y_test).mean())

    baseline = model().fit(X, y)
    probs, probs_target = out_of_sample(model(), X, y)["probs"], baseline.predict_proba(X_target)
    weights = {
        "by_digit": LabelShiftEM().fit(probs, y, probs_target).weights_,
        "by_density": DensityRatioClassifier().fit(X, X_target).weights_,
    }
    told = AverageThresholdedConfidence(n_bootstrap=1, random_state=0).assess(probs, y, probs_target)
    return {
        "baseline": accuracy(baseline),
        **{name: accuracy(model().fit(X, y, sample_weight=w)) for name, w in weights.items()},
        **told.summary,
        "fits": LabelShiftGoodnessOfFit(n_draws=100).test(X, y, X_target).p_value,
    }


@cache
def draws(seeds: range) -> pd.DataFrame:
    return pd.DataFrame([one_draw(seed) for seed in seeds])


def least(gain: pd.Series) -> float:
    """Gives the lower end of the 95 % interval of the mean."""
    return ttest_1samp(gain, 0).confidence_interval(0.95).low


def test_weights_by_digit_beat_no_weights_and_density_ratios_by_far(claim):
    found = draws(claim.seeds(SEEDS))
    claim.record(**{name: found[name] for name in ("baseline", "by_digit", "by_density")})
    assert least(found["by_digit"] - found["baseline"]) > 0.15
    assert least(found["by_digit"] - found["by_density"]) > 0.1


def test_the_kind_of_shift_is_seldom_mistaken(claim):
    found = draws(claim.seeds(SEEDS))
    claim.record(taken_for_another=found["fits"] <= 0.05)
    assert (found["fits"] <= 0.05).mean() <= 0.15  # three of 20 draws or fewer, as at the level in 98 % of such counts


def test_the_accuracy_told_without_labels_is_nearer_the_truth_than_source_accuracy(claim):
    found = draws(claim.seeds(SEEDS))
    claim.record(told_without_labels=found["estimated_accuracy"], source_accuracy=found["source_accuracy"])
    errors = {name: (found[name] - found["baseline"]).abs() for name in ("estimated_accuracy", "source_accuracy")}
    assert least(errors["source_accuracy"] - errors["estimated_accuracy"]) > 0.1
