"""Sources of tokens for the claims about mixtures: the next token depends on the last one, and on the source."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

TOKENS = 12
Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def bigram_domains(rng: np.random.Generator, sizes: tuple[int, ...], own: float = 0.5) -> tuple[Rows, Rows]:
    """Gives training rows of the domains' sizes, and 2000 test rows of each: last token, next token, domain.

    A domain's table of transitions is ``own`` its own and the rest common to all.
    """
    G = len(sizes)
    common, particular = (rng.dirichlet(np.full(TOKENS, 0.3), shape) for shape in (TOKENS, (G, TOKENS)))
    steps = np.cumsum((1 - own) * common + own * particular, axis=2)

    def draw(counts: tuple[int, ...]) -> Rows:
        groups = np.repeat(np.arange(G), counts)
        last = rng.integers(TOKENS, size=len(groups))
        following = (rng.random(len(groups))[:, None] > steps[groups, last, :-1]).sum(axis=1)
        return np.eye(TOKENS)[last], following, groups

    return draw(sizes), draw((2000,) * G)


def losses_on(weights: np.ndarray | None, train: Rows, test: Rows) -> np.ndarray:
    """Gives (G,) log losses on the test rows of each domain, of logistic regression on the weighted rows."""
    model = LogisticRegression(max_iter=300).fit(train[0], train[1], sample_weight=weights)
    X, y, groups = test
    likely = model.predict_proba(X)[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    return np.bincount(groups, -np.log(likely)) / np.bincount(groups)
