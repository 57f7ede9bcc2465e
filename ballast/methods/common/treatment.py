"""Treatments as arms: which, how many rows each, and whether they overlap."""

from __future__ import annotations

import numpy as np

from ballast.errors import DataError, OverlapError
from ballast.methods.frame.parameters import Arm
from ballast.words import listed, plural

SAY_WHICH = (["0", "1"], ["0.0", "1.0"], ["false", "true"])
"""Names of two arms, in lower case, by which the second is the treated one."""
CERTAIN = 0.95
"""Probability of its own treatment beyond which a row could hardly have had another."""


def two_arms(treatment: np.ndarray, owner: str, treated: Arm) -> tuple[np.ndarray, np.ndarray]:
    """Gives (2,) the arms, the control first, and (n,) bool: the rows of the treated one.

    DataError where there are not two, or where ``treated`` does not say which is meant.
    """
    found = np.unique(treatment)
    if len(found) != 2:
        raise DataError(
            f"{owner}: treatment has {plural(len(found), 'value')} in {len(treatment)} rows ({listed(found)}); two are "
            "needed"
        )
    arms, received = ordered_arms(treatment, owner, treated)
    return arms, received == 1


def ordered_arms(treatment: np.ndarray, owner: str, treated: Arm) -> tuple[np.ndarray, np.ndarray]:
    """Gives (K,) the arms, and (n,) the position of each row's: of two the treated one is the second.

    More than two are sorted, and ``treated`` is one of them or None.
    """
    arms, received = np.unique(treatment, return_inverse=True)
    if len(arms) == 2 and treated_arm(arms, owner, treated) == 0:
        return arms[::-1], 1 - received
    if len(arms) != 2 and treated is not None:
        treated_arm(arms, owner, treated)
    return arms, received


def treated_arm(arms: np.ndarray, owner: str, treated: Arm) -> int:
    """Gives the position of the treated arm; DataError, with the arms, where nothing says which it is."""
    names = arms.tolist()
    if treated is None:
        if [str(name).lower() for name in names] in SAY_WHICH:
            return 1
        raise DataError(
            f"{owner}: treatment holds {listed(map(repr, names))}, and nothing says which of them means treated; set "
            f"treated to it, in a pipeline beside `treatment:` of the data role (such as `treated: {names[-1]}`)"
        )
    for position, name in enumerate(names):
        if name == treated or str(name) == str(treated):
            return position
    quote = "; in YAML, quote a text such as 'yes'" if isinstance(treated, bool) else ""
    raise DataError(f"{owner}: treated is {treated!r}, but treatment holds {listed(map(repr, names))}{quote}")


def treated_rows(treatment: np.ndarray, arms: np.ndarray, owner: str) -> np.ndarray:
    """Gives (n,) bool: the rows of the second, treated arm; DataError where a row is in neither."""
    if not np.isin(treatment, arms).all():
        raise DataError(
            f"{owner}: treatment holds values that were not fitted on; the arms are {arms[0]} and {arms[1]}"
        )
    return treatment == arms[1]


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
