"""The maximum softmax probability tells right from wrong, and known from foreign, better than chance."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ballast.methods.learners import LogisticRegression
from ballast.methods.out_of_distribution import MaximumSoftmaxProbability
from tests.claims.worlds.foreign_digits import SEEDS, Draw, draw, interval

pytestmark = pytest.mark.claim


def scores(model, X: np.ndarray) -> np.ndarray:
    probs = model.predict_proba(X)
    return MaximumSoftmaxProbability().fit(probs).score_samples(probs)


def wrong_against_right(model, d: Draw) -> float:
    known, truth = d.judged[~d.foreign], d.truth[~d.foreign]
    return float(roc_auc_score(model.predict(known) != truth, scores(model, known)))


@pytest.mark.parametrize("kind", ["network", "logistic"])
def test_maximum_softmax_probability_when_the_model_errs_then_it_is_less_sure(kind, claim):
    draws = [draw(s) for s in claim.seeds(SEEDS)]
    models = [d.network if kind == "network" else LogisticRegression().fit(d.X, d.y) for d in draws]
    found = [wrong_against_right(m, d) for m, d in zip(models, draws, strict=True)]
    claim.record(**{f"wrong_{kind}": found})
    assert interval(found)[0] > 0.75
    assert np.mean(found) > 0.85


def test_maximum_softmax_probability_when_digits_are_foreign_then_the_network_is_less_sure(claim):
    found = [draw(s).auroc(scores(draw(s).network, draw(s).judged)) for s in claim.seeds(SEEDS)]
    claim.record(auroc=found)
    assert interval(found)[0] > 0.8
    assert min(found) > 0.7


def test_maximum_softmax_probability_when_labels_are_noisy_then_it_nearly_fails(claim):
    draws = [draw(s, 0.3) for s in claim.seeds(SEEDS)]
    found = [d.auroc(scores(d.network, d.judged)) for d in draws]
    claim.record(noisy_auroc=found)
    assert 0.5 < interval(found)[0] < interval(found)[1] < 0.75
