"""DoReMi: domain weights from what a proxy model could still learn beyond a reference model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ballast.methods.frame.base import Claim
from ballast.methods.frame.parameters import Count, Device, Positive, Seed
from ballast.methods.weights.mixture._proxy import Domains, DomainWeigher, Move, climbed, seed_of, train

if TYPE_CHECKING:
    import torch


class DoReMi(DomainWeigher):
    """Weighs domains by the mixture on which a small network still exceeds the loss of a reference network.

    Use it to choose the shares of training sources. Unlike ``group_dro`` it does not chase a domain that is hard
    because it is noise. Not without trying equal shares beside it (``normalize_weights``): these were better in the
    claim's setting, as the weights stay near the reference's own mixture.

    Parameters
    ----------
    hidden : tuple of int >= 1, default (32,)
        Widths of the networks' hidden layers; none makes them linear.
    step_size : float > 0, default 1.0
        Length of the shares' exponentiated steps; 1 as in the paper.
    equal_reference : bool, default False
        True trains the reference on equal shares of the domains, False on the shares of their rows, as in the paper.
    n_rounds : int >= 1, default 1
        Each after the first takes the last one's mixture for the reference.
    max_steps : int >= 1, default 600
        Training steps of each network, by AdamW.
    batch_size : int >= 1, default 128
        Rows a step, the same of every domain.
    learning_rate : float > 0, default 0.005
        AdamW's step size.
    random_state : int or None, default 0
        Seed of the networks and their batches.
    device : str, default "auto"
        Where to train: "cpu", "cuda", one of several ("cuda:1"), or "auto", a GPU where there is one.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    shares_ : ndarray of shape (G,)
        Share of each domain in the mixture, averaged over the steps.
    groups_ : ndarray of shape (G,)
        The domains.
    class_weights_ : ndarray of shape (G,)
        The weight of each domain's rows.
    history_ : ndarray of shape (steps, G)
        The shares at each step of the last round.

    Raises
    ------
    DataError
        One domain alone; on ``weigh``, a domain that was not there in ``fit``.

    Notes
    -----
    A row's excess is its loss under the proxy less that under the reference, 0 at least. A float ``y`` of more than 20
    values is regressed on, any other classified. Cost: 2 ``n_rounds`` trainings of ``max_steps`` steps on
    ``batch_size`` rows, whatever n.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, groups = rng.normal(size=(600, 2)), np.repeat(["noise", "rule"], 300)
    >>> y = X[:, 0] > 0
    >>> y[:300] = rng.random(300) < 0.5
    >>> for name in ("doremi", "group_dro"):  # which is drawn to the noise
    ...     weigher = ballast.method(name, step_size=0.1, max_steps=100)
    ...     print(bool(weigher.fit(X, y, groups).shares_[0] > 0.65))
    False
    True
    """

    name = "doremi"
    reference = (
        "Xie, Pham, Dong et al., DoReMi: Optimizing Data Mixtures Speeds Up Language Model Pretraining, NeurIPS 2023"
    )
    survey_ids = ("S343",)
    quick = {"max_steps": 20}
    claim = Claim(
        "Measured against a reference, a domain that is hard because it is noise gets less weight than by the plain "
        "loss.",
        "partly",
        "Four domains of 1800 to 150 rows, one with 40% of its labels flipped, 10 seeds: its share {doremi:.2f}, "
        "by group_dro {group_dro:.2f}, of the rows {rows:.2f}. Lower, but still chased; equal shares were better than "
        "its mixture in the survey of small language models.",
    )

    def __init__(
        self,
        hidden: tuple[Count, ...] = (32,),
        step_size: Positive = 1.0,
        equal_reference: bool = False,
        n_rounds: Count = 1,
        max_steps: Count = 600,
        batch_size: Count = 128,
        learning_rate: Positive = 5e-3,
        random_state: Seed = 0,
        device: Device = "auto",
    ) -> None:
        self.hidden = hidden
        self.step_size = step_size
        self.equal_reference = equal_reference
        self.n_rounds = n_rounds
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.device = device

    def fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray) -> DoReMi:
        """Learns the domains' weights from rows (n, d), their labels or targets (n,) and domains (n,)."""
        import torch

        domains = Domains(X, y, groups, self.name, self.device)
        seed = seed_of(self.random_state)
        shares = domains.sizes / len(X)
        if self.equal_reference:
            shares = np.full(len(shares), 1 / len(shares))
        for _ in range(self.n_rounds):
            mixture = torch.from_numpy(shares).float().to(domains.where)
            reference, _ = self._train(domains, seed, lambda weights, losses, rows, target, held=mixture: held)

            def excess(
                weights: torch.Tensor,
                losses: torch.Tensor,
                rows: torch.Tensor,
                target: torch.Tensor,
                reference: object = reference,
            ) -> torch.Tensor:
                beyond = (losses - domains.losses(reference, rows, target)).clamp(min=0.0)
                return climbed(weights, beyond.mean(dim=1), self.step_size)

            _, self.history_ = self._train(domains, seed + 2, excess)
            shares = self.history_.mean(axis=0)
        self._weigh_by(shares, domains, X.dtype)
        return self

    def _train(self, domains: Domains, seed: int, move: Move) -> tuple[Any, np.ndarray]:
        return train(
            domains,
            hidden=tuple(self.hidden),
            steps=self.max_steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            seed=seed,
            move=move,
        )
