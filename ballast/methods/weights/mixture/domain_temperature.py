"""Domain weights between proportional and equal, by a temperature."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from ballast.methods.frame.base import Claim
from ballast.methods.frame.streams import Counted
from ballast.methods.weights._by_class import ByValue


class DomainTemperature(ByValue):
    """Weighs domains so that one of n_d rows has a total in proportion to n_d^(1 / temperature).

    Use it to train on sources of very different sizes: 1 leaves their shares, a great temperature makes them equal,
    2 to 5 is usual. Not for long training on tiny domains, which are then learned by heart: look at
    ``class_weights_``, and stop early, or go back to 1 after a twentieth of the steps.

    Parameters
    ----------
    temperature : float >= 1, default 5.0
        1 leaves the shares of the rows, infinity would make them equal.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    classes_ : ndarray of shape (G,)
        The domains.
    class_weights_ : ndarray of shape (G,)
        The weight of each domain's rows, which is also how often each is repeated in an epoch of n rows drawn by these
        weights.
    shares_ : ndarray of shape (G,)
        Share of each domain in the total weight.
    variance_ratio_ : float
        How much greater the variance of a gradient step is with these weights than with rows drawn by them, where the
        domains' gradients are alike; 1 at least.

    Raises
    ------
    DataError
        One domain alone; on ``weigh``, a domain that was not there in ``fit``.

    Notes
    -----
    Learns in batches too (``partial_fit``, ``merge``, ``finalize``), in which new domains may appear.
    Cost: one hash of the domains.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> domains = np.repeat(["en", "fi"], [9000, 1000])
    >>> for t in (1.0, 2.0, 100.0):
    ...     weigher = ballast.method("domain_temperature", temperature=t)
    ...     print(weigher.fit(domains).shares_.round(2))
    [0.9 0.1]
    [0.75 0.25]
    [0.51 0.49]
    """

    name = "domain_temperature"
    reference = "Li, Xu, Murray et al., Upsample or Upweight? Balanced Training on Heavily Imbalanced Datasets, 2024"
    survey_ids = ("S013",)
    claim = Claim(
        "Weights have the same mean gradient as drawing domains by the temperature, and a greater variance.",
        "by definition",
        "Domains of 8000, 1000, 200 and 60 rows at temperature 5: variance {by_formula:.2f} times as great by the "
        "formula, {measured:.2f} +- {measured.spread:.2f} measured. So draw rather than weigh "
        "(`importance_resampling`) where steps are noisy.",
    )

    def __init__(self, temperature: Annotated[float, Field(ge=1)] = 5.0) -> None:
        self.temperature = temperature

    def fit(self, groups: np.ndarray, sample_weight: np.ndarray | None = None) -> DomainTemperature:
        """Learns the domains' weights from the domain (n,) of each row, and its weight (n,) where rows have any."""
        return self._fit(groups, sample_weight)

    def partial_fit(self, groups: np.ndarray, sample_weight: np.ndarray | None = None) -> DomainTemperature:
        """Counts the domains (n,) of a batch's rows, by weights (n,) in all batches or in none."""
        self._count(groups, sample_weight)
        return self

    def weigh(self, groups: np.ndarray, sample_weight: np.ndarray | None = None) -> np.ndarray:
        """Gives (k,) weights of rows of the domains (k,), and of weights (k,) on the scale of those in ``fit``."""
        return self._of(groups, sample_weight)

    def class_weights(self, counts: np.ndarray) -> np.ndarray:
        """Gives (G,) weights of domains with (G,) rows."""
        return counts ** (1 / self.temperature - 1)

    def _learn_from(self, counted: Counted) -> tuple[float, float]:
        moments = super()._learn_from(counted)
        self.shares_ = counted["rows"].values * self.class_weights_ / counted["n"]
        self.variance_ratio_ = float(self.shares_ @ self.class_weights_)
        return moments
