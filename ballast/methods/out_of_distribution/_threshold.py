"""The threshold of a novelty score, learned from the scores of known rows."""

from __future__ import annotations

import logging
from math import ceil

import numpy as np

from ballast.words import percent, plural

log = logging.getLogger(__name__)


def conformal_threshold(owner: str, scores: np.ndarray, kept: float) -> float:
    """Gives the score that a new row of the known rows' law stays at or below with probability ``kept`` or more.

    That is the ceil((n + 1) kept)-th smallest of the (n,) scores (Vovk, Gammerman & Shafer, Algorithmic Learning in a
    Random World, 2005), each of which must come from what was fitted without its row. Infinite, with a warning, where
    n is below kept / (1 - kept), 19 rows for 0.95. Warns where so many scores are equal to the threshold that clearly
    fewer rows are flagged than asked for.
    """
    n = len(scores)
    rank = ceil((n + 1) * kept - 1e-9)
    if rank > n:
        log.warning(
            "%s: %s cannot tell which score %s of rows stay below, so none is flagged; give at least %d or lower kept",
            owner, plural(n, "row"), percent(kept, 1), ceil(kept / (1 - kept) - 1e-9),
        )  # fmt: skip
        return float("inf")
    threshold = np.partition(scores, rank - 1)[rank - 1]
    tied = int((scores == threshold).sum())
    if tied > max(1, (1 - kept) * n / 2):
        log.warning(
            "%s: %s of %d known rows have the very score of the threshold, %.4g, and rows with it are not flagged: the "
            "scores tell these rows apart no further, and fewer are flagged than %s",
            owner, percent(tied, n), n, threshold, percent(1 - kept, 1),
        )  # fmt: skip
    return float(threshold)
