"""Group distributionally robust weights: more for the groups on which a proxy model does worst."""

from __future__ import annotations

import numpy as np

from ballast.methods.frame.base import Claim
from ballast.methods.frame.parameters import Count, Device, Positive, Seed
from ballast.methods.weights.mixture._proxy import Domains, DomainWeigher, climbed, seed_of, train


class GroupDRO(DomainWeigher):
    """Weighs groups by the mixture that a small network trained for its worst group settles on.

    Use it where the worst group's error matters and groups are known, as with a minority that breaks a spurious rule.
    Not where a group is hard because its labels are noise: it gets the most weight for nothing (``doremi``).

    Parameters
    ----------
    hidden : tuple of int >= 1, default (32,)
        Widths of the proxy's hidden layers; none makes it linear.
    step_size : float > 0, default 0.01
        Length of the shares' exponentiated steps; 0.01 as in the authors' code.
    max_steps : int >= 1, default 1000
        Training steps of the proxy, by AdamW.
    batch_size : int >= 1, default 128
        Rows a step, the same of every group.
    learning_rate : float > 0, default 0.005
        AdamW's step size.
    random_state : int or None, default 0
        Seed of the network and its batches.
    device : str, default "auto"
        Where to train: "cpu", "cuda", one of several ("cuda:1"), or "auto", a GPU where there is one.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    shares_ : ndarray of shape (G,)
        Share of each group in the mixture, averaged over the second half of the steps.
    groups_ : ndarray of shape (G,)
        The groups.
    class_weights_ : ndarray of shape (G,)
        The weight of each group's rows.
    history_ : ndarray of shape (steps, G)
        The shares at each step.

    Raises
    ------
    DataError
        One group alone; on ``weigh``, a group that was not there in ``fit``.

    Notes
    -----
    A float ``y`` of more than 20 values is regressed on, any other classified. Cost: ``max_steps`` steps on
    ``batch_size`` rows, whatever n.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> groups = np.repeat(["few", "most"], [100, 500])
    >>> X = rng.normal(size=(600, 2))
    >>> y = (X[:, 0] > 0) ^ (groups == "few")  # who break the rule of the most
    >>> weigher = ballast.method("group_dro", step_size=0.1, max_steps=100)
    >>> bool(weigher.fit(X, y, groups).shares_[0] > 0.25)  # 0.17 of the rows
    True
    """

    name = "group_dro"
    reference = "Sagawa, Koh, Hashimoto and Liang, Distributionally Robust Neural Networks for Group Shifts, ICLR 2020"
    quick = {"max_steps": 20}
    claim = Claim(
        "Weights of the mixture for the worst group raise that group's accuracy far above the unweighted one.",
        "reproduced",
        "Logistic regression, a rule that 5% of 3000 rows break, 10 seeds: accuracy of the worse group "
        "{worst:.2f}, unweighted {worst_plain:.2f}, equal shares {worst_equal:.2f}; mean of both groups {mean:.2f}, "
        "unweighted {mean_plain:.2f}.",
    )

    def __init__(
        self,
        hidden: tuple[Count, ...] = (32,),
        step_size: Positive = 0.01,
        max_steps: Count = 1000,
        batch_size: Count = 128,
        learning_rate: Positive = 5e-3,
        random_state: Seed = 0,
        device: Device = "auto",
    ) -> None:
        self.hidden = hidden
        self.step_size = step_size
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.device = device

    def fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray) -> GroupDRO:
        """Learns the groups' weights from rows (n, d), their labels or targets (n,) and groups (n,)."""
        domains = Domains(X, y, groups, self.name, self.device)
        _, self.history_ = train(
            domains,
            hidden=tuple(self.hidden),
            steps=self.max_steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            seed=seed_of(self.random_state),
            move=lambda weights, losses, rows, target: climbed(weights, losses.mean(dim=1), self.step_size),
        )
        self._weigh_by(self.history_[len(self.history_) // 2 :].mean(axis=0), domains, X.dtype)
        return self
