"""Any balancing weights, arm by arm of a treatment."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from sklearn.base import clone

from ballast.errors import BallastError, ParameterError
from ballast.methods.common.treatment import treated_rows, two_arms
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Arm
from ballast.methods.weights._influence import FitInfluence, checked
from ballast.methods.weights.balance.entropy_balancing import EntropyBalancing


class ArmBalancing(Weigher):
    """Weighs each arm of a treatment to the rows that the effect is asked for, by any weigher of features to a target.

    Use it to estimate effects with ``entropy_balancing``, ``integral_probability_balancing``, ``kernel_balancing`` or
    any density ratio. Not where one propensity for both arms is meant (``inverse_propensity``,
    ``covariate_balancing_propensity``).

    Parameters
    ----------
    weigher : weigher, str or None, default None
        A weigher of ``X`` to ``X_target``, or its catalogue name; None takes ``entropy_balancing``.
    estimand : {"ate", "att", "atc"}, default "ate"
        "ate" weighs both arms to all rows, "att" the controls to the treated, "atc" the treated to the controls.
    treated : str, int, float, bool or None, default None
        The value of the treatment that means treated; None where its two values are 0 and 1, or False and True.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1 in each arm.
    arms_ : ndarray of shape (2,)
        The control and the treated.
    weighers_ : list of weighers
        The fitted weigher of each, None where all weigh 1.

    Raises
    ------
    DataError
        Another number of arms than two, or arms without ``treated``.
    ParameterError
        A weigher that takes no ``X`` and ``X_target``.
    OverlapError
        As the weigher does.

    Notes
    -----
    Both arms are balanced to the same rows, so that they are balanced with each other as far as each is. Cost: that of
    the weigher, twice for "ate".

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 1))
    >>> treated = rng.random(400) < 1 / (1 + np.exp(-X[:, 0]))
    >>> outcome, arms = rng.normal(2 * X[:, 0]), (treated, ~treated)  # no effect
    >>> weights = ballast.method("arm_balancing").fit(X, treated).weights_
    >>> for w in (np.ones(400), weights):
    ...     a, b = (np.average(outcome[t], weights=w[t]) for t in arms)
    ...     print(f"{a - b:.1f}")
    1.6
    0.1
    """

    name = "arm_balancing"
    reference = (
        "Hainmueller, Entropy Balancing for Causal Effects, Political Analysis 2012; Chan, Yam and Zhang, Globally "
        "Efficient Non-Parametric Inference of Average Treatment Effects by Empirical Balancing Calibration Weighting, "
        "Journal of the Royal Statistical Society B 2016"
    )
    claim = Claim(
        "Arms that are balanced to the same rows are balanced with each other.",
        "by definition",
        "The tests hold the means of both arms, and an effect that the plain difference misses.",
    )

    def __init__(
        self, weigher: Any = None, estimand: Literal["ate", "att", "atc"] = "ate", treated: Arm = None
    ) -> None:
        self.weigher = weigher
        self.estimand = estimand
        self.treated = treated

    def fit(self, X: np.ndarray, treatment: np.ndarray) -> ArmBalancing:
        """Learns the weights of the rows (n, d) that received the treatments (n,)."""
        self.arms_, treated = two_arms(treatment, self.name, self.treated)
        weigher = self._weigher()
        self.weighers_: list[Any] = [None, None]
        self.weights_ = np.ones(len(X), dtype=X.dtype)
        to = self._to(treated)
        for arm, rows in enumerate((~treated, treated)):
            if self.estimand == ("atc", "att")[arm]:
                continue
            try:
                own: Any = clone(weigher)
                self.weighers_[arm] = own.fit(X[rows], X_target=X[to])
            except BallastError as error:
                raise type(error)(f"{self.name}: treatment {self.arms_.tolist()[arm]!r}: {error}") from error
            self.weights_[rows] = self.weighers_[arm].weights_
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "_arms" in state:  # as version 0.1 called them
            state["arms_"] = state.pop("_arms")
        super().__setstate__(state)

    def weigh(self, X: np.ndarray, treatment: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d) that received the treatments (k,)."""
        treated = treated_rows(treatment, self.arms_, self.name)
        weights = np.ones(len(X), dtype=X.dtype)
        for rows, weigher in zip((~treated, treated), self.weighers_, strict=True):
            if weigher is not None and rows.any():
                weights[rows] = weigher.weigh(X[rows])
        return weights

    @property
    def has_influence(self) -> bool:
        """Whether ``influence`` can be told, which is up to the weigher."""
        return getattr(self._weigher(), "has_influence", False)

    @checked
    def influence(self, X: np.ndarray, treatment: np.ndarray) -> FitInfluence:
        """Gives how the weights move with the rows that they were fitted to, which are given again."""
        treated = treated_rows(treatment, self.arms_, self.name)
        to, gradients, influences = self._to(treated), [], []
        for rows, weigher in zip((~treated, treated), self.weighers_, strict=True):
            if weigher is None:
                continue
            own = weigher.influence(X[rows], X[to])
            gradient = np.zeros((len(X), own.gradient.shape[1]))
            influence = np.zeros_like(gradient)
            gradient[rows], influence[to] = own.gradient, own.influence_target
            influence[rows] += own.influence  # a row may be both weighed and balanced to
            gradients.append(gradient)
            influences.append(influence)
        both = np.hstack(influences)
        return FitInfluence.of(np.hstack(gradients), both, np.zeros((0, both.shape[1])))

    def _to(self, treated: np.ndarray) -> np.ndarray:
        """Gives (n,) bool: the rows that the arms are balanced to."""
        return {"ate": np.ones(len(treated), dtype=bool), "att": treated, "atc": ~treated}[self.estimand]

    def _weigher(self) -> Any:
        from ballast.methods.frame.catalogue import resolve

        found = resolve(self.weigher)() if isinstance(self.weigher, str) else self.weigher or EntropyBalancing()
        if not isinstance(found, Weigher) or not {"X", "X_target"} <= found.needs().keys():
            raise ParameterError(
                f"{self.name}: parameter 'weigher' must be a weigher of X to X_target, such as 'entropy_balancing', "
                f"got {self.weigher!r}"
            )
        return found
