"""Treatments as arms: which, how many rows each, and whether they overlap."""

from __future__ import annotations

import numpy as np

from ballast.errors import DataError, OverlapError
from ballast.words import listed, plural

CERTAIN = 0.95
"""Probability of its own treatment beyond which a row could hardly have had another."""


def two_arms(treatment: np.ndarray, owner: str, arms: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Gives (2,) the arms, sorted, and (n,) bool: the rows of the second, treated one.

    ``arms`` are those of the fit. DataError where there are not two, or a row's is none of them.
    """
    found = np.unique(treatment)
    if arms is None:
        if len(found) != 2:
            raise DataError(
                f"{owner}: treatment has {plural(len(found), 'value')} in {len(treatment)} rows "
                f"({listed(found)}); two are needed, and the greater one means treated"
            )
        arms = found
    elif not np.isin(found, arms).all():
        raise DataError(
            f"{owner}: treatment holds values that were not fitted on; the arms are {arms[0]} and {arms[1]}"
        )
    return arms, treatment == arms[1]


def least_rows(treated: np.ndarray, owner: str) -> int:
    """Gives the rows of the smaller of two arms; DataError where these are too few to hold one out."""
    least = int(min(treated.sum(), (~treated).sum()))
    if least < 2:
        raise DataError(
            f"{owner}: treatment has {len(treated)} rows, {least} of them of its rarer value; two rows of each value "
            "are needed to hold one out"
        )
    return least


def check_overlap(own: np.ndarray, received: np.ndarray, owner: str) -> None:
    """Raises OverlapError where the columns predict the treatment of most rows of every arm.

    ``own`` (n,) is the probability of the treatment that a row received, ``received`` (n,) the number of its arm.
    """
    if min(np.median(own[received == arm]) for arm in np.unique(received)) > CERTAIN:
        raise OverlapError(
            f"{owner}: the columns predict the treatment of more than half of each arm's rows ({len(own)} in all) with "
            f"a probability above {CERTAIN}, so that the arms do not overlap; drop the features that decide the "
            "treatment, or compare other rows"
        )
