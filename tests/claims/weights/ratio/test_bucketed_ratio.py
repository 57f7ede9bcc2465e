"""Texts picked from a pool by bucket ratios, against texts picked at random, by the model that they train."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from ballast.methods.weights import BucketedRatio

pytestmark = pytest.mark.claim

DOMAINS, WORDS, LENGTH, PICKED = 10, 40, 12, 200


def run(seed: int) -> tuple[float, float, float, float]:
    """Gives the accuracy on the target of models of picked, random and all texts, and the picked ones' target share."""
    rng = np.random.default_rng(seed)
    polarity = rng.choice([-1, 1], (DOMAINS, WORDS))  # what a word says of the label is another matter in each domain

    def draw(domain: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
        words = rng.integers(WORDS, size=(len(domain), LENGTH))
        own = rng.random((len(domain), LENGTH)) < 0.3
        texts = [
            " ".join(f"d{d}w{w}" if mine else f"w{w}" for w, mine in zip(row, marks, strict=True))
            for d, row, marks in zip(domain, words, own, strict=True)
        ]
        score = polarity[domain[:, None], words].sum(axis=1) + rng.normal(size=len(domain))
        return pd.DataFrame({"text": texts}), score > 0

    domain = np.where(rng.random(5000) < 0.04, 0, rng.integers(1, DOMAINS, 5000))
    pool, label = draw(domain)
    target, _ = draw(np.zeros(300, dtype=int))
    test, test_label = draw(np.zeros(1000, dtype=int))
    weights = BucketedRatio(text=["text"]).fit(pool, target).weights_
    picked = np.argsort(-weights)[:PICKED]
    count = CountVectorizer().fit(pool["text"])

    def accuracy(rows: np.ndarray) -> float:
        model = LogisticRegression(max_iter=500).fit(count.transform(pool["text"].iloc[rows]), label[rows])
        return float(model.score(count.transform(test["text"]), test_label))

    chance = rng.choice(5000, PICKED, replace=False)
    return accuracy(picked), accuracy(chance), accuracy(np.arange(5000)), float(np.mean(domain[picked] == 0))


def test_model_when_trained_on_picked_texts_then_better_than_on_random_ones(claim):
    picked, chance, everything, share = np.array([run(seed) for seed in claim.seeds(8)]).T
    claim.record(picked=picked, random=chance, all=everything, share=share)
    assert picked.mean() > everything.mean()
    assert (picked > chance + 0.05).all()
    assert share.mean() > 0.6
