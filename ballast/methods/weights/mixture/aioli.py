"""Aioli: domain weights from how much each domain lowers each one's loss, measured as a proxy trains."""

from __future__ import annotations

import numpy as np

from ballast.errors import ParameterError
from ballast.methods.frame.base import Claim
from ballast.methods.frame.parameters import Count, Device, Level, Positive, Seed
from ballast.methods.weights.mixture._proxy import Domains, DomainWeigher, Proxy, seed_of, train_each


class Aioli(DomainWeigher):
    """Weighs domains by how much training on each lowers the losses of all, measured while a small network trains.

    Use it for ``interactions_``, which say what each source teaches about the others. Not to find better shares than
    equal ones (``normalize_weights``): it stays near them, and with greater steps follows noise; see ``compared_``.

    Parameters
    ----------
    step_size : float > 0, default 0.2
        Length of the shares' exponentiated steps; 0.1 to 0.5 in the paper.
    n_rounds : int >= 1, default 20
        Rounds, each of a measurement, a step of the shares and training on them.
    n_sweeps : int >= 1, default 2
        Times that each round tries every domain, in random order.
    probe_steps : int >= 1, default 4
        Training steps of a trial.
    probe_share : float in (0, 1), default 0.75
        Share of the tried domain in its trial, above 1/G; the others share the rest.
    held_out : float in (0, 1), default 0.3
        Share of each domain's rows that the losses are measured on.
    hidden : tuple of int >= 1, default (32,)
        Widths of the network's hidden layers; none makes it linear.
    max_steps : int >= 1, default 600
        Training steps on the shares, over all rounds; those of the trials come on top.
    batch_size : int >= 1, default 128
        Rows a step, the same of every domain.
    learning_rate : float > 0, default 0.005
        AdamW's step size.
    random_state : int or None, default 0
        Seed of the network, the trials and the rows held out.
    device : str, default "auto"
        Where to train: "cpu", "cuda", one of several ("cuda:1"), or "auto", a GPU where there is one.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    shares_ : ndarray of shape (G,)
        Share of each domain in the mixture, averaged over the rounds.
    groups_ : ndarray of shape (G,)
        The domains.
    class_weights_ : ndarray of shape (G,)
        The weight of each domain's rows.
    history_ : ndarray of shape (n_rounds, G)
        The shares in each round.
    interactions_ : ndarray of shape (G, G)
        By how much training on the domain of a column lowers the loss of that of a row, averaged over the rounds; of
        sum 1.
    compared_ : dict of str to float
        The mean loss over domains, in fresh runs, on these shares, on equal ones and on the rows' own.

    Raises
    ------
    DataError
        One domain alone; a domain of one row; on ``weigh``, a domain that was not there in ``fit``.
    ParameterError
        A ``probe_share`` that is not above an equal share, so that the trials do not differ.

    Notes
    -----
    A loss is taken to fall, in a trial, by the sum over domains of the trial's shares times their interactions; once
    nothing is left to learn, these are noise. A float ``y`` of more than 20 values is regressed on, any other
    classified. Cost: ``n_rounds`` G ``n_sweeps`` trials of ``probe_steps`` steps, each measured on the rows held out
    (4096 a domain at most), and 4 ``max_steps`` steps.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, groups = rng.normal(size=(600, 2)), np.repeat(["a", "b", "odd"], 200)
    >>> y = (X[:, 0] > 0) ^ (groups == "odd")  # the rule of a and b, reversed
    >>> params = {"max_steps": 50, "n_rounds": 5, "learning_rate": 0.02}
    >>> taught = ballast.method("aioli", **params).fit(X, y, groups).interactions_
    >>> bool(taught[0, 1] > 2 * taught[0, 2])  # a learns from b, not from odd
    True
    """

    name = "aioli"
    reference = (
        "Chen, Hu, Lourie, Cho and Ré, Aioli: A Unified Optimization Framework for Language Model Data Mixing, "
        "ICLR 2025"
    )
    survey_ids = ("S189",)
    quick = {"n_rounds": 2, "max_steps": 20}
    claim = Claim(
        "Shares moved by the measured interactions beat equal shares, and mend a badly skewed mixture.",
        "partly",
        "Three sources of tokens, 2400, 800 and 400 rows, logistic regression, 5 seeds: mean loss {loss:.3f}, on the "
        "rows' shares {loss_rows_shares:.3f}, on equal ones {loss_equal:.3f} (lower by {gain_over_equal:.4f} +- "
        "{gain_over_equal.spread:.4f}); with steps of 5 higher than on these by {lost_by_great_steps:.3f} +- "
        "{lost_by_great_steps.spread:.3f}.",
    )

    def __init__(
        self,
        step_size: Positive = 0.2,
        n_rounds: Count = 20,
        n_sweeps: Count = 2,
        probe_steps: Count = 4,
        probe_share: Level = 0.75,
        held_out: Level = 0.3,
        hidden: tuple[Count, ...] = (32,),
        max_steps: Count = 600,
        batch_size: Count = 128,
        learning_rate: Positive = 5e-3,
        random_state: Seed = 0,
        device: Device = "auto",
    ) -> None:
        self.step_size = step_size
        self.n_rounds = n_rounds
        self.n_sweeps = n_sweeps
        self.probe_steps = probe_steps
        self.probe_share = probe_share
        self.held_out = held_out
        self.hidden = hidden
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.device = device

    def fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray, dependence: np.ndarray | None = None) -> Aioli:
        """Learns the domains' weights from rows (n, d), their labels or targets (n,) and domains (n,).

        No row is trained on of which a copy, or a row of the same unit of ``dependence`` (n,), is held out.
        """
        domains = Domains(X, y, groups, self.name, self.device, dependence)
        G, seed = len(domains.names), seed_of(self.random_state)
        if self.probe_share * G <= 1:
            raise ParameterError(
                f"{self.name}: parameter 'probe_share' is {self.probe_share:g}, but a domain that is tried needs more "
                f"than an equal share of the {G} domains; set it above {1 / G:.3g}"
            )
        trials = trial_mixtures(G, self.probe_share)
        domains.hold_out(self.held_out, seed, self.name)
        settings = {"hidden": tuple(self.hidden), "batch_size": self.batch_size, "learning_rate": self.learning_rate}
        proxy = Proxy(domains, seed=seed, **settings)
        rng = np.random.default_rng(seed)
        found, self.history_ = np.empty((self.n_rounds, G, G)), np.empty((self.n_rounds, G))
        shares = np.full(G, 1 / G)
        for r in range(self.n_rounds):
            found[r] = interactions(self._falls(domains, proxy, trials, rng), trials)
            shares = stepped(shares, found[r], self.step_size)
            proxy.learn(shares, -(-self.max_steps // self.n_rounds))
            self.history_[r] = shares
        self.interactions_ = found.mean(axis=0)
        self._weigh_by(self.history_.mean(axis=0), domains, X.dtype)
        rows = domains.sizes / len(X)
        domains.hold_out(self.held_out, seed + 2, self.name)
        mixtures = np.stack([self.shares_, np.full(G, 1 / G), rows])
        losses = train_each(domains, mixtures, steps=self.max_steps, seed=seed + 2, **settings).mean(axis=1)
        self.compared_ = dict(zip(("aioli", "equal", "rows"), losses.tolist(), strict=True))
        return self

    def _falls(self, domains: Domains, proxy: Proxy, trials: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Gives (G, G) by how much the loss of each row's domain fell in each column's trial, the mean over sweeps."""
        falls = np.zeros(trials.shape)
        before = domains.held_out_losses(proxy.network)
        for _ in range(self.n_sweeps):
            for j in rng.permutation(len(trials)):
                proxy.learn(trials[j], self.probe_steps)
                after = domains.held_out_losses(proxy.network)
                falls[:, j] += before - after
                before = after
        return falls / self.n_sweeps


def trial_mixtures(G: int, share: float) -> np.ndarray:
    """Gives (G, G) mixtures, in each row one domain at a share and the others at equal parts of the rest."""
    return np.where(np.eye(G, dtype=bool), share, (1 - share) / (G - 1))


def interactions(falls: np.ndarray, trials: np.ndarray) -> np.ndarray:
    """Gives the (G, G) matrix whose product with each trial's mixture is its falls, moved to be >= 0, of sum 1."""
    found = np.linalg.solve(trials, falls.T).T
    found = found - min(found.min(), 0.0)
    total = found.sum()
    return found / total if total > 0 else np.full(found.shape, 1 / found.size)


def stepped(shares: np.ndarray, found: np.ndarray, step_size: float) -> np.ndarray:
    """Gives (G,) the shares after one exponentiated step towards the domains that lower the losses' sum most."""
    gains = step_size * found.sum(axis=0)
    moved = shares * np.exp(gains - gains.max())
    return moved / moved.sum()
