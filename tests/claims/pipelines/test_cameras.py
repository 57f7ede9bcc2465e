"""The cameras pipeline: correction repairs the stated shift, and accuracy is told without labels.

Twenty draws of the data; every interval is of the difference on the same draw's held-out field images. Mean accuracy:
uniform weights 0.557, reweighting by camera 0.596, resampling 0.597, relative least squares 0.609, density ratios
0.616. For the first of them source accuracy tells 0.753, average thresholded confidence 0.632.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from assets.cameras import draw_cameras
from ballast.methods.common.out_of_sample import out_of_sample
from ballast.methods.evaluation import AverageThresholdedConfidence
from ballast.methods.features.encoder import FeatureEncoder
from ballast.methods.labels import AreaUnderMargin
from ballast.methods.learners import LogisticRegression, TorchMLP
from ballast.methods.sampling import ImportanceResampling
from ballast.methods.weights import DensityRatioClassifier, RelativeLeastSquares

pytestmark = pytest.mark.claim
SEEDS = range(20)


def one_draw(seed: int) -> dict[str, float]:
    """Gives the accuracy on the labelled field of each way to train, and what was told of it without labels."""
    data = draw_cameras(seed)
    encoder = FeatureEncoder().fit(data.pool.drop(columns=["image_id", "digit", "camera"]))
    X, X_target, X_test = (encoder.transform(table) for table in data[:3])
    y, y_test = data.pool["digit"].to_numpy(), data.field_labelled["digit"].to_numpy()

    def accuracy(model: LogisticRegression) -> float:
        return float((model.predict(X_test) == y_test).mean())

    density = DensityRatioClassifier().fit(X, X_target).weights_
    rows, labels = ImportanceResampling(random_state=seed).fit_resample(X, y, sample_weight=density)
    baseline = LogisticRegression().fit(X, y)
    found = {
        "uniform": accuracy(baseline),
        "density": accuracy(LogisticRegression().fit(X, y, sample_weight=density)),
        "least_squares": accuracy(
            LogisticRegression().fit(X, y, sample_weight=RelativeLeastSquares().fit(X, X_target).weights_)
        ),
        "resampled": accuracy(LogisticRegression().fit(rows, labels)),
        "by_camera": accuracy(LogisticRegression().fit(X, y, sample_weight=weights_by_camera(data.pool, data.field))),
    }
    told = AverageThresholdedConfidence(n_bootstrap=1, random_state=0).assess(
        out_of_sample(LogisticRegression(), X, y)["probs"], y, baseline.predict_proba(X_target)
    )
    return found | told.summary


def weights_by_camera(pool: pd.DataFrame, field: pd.DataFrame) -> np.ndarray:
    """Gives the strong simple baseline: the share of each row's camera in the field over that in the pool."""
    ratio = field["camera"].value_counts(normalize=True) / pool["camera"].value_counts(normalize=True)
    return ratio[pool["camera"]].to_numpy()


@cache
def draws(seeds: range) -> pd.DataFrame:
    return pd.DataFrame([one_draw(seed) for seed in seeds])


def least_gain(gain: pd.Series) -> float:
    """Gives the lower end of the 95 % interval of the mean."""
    return ttest_1samp(gain, 0).confidence_interval(0.95).low


@pytest.mark.parametrize("corrected", ["density", "least_squares", "resampled"])
def test_a_corrected_model_in_the_field_beats_the_uncorrected_one(corrected, claim):
    found = draws(claim.seeds(SEEDS))
    claim.record(uniform=found["uniform"], **{corrected: found[corrected]})
    assert least_gain(found[corrected] - found["uniform"]) > 0.01


def test_density_ratio_weights_beat_reweighting_by_the_known_camera(claim):
    found = draws(claim.seeds(SEEDS))
    claim.record(by_camera=found["by_camera"], gain_over_camera=found["density"] - found["by_camera"])
    assert least_gain(found["density"] - found["by_camera"]) > 0


def test_the_accuracy_told_without_labels_is_nearer_the_truth_than_source_accuracy(claim):
    found = draws(claim.seeds(SEEDS))
    error = (found["estimated_accuracy"] - found["uniform"]).abs()
    error_of_source = (found["source_accuracy"] - found["uniform"]).abs()
    claim.record(told_without_labels=found["estimated_accuracy"], source_accuracy=found["source_accuracy"])
    assert least_gain(error_of_source - error) > 0.05


def test_most_of_the_labels_that_area_under_the_margin_flags_are_wrong(claim):
    precision = []
    for seed in claim.seeds(5):
        data = draw_cameras(seed)
        X = FeatureEncoder().fit_transform(data.pool.drop(columns=["image_id", "digit", "camera"]))
        y = data.pool["digit"].to_numpy()
        network = TorchMLP(max_epochs=30, patience=None, record_dynamics=True, random_state=seed).fit(X, y)
        scorer = AreaUnderMargin(noise_rate=0.08).fit(network.dynamics_["margins"])
        flagged = scorer.flag(scorer.score_samples(network.dynamics_["margins"]))
        precision.append((y != data.true_digit)[flagged].mean())
    claim.record(wrong_of_flagged=precision)
    assert ttest_1samp(precision, 0).confidence_interval(0.95).low > 0.5  # 0.08 by chance
