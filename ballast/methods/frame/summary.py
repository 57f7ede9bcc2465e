"""What weights are worth, and what they did to the balance of the columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import NotFittedError

from ballast.compute.balance import differences_of_arms, standardized_mean_differences
from ballast.compute.effective_sample_size import worth
from ballast.methods.frame.calls import owner_of
from ballast.shown import Shown, view

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ballast.methods.frame.base import Weigher


@dataclass(frozen=True, repr=False)
class WeightSummary(Shown):
    """What a weigher's weights are worth, and what they did to the balance of the columns.

    Attributes
    ----------
    weigher : str
        The name of the method.
    rows : int
        The training rows.
    effective_sample_size, effective_share : float
        How many unweighted rows carry as much (Kish), and their share of all rows.
    maximum_weight : float
        The largest weight; they average 1.
    zero_share : float
        The share of the rows that weigh nothing.
    share_at_bound : float or None
        The share of the rows whose weight is cut to a bound; None for a method that has none.
    balance : DataFrame or None
        ``before`` and ``after``, the absolute standardized difference of each column from the target's (or between two
        arms of a treatment), the largest first, under the columns' names. None where ``fit`` was given no ``X`` with
        either, or numbers too large.

    Examples
    --------
    >>> import ballast
    >>> import pandas as pd
    >>> train, target = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0]}), pd.DataFrame({"age": [30.0, 40.0, 50.0]})
    >>> ballast.method("entropy_balancing").fit(train, target).summary().balance.round(2)
         before  after
    age    0.51    0.0
    """

    weigher: str
    rows: int
    effective_sample_size: float
    effective_share: float
    maximum_weight: float
    zero_share: float
    share_at_bound: float | None = None
    balance: pd.DataFrame | None = None

    def plot(self) -> Figure:
        """Draws the balance of the columns, before and after; DataError where it is not known."""
        return view(self, "figure")


def differences_of(weights: np.ndarray, given: Mapping[str, Any]) -> np.ndarray | None:
    """Gives (2, d) standardized differences of the columns before and after weighing: from the target, or of arms.

    ``given`` is what the weigher was fitted on, by the names of the vocabulary; None where that has neither, or where
    its numbers are too large for their squares.
    """
    X, X_target, treatment = (given.get(name) for name in ("X", "X_target", "treatment"))
    design, design_target = (given.get(name) for name in ("design_weight", "design_weight_target"))
    after = weights.astype(np.float64)[None]
    try:
        with np.errstate(over="raise", invalid="ignore", divide="ignore"):
            if X is not None and X_target is not None:
                found = standardized_mean_differences(X, X_target, after, design, design_target)
            elif X is not None and treatment is not None and len(arms := np.unique(treatment)) == 2:
                found = differences_of_arms(X, treatment == arms[1], after, design)
            else:
                return None
    except FloatingPointError:
        return None
    return found if np.isfinite(found).all() else None


def summary_of(weigher: Weigher) -> WeightSummary:
    """Gives the summary of a weigher; NotFittedError for one that has no weights of training rows."""
    import pandas as pd

    if not hasattr(weigher, "weights_"):
        raise NotFittedError(
            f"{owner_of(weigher)} has no weights of training rows to sum up; call fit first"
            + (" (batches leave none behind)" if weigher.stream_points else "")
        )
    differences, balance = getattr(weigher, "standardized_differences_", None), None
    if differences is not None:
        names = getattr(weigher, "feature_names_in_", [f"x{j}" for j in range(differences.shape[1])])
        frame = pd.DataFrame(differences.T, index=pd.Index(names), columns=pd.Index(["before", "after"]))
        balance = frame.iloc[np.argsort(-differences.max(axis=0), kind="stable")]
    cut = getattr(weigher, "share_at_bound_", None)
    return WeightSummary(owner_of(weigher), **worth(weigher.weights_), share_at_bound=cut, balance=balance)  # type: ignore[arg-type]
