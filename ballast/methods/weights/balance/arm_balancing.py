"""Any balancing weights, arm by arm of a treatment."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from sklearn.base import clone

from ballast.errors import BallastError, DataError, ParameterError
from ballast.methods.common.design import mean_of, of_unseen, relative
from ballast.methods.common.treatment import treated_rows, two_arms
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.method import Method, OfClassOrObject
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
        Weight of each row, of mean 1 in each arm, or of the arm's mean design weight.
    arms_ : ndarray of shape (2,)
        The control and the treated.
    weighers_ : list of weighers
        The fitted weigher of each, None where all weigh 1.

    Raises
    ------
    DataError
        Another number of arms than two, or arms without ``treated``.
    ParameterError
        A weigher that takes no ``X`` and ``X_target``, or no design weights where rows have some.
    OverlapError
        As the weigher does.

    Notes
    -----
    Both arms are balanced to the same rows, so that they are balanced with each other as far as each is. Design weights
    are the weigher's, of its rows and of those that these are balanced to: weights are then the design weights times
    its own. Cost: that of the weigher, twice for "ate".

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

    @OfClassOrObject
    def needs(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, entry: str | None = None
    ) -> dict[str, bool]:
        """Gives the vocabulary that a call asks for: of an object no design weights where its weigher takes none."""
        found = Method.__dict__["needs"].function(self, entry)
        if isinstance(self, type):
            return found
        try:
            own = self._weigher().needs()
        except ParameterError:
            return found  # what is named is not a weigher: fit says so
        if "design_weight" not in own:
            del found["design_weight"]
        return found

    def fit(self, X: np.ndarray, treatment: np.ndarray, design_weight: np.ndarray | None = None) -> ArmBalancing:
        """Learns the weights of the rows (n, d) that received the treatments (n,), and their design weights (n,)."""
        self.arms_, treated = two_arms(treatment, self.name, self.treated)
        weigher = self._weigher()
        if design_weight is not None and "design_weight" not in weigher.needs():
            raise ParameterError(
                f"{self.name}: parameter 'weigher' is {weigher.name}, which takes no design weights, and the {len(X)} "
                "rows have some; leave them out, or take a weigher that does, such as 'entropy_balancing'"
            )
        self._design_mean = mean_of(design_weight)
        design = relative(design_weight, len(X))
        self._check_design(treated, design)
        self.weighers_: list[Any] = [None, None]
        self.weights_ = design.astype(X.dtype)
        self._sizes = [float(design[rows].mean()) for rows in (~treated, treated)]
        to = self._to(treated)
        for arm, rows in enumerate((~treated, treated)):
            if self.estimand == ("atc", "att")[arm]:
                continue
            try:
                own: Any = clone(weigher)
                self.weighers_[arm] = own.fit(X[rows], X_target=X[to], **_designs(design_weight, rows, to))
            except BallastError as error:
                raise type(error)(f"{self.name}: treatment {self.arms_.tolist()[arm]!r}: {error}") from error
            self.weights_[rows] = self._sizes[arm] * self.weighers_[arm].weights_
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "_arms" in state:  # as version 0.1 called them
            state["arms_"] = state.pop("_arms")
        super().__setstate__({"_sizes": [1.0, 1.0], **state} if "arms_" in state else state)

    def weigh(self, X: np.ndarray, treatment: np.ndarray, design_weight: np.ndarray | None = None) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d) that received the treatments (k,).

        They have design weights (k,) where ``fit`` was given some.
        """
        treated = treated_rows(treatment, self.arms_, self.name)
        weights = of_unseen(self, design_weight, len(X)).astype(X.dtype)
        for rows, weigher, size in zip((~treated, treated), self.weighers_, self._sizes, strict=True):
            if weigher is not None and rows.any():
                weights[rows] = size * weigher.weigh(X[rows], **_designs(design_weight, rows))
        return weights

    @property
    def has_influence(self) -> bool:
        """Whether ``influence`` can be told, which is up to the weigher."""
        return getattr(self._weigher(), "has_influence", False)

    @checked
    def influence(self, X: np.ndarray, treatment: np.ndarray, design_weight: np.ndarray | None = None) -> FitInfluence:
        """Gives how the weights move with the rows that they were fitted to, which are given again."""
        treated = treated_rows(treatment, self.arms_, self.name)
        to, gradients, influences = self._to(treated), [], []
        for rows, weigher, size in zip((~treated, treated), self.weighers_, self._sizes, strict=True):
            if weigher is None:
                continue
            own = weigher.influence(X[rows], X[to], **_designs(design_weight, rows, to))
            gradient = np.zeros((len(X), own.gradient.shape[1]))
            influence = np.zeros_like(gradient)
            gradient[rows], influence[to] = size * own.gradient, own.influence_target
            influence[rows] += own.influence  # a row may be both weighed and balanced to
            gradients.append(gradient)
            influences.append(influence)
        both = np.hstack(influences)
        return FitInfluence.of(np.hstack(gradients), both, np.zeros((0, both.shape[1])))

    def _check_design(self, treated: np.ndarray, design: np.ndarray) -> None:
        for arm, rows in enumerate((~treated, treated)):
            if not design[rows].any():
                raise DataError(
                    f"{self.name}: design_weight: all {int(rows.sum())} rows of treatment {self.arms_.tolist()[arm]!r} "
                    "have the design weight 0; give weight to some of each arm"
                )

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


def _designs(design_weight: np.ndarray | None, rows: np.ndarray, to: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Gives the design weights of the rows that are weighed, and of those that they are weighed to."""
    if design_weight is None:
        return {}
    own = {"design_weight": design_weight[rows]}
    return own if to is None else {**own, "design_weight_target": design_weight[to]}
