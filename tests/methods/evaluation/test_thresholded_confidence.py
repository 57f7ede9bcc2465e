"""Average thresholded confidence: its rule, ties and edges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom

from ballast.methods.evaluation import AverageThresholdedConfidence


def binary(confidences, correct):
    """Rows of two classes with the given highest probability; label 1 where correct, else 0."""
    p = np.asarray(confidences)
    return np.column_stack([1 - p, p]), np.where(correct, 1, 0)


def plain(**parameters):
    return AverageThresholdedConfidence(temperature_scaling=False, random_state=0, **parameters)


def test_estimate_when_scores_are_distinct_then_the_threshold_is_the_quantile_at_the_source_error():
    rng = np.random.default_rng(0)
    source, y = binary(rng.uniform(0.5, 1, 200), rng.random(200) < 0.8)
    target, _ = binary(rng.uniform(0.5, 0.9, 300), np.ones(300, bool))
    method = plain()
    report = method.assess(source, y, target, classes=np.array([0, 1]))
    scores = source.max(axis=1)
    wrong = int((y == 0).sum())
    assert (scores < method.threshold_).sum() == wrong
    assert report.value("estimated_accuracy") == pytest.approx((target.max(axis=1) >= method.threshold_).mean())
    assert report.value("source_accuracy") == pytest.approx(1 - wrong / 200)
    assert report.value("average_confidence") == pytest.approx(target.max(axis=1).mean())
    assert report.value("difference_of_confidences") == pytest.approx(
        1 - wrong / 200 + target.max(axis=1).mean() - scores.mean()
    )


def test_estimate_when_scores_tie_then_it_is_what_random_jitter_gives_on_average():
    rng = np.random.default_rng(1)
    source, y = binary(rng.choice([0.6, 0.7, 0.8, 0.9], 400), rng.random(400) < 0.7)
    target, _ = binary(rng.choice([0.6, 0.7, 0.8], 300), np.ones(300, bool))
    wrong = int((y == 0).sum())
    jittered = []
    for _ in range(2000):
        s = source.max(axis=1) + rng.uniform(0, 1e-6, 400)
        t = target.max(axis=1) + rng.uniform(0, 1e-6, 300)
        jittered.append((t >= np.sort(s)[wrong]).mean())
    assert plain().assess(source, y, target).value("estimated_accuracy") == pytest.approx(np.mean(jittered), abs=5e-3)


def test_estimate_when_the_target_is_the_source_then_it_is_the_source_accuracy():
    rng = np.random.default_rng(2)
    probs = rng.dirichlet(np.ones(4), size=300)
    y = rng.integers(4, size=300)
    for score in ("maximum_confidence", "negative_entropy"):
        report = AverageThresholdedConfidence(score=score, random_state=0).assess(probs, y, probs)
        assert report.value("estimated_accuracy") == pytest.approx(report.value("source_accuracy"))
        assert report.value("difference_of_confidences") == pytest.approx(report.value("source_accuracy"))


def test_estimate_when_there_are_two_classes_then_both_scores_and_any_temperature_agree():
    rng = np.random.default_rng(3)
    source, y = binary(rng.uniform(0.5, 1, 150), rng.random(150) < 0.7)
    target, _ = binary(rng.uniform(0.5, 1, 150), np.ones(150, bool))
    variants = [
        AverageThresholdedConfidence(score=s, temperature_scaling=t, random_state=0)
        for s in ("maximum_confidence", "negative_entropy")
        for t in (True, False)
    ]
    estimates = {v.assess(source, y, target).value("estimated_accuracy") for v in variants}
    assert len(estimates) == 1


def test_temperature_when_the_source_is_over_confident_by_a_known_factor_then_it_is_found():
    rng = np.random.default_rng(4)
    logits = rng.normal(0, 2, size=(20_000, 3))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (true.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    sharp = true**2.5 / (true**2.5).sum(axis=1, keepdims=True)
    method = AverageThresholdedConfidence(n_bootstrap=1, random_state=0)
    method.assess(sharp, y, sharp)
    assert method.temperature_ == pytest.approx(2.5, rel=0.05)


@pytest.mark.parametrize(("right", "expected"), [(True, 1.0), (False, 0.0)])
def test_estimate_when_every_source_row_is_right_or_wrong_then_it_is_one_or_zero(right, expected):
    source, y = binary(np.linspace(0.6, 0.9, 20), np.full(20, right))
    target, _ = binary(np.linspace(0.6, 0.95, 15), np.ones(15, bool))
    report = plain().assess(source, y, target, classes=np.array([0, 1]))
    assert report.value("estimated_accuracy") == report.value("source_accuracy") == expected


def test_interval_when_the_target_grows_then_it_narrows_and_holds_the_value():
    rng = np.random.default_rng(5)
    source, y = binary(rng.uniform(0.5, 1, 2000), rng.random(2000) < 0.8)
    widths = []
    for m in (100, 5000):
        target, _ = binary(rng.uniform(0.5, 1, m), np.ones(m, bool))
        row = plain().assess(source, y, target).table.set_index("metric").loc["estimated_accuracy"]
        assert row["low"] <= row["value"] <= row["high"]
        widths.append(row["high"] - row["low"])
    assert widths[1] < widths[0] / 2


@pytest.mark.parametrize("temperature_scaling", [True, False])
@pytest.mark.parametrize("n", [100, 1000])
def test_intervals_when_a_calibrated_model_is_judged_then_each_is_held_about_as_often_as_the_level_says(
    n, temperature_scaling
):
    truth, draws, held = 0.77799, 100, {}  # the mean of expit(2 |z|) over z of the standard normal
    for seed in range(draws):
        rng = np.random.default_rng([seed, n])
        p, q = expit(2 * rng.standard_normal(n)), expit(2 * rng.standard_normal(2 * n))
        y = (rng.random(n) < p).astype(int)
        method = AverageThresholdedConfidence(
            temperature_scaling=temperature_scaling, n_bootstrap=100, random_state=seed
        )
        table = method.assess(np.c_[1 - p, p], y, np.c_[1 - q, q]).table
        for metric, low, high in zip(table["metric"], table["low"], table["high"], strict=True):
            held[metric] = held.get(metric, 0) + (low <= truth <= high)
    assert len(held) == 4
    assert min(held.values()) >= binom.ppf(1e-4, draws, 0.95), held


def test_source_accuracy_when_every_row_is_right_then_its_interval_is_wilsons():
    probs, y = binary(np.linspace(0.6, 0.99, 100), np.ones(100, bool))
    table = plain().assess(probs, y, probs, classes=np.array([0, 1])).table.set_index("metric")
    assert table.loc["source_accuracy", "low"] == pytest.approx(0.96300, abs=1e-5)
    assert table.loc["source_accuracy", "high"] == 1.0


@pytest.mark.parametrize("score", ["maximum_confidence", "negative_entropy"])
def test_estimate_when_a_sure_networks_probabilities_are_all_one_then_its_logits_still_tell_the_rows_apart(
    score, caplog
):
    rng = np.random.default_rng(0)
    gaps = rng.uniform(300, 1200, 500), rng.uniform(300, 700, 400)
    logits = [np.column_stack([np.zeros(len(gap)), gap, gap / 3]).astype(np.float32) for gap in gaps]
    probs = [np.exp(z - z.max(axis=1, keepdims=True)) for z in logits]
    probs = [(p / p.sum(axis=1, keepdims=True)).astype(np.float32) for p in probs]
    y = np.where(gaps[0] > 500, 1, 0)  # two rows in nine are wrong
    classes = np.arange(3)
    report = plain(score=score).assess(probs[0], y, probs[1], classes, *logits)
    assert report.value("estimated_accuracy") == pytest.approx((gaps[1] > 500).mean(), abs=0.02)
    assert "tie at the threshold" not in caplog.text
    blind = plain(score=score).assess(probs[0], y, probs[1], classes)
    assert blind.value("estimated_accuracy") == pytest.approx((y == 1).mean(), abs=0.02)  # whatever the target's are
    assert "500 of 500 source rows (100 %) are so sure that they tie at the threshold" in caplog.text


def test_estimate_when_logits_are_not_those_of_the_probabilities_then_the_probabilities_are_taken():
    rng = np.random.default_rng(1)
    probs, target = rng.dirichlet(np.ones(3), 200), rng.dirichlet(np.ones(3), 100)
    y = rng.integers(3, size=200)
    plainly = plain().assess(probs, y, target)
    votes = plain().assess(probs, y, target, None, rng.normal(size=(200, 3)), rng.normal(size=(100, 3)))
    assert votes.table.equals(plainly.table)


def test_intervals_when_rows_are_copies_of_units_then_those_of_the_units():
    rng = np.random.default_rng(2)
    probs, target = rng.dirichlet(np.ones(3), 60), rng.dirichlet(np.ones(3), 50)
    y = np.where(rng.random(60) < 0.7, probs.argmax(axis=1), rng.integers(3, size=60))
    alone = plain(n_bootstrap=400).assess(probs, y, target, np.arange(3)).table
    units = np.repeat(np.arange(60), 10), np.repeat(np.arange(50), 10)
    copied = (
        plain(n_bootstrap=400)
        .assess(
            probs[units[0]],
            y[units[0]],
            target[units[1]],
            np.arange(3),
            dependence=units[0],
            dependence_target=units[1],
        )
        .table
    )
    np.testing.assert_allclose(copied["value"], alone["value"], atol=1e-9)
    widths = (copied["high"] - copied["low"]) / (alone["high"] - alone["low"])
    assert widths.between(0.85, 1.25).all()
