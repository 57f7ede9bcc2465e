"""Whitening by frequency: means of word vectors tell what texts are about, against vectors whitened alike, or not."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage, optimize, signal, stats

from ballast.methods.features.frequency_whitening import FrequencyWhitening
from tests.claims.claim import Claim

pytestmark = pytest.mark.claim

TOPICS, LENGTH = 8, 15
Judge = Callable[[np.ndarray], float]
WAYS = ("plain", "alike", "less_three", "half", "whole", "strong")


def embed(bags: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Gives the vectors (words, width) of how often words meet in the texts, and how often each occurs, plus one."""
    bags = bags.astype(np.float32)
    together = np.log1p(bags.T @ bags - np.diag(bags.sum(axis=0)))
    values, vectors = np.linalg.eigh(together)
    largest = np.argsort(-np.abs(values))[:width]
    return (vectors[:, largest] * values[largest]).astype(np.float64), bags.sum(axis=0) + 1.0


def directions(bags: np.ndarray, vectors: np.ndarray, *, without_common: bool = False) -> np.ndarray:
    """Gives the means of the words' vectors at unit length, with or without what they have in common."""
    means = bags @ vectors
    if without_common:
        common = np.linalg.svd(means, full_matrices=False)[2][0]
        means = means - np.outer(means @ common, common)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def compare(vectors: np.ndarray, often: np.ndarray, judge: Judge, strong: float) -> np.ndarray:
    """Gives (6,): plain, whitened alike, less three components, by half and by whole frequency, and ``strong``.

    ``strong`` is what the words weighted by a / (a + p) get, less their common component.
    """
    centred = vectors - vectors.mean(axis=0)
    greatest = np.linalg.svd(centred, full_matrices=False)[2][:3]
    whitened = [FrequencyWhitening(s).fit(vectors, often).transform(vectors) for s in (0.0, 0.5, 1.0)]
    less = centred - centred @ greatest.T @ greatest
    return np.array([*map(judge, (vectors, whitened[0], less, *whitened[1:])), strong])


def inverse(often: np.ndarray) -> np.ndarray:
    return 1e-3 / (1e-3 + often / often.sum())


def topics(seed: int) -> np.ndarray:
    """Gives the rank correlations of cosines of sentences with those of their topics.

    500 words by Zipf's law, the first 40 of no topic, each other mostly of one; sentences of 15 words.
    """
    rng = np.random.default_rng(seed)
    own = rng.integers(TOPICS, size=500) == np.arange(TOPICS)[:, None]
    free = np.arange(500) < 40
    words = np.where(free, 1.0, np.where(own, 0.8 * TOPICS, 0.2 * TOPICS / (TOPICS - 1))) / np.arange(2, 502)
    words /= words.sum(axis=1, keepdims=True)

    def sentences(n: int) -> tuple[np.ndarray, np.ndarray]:
        shares = rng.dirichlet(np.full(TOPICS, 0.3), size=n)
        return shares, rng.multinomial(LENGTH, shares @ words)

    vectors, often = embed(sentences(8000)[1], 30)
    shares, bags = sentences(300)
    pairs = np.triu_indices(len(bags), 1)
    shares /= np.linalg.norm(shares, axis=1, keepdims=True)
    truth = stats.rankdata((shares @ shares.T)[pairs])

    def correlation(unit: np.ndarray) -> float:
        return float(np.corrcoef(stats.rankdata((unit @ unit.T)[pairs]), truth)[0, 1])

    strong = correlation(directions(bags * inverse(often), vectors, without_common=True))
    return compare(vectors, often, lambda made: correlation(directions(bags, made)), strong)


@cache
def documents() -> list[list[str]]:
    """Gives the words of the descriptions of functions and classes of numpy, pandas and scipy."""
    texts = set()
    for module in (np, np.linalg, np.random, np.fft, pd, pd.DataFrame, pd.Series, optimize, signal, ndimage, stats):
        for name in sorted(dir(module)):
            if not name.startswith("_"):
                texts.add(inspect.getdoc(getattr(module, name, None)) or "")
    words = [re.findall(r"[a-z]{2,}", text.lower()) for text in sorted(texts)]
    return [found for found in words if len(found) >= 60]


def descriptions(seed: int) -> np.ndarray:
    """Gives how often two pieces of 20 words of a text are nearer than one is to another text's, on unseen texts."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(documents()))
    seen, unseen = ([documents()[i] for i in part] for part in np.array_split(order, 2))
    known = {w: j for j, (w, _) in enumerate(Counter(w for text in seen for w in text).most_common(1000))}

    def bags(pieces: list[list[str]]) -> np.ndarray:
        return np.array([np.bincount([known[w] for w in p if w in known], minlength=len(known)) for p in pieces])

    vectors, often = embed(bags([text[a : a + 20] for text in seen for a in range(0, len(text), 20)]), 100)
    starts = [rng.choice(len(text) // 20, size=2, replace=False) * 20 for text in unseen]
    one, other = (bags([t[s[k] : s[k] + 20] for t, s in zip(unseen, starts, strict=True)]) for k in (0, 1))
    worded = (one.sum(axis=1) > 0) & (other.sum(axis=1) > 0)
    pieces = np.concatenate([one[worded], other[worded]])

    def nearer(unit: np.ndarray) -> float:
        cosines = unit[: len(unit) // 2] @ unit[len(unit) // 2 :].T
        return float(np.mean(np.diag(cosines)[:, None] > cosines))

    strong = nearer(directions(pieces * inverse(often), vectors, without_common=True))
    return compare(vectors, often, lambda made: nearer(directions(pieces, made)), strong)


def gains(claim: Claim, world: Callable[[int], np.ndarray], seeds: int, of: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Gives the lower and upper bounds of what whitening by frequency gains over each of the others."""
    runs = np.array([world(seed) for seed in claim.seeds(seeds)])
    claim.record(**{f"{world.__name__}{of}_{way}": runs[:, j] for j, way in enumerate(WAYS)})
    gained = runs[:, 4:5] - runs
    spread = 2 * gained.std(axis=0, ddof=1) / np.sqrt(seeds)
    return gained.mean(axis=0) - spread, gained.mean(axis=0) + spread


def test_topics_when_whitened_by_frequency_then_told_better_than_by_any_vectors_without(claim):
    least, _ = gains(claim, topics, 8)
    assert least[0] > 0.1
    assert least[1] > 0.08
    assert least[2] > 0.08


def test_texts_when_whitened_by_frequency_then_told_better_than_by_any_vectors_without(claim):
    least, most = gains(claim, descriptions, 8)
    assert least[0] > 0.05
    assert least[1] > 0.04
    assert least[2] > 0.03
    assert most[5] < 0, "inverse frequencies are no longer better: tell the card"


@pytest.mark.parametrize(("world", "seeds"), [(topics, 6), (descriptions, 6)])
def test_exponent_when_one_then_better_than_a_half(world, seeds, claim):
    assert gains(claim, world, seeds, f"_{seeds}_seeds")[0][3] > 0.01
