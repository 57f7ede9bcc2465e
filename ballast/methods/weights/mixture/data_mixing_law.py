"""Domain weights from a law of the domains' losses on the mixture, fitted to many short runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from ballast.errors import ParameterError
from ballast.methods.frame.base import Claim
from ballast.methods.frame.parameters import Count, Device, Level, Positive, Seed
from ballast.methods.weights.mixture._law import fit_law, least_mixture, linear_losses
from ballast.methods.weights.mixture._proxy import Domains, DomainWeigher, seed_of, train_each

RUNS = 8
"""Mixtures for each coefficient of a domain's law, by default."""
FOLDS = 5
"""Folds of the mixtures, of which each is predicted from the others."""


class DataMixingLaw(DomainWeigher):
    """Weighs domains by the mixture of least loss under a law, fitted to short runs of a network on many mixtures.

    Use it to choose the shares of training sources, and to see how each source's loss depends on them. Not without a
    look at ``compared_``: equal shares and the best of the runs are often as good, and cost nothing more.

    Parameters
    ----------
    objective : {"equal", "rows"}, default "equal"
        The loss to lower: the mean over domains ("equal"), or over rows ("rows").
    n_mixtures : int >= 1 or None, default None
        S, the mixtures to train on: equal shares, the rows' own, and draws; None takes 8 a coefficient of the law, of
        which there are G + 2.
    n_repeats : int >= 1, default 3
        Trainings on each mixture, with other rows held out; fewer make the law follow noise.
    floor : float in [0, 0.5), default 0.02
        Least share of a domain, in the runs and in the result, for the law says nothing of shares no run had.
    held_out : float in (0, 1), default 0.3
        Share of each domain's rows that the losses are measured on.
    hidden : tuple of int >= 1, default (32,)
        Widths of the networks' hidden layers; none makes them linear.
    max_steps : int >= 1, default 300
        Training steps of each network, by AdamW; the learning rate falls to 0.
    batch_size : int >= 1, default 128
        Rows a step, the same of every domain.
    learning_rate : float > 0, default 0.005
        AdamW's step size at the start.
    random_state : int or None, default 0
        Seed of the networks, the mixtures and the rows held out.
    device : str, default "auto"
        Where to train: "cpu", "cuda", one of several ("cuda:1"), or "auto", a GPU where there is one.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    shares_ : ndarray of shape (G,)
        Share of each domain in the mixture.
    groups_ : ndarray of shape (G,)
        The domains.
    class_weights_ : ndarray of shape (G,)
        The weight of each domain's rows.
    mixtures_, losses_ : ndarray of shape (S, G)
        The runs: shares of each domain, and its loss.
    best_mixture_ : ndarray of shape (G,)
        Shares of the run with the least loss.
    law_ : Law
        The coefficients; ``law_.losses(mixtures)`` predicts.
    r2_, linear_r2_ : ndarray of shape (G,)
        Share of the losses' variance over unseen mixtures that the law, and that a line, predicts.
    predicted_loss_ : float
        Loss of ``shares_``, by the law.
    compared_ : dict of str to float
        The loss, in fresh runs, on the mixture of the law, of the best run, on equal shares and on the rows' own.

    Raises
    ------
    DataError
        One domain alone; a domain of one row; on ``weigh``, a domain that was not there in ``fit``.
    ParameterError
        A floor that the domains cannot all have; fewer mixtures than the law has coefficients.

    Notes
    -----
    The loss of domain i on shares r is c_i + exp(a_i + t_i . r). All are convex, so the least sum is found. A float
    ``y`` of more than 20 values is regressed on, any other classified. Cost: ``n_repeats`` (S + 4) trainings of
    ``max_steps`` steps on ``batch_size`` rows, whatever n, S at a time; memory for S networks and their batch.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> groups = np.repeat(["easy", "hard"], [500, 100])
    >>> X = rng.normal(size=(600, 2))
    >>> y = (X[:, 0] > 0) ^ ((X[:, 1] > 0) & (groups == "hard"))
    >>> params = {"n_mixtures": 5, "n_repeats": 1, "max_steps": 50}
    >>> weigher = ballast.method("data_mixing_law", **params).fit(X, y, groups)
    >>> bool(weigher.shares_[1] > 0.25)  # 0.17 of the rows
    True
    """

    name = "data_mixing_law"
    reference = (
        "Ye, Liu, Sun, Zhan, Zhou and Qiu, Data Mixing Laws: Optimizing Data Mixtures by Predicting Language Modeling "
        "Performance, ICLR 2025"
    )
    survey_ids = ("S213",)
    # A law is quicker to fit to many runs than to few; the seed is one by which the exception shows.
    quick = {"n_mixtures": 16, "max_steps": 5, "learning_rate": 0.05, "random_state": 3}
    conformance_exceptions: ClassVar[dict[str, str]] = {
        "float32_near_float64": "the runs draw rows at random, and the suite's groups are equally hard to learn"
    }
    claim = Claim(
        "A law fitted to short runs predicts the losses of unseen mixtures better than lines, and the mixture it "
        "chooses beats the rows' own shares.",
        "partly",
        "Three sources of tokens, 2400, 800 and 400 rows, logistic regression, 5 seeds: R2 of the law on unseen "
        "mixtures {r2:.2f}, of lines {r2_of_lines:.2f}. Mean loss on the law's mixture {loss:.3f}, on the rows' "
        "shares {loss_rows_shares:.3f}, but no lower than on equal shares, over which it gains {gain_over_equal:+.3f} "
        "+- {gain_over_equal.spread:.3f}: all it found is that the sources count alike.",
    )

    def __init__(
        self,
        objective: Literal["equal", "rows"] = "equal",
        n_mixtures: Count | None = None,
        n_repeats: Count = 3,
        floor: Annotated[float, Field(ge=0, lt=0.5)] = 0.02,
        held_out: Level = 0.3,
        hidden: tuple[Count, ...] = (32,),
        max_steps: Count = 300,
        batch_size: Count = 128,
        learning_rate: Positive = 5e-3,
        random_state: Seed = 0,
        device: Device = "auto",
    ) -> None:
        self.objective = objective
        self.n_mixtures = n_mixtures
        self.n_repeats = n_repeats
        self.floor = floor
        self.held_out = held_out
        self.hidden = hidden
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.device = device

    def fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray, dependence: np.ndarray | None = None
    ) -> DataMixingLaw:
        """Learns the domains' weights from rows (n, d), their labels or targets (n,) and domains (n,).

        No row is trained on of which a copy, or a row of the same unit of ``dependence`` (n,), is held out.
        """
        domains = Domains(X, y, groups, self.name, self.device, dependence)
        seed = seed_of(self.random_state)
        rows = domains.sizes / len(X)
        equal = np.full(len(rows), 1 / len(rows))
        counts = equal if self.objective == "equal" else rows
        self.mixtures_ = self._mixtures(rows, equal, seed)
        self.losses_ = self._losses(domains, self.mixtures_, seed)
        self.law_ = fit_law(self.mixtures_, self.losses_)
        self.r2_ = self._r2(lambda runs, losses, at: fit_law(runs, losses).losses(at))
        self.linear_r2_ = self._r2(linear_losses)
        self.best_mixture_ = self.mixtures_[(self.losses_ @ counts).argmin()]
        self._weigh_by(least_mixture(self.law_, counts, self.floor, self.best_mixture_), domains, X.dtype)
        self.predicted_loss_ = float(self.law_.losses(self.shares_) @ counts)
        again = self._losses(domains, np.stack([self.shares_, self.best_mixture_, equal, rows]), seed + self.n_repeats)
        self.compared_ = dict(zip(("law", "best", "equal", "rows"), (again @ counts).tolist(), strict=True))
        return self

    def _mixtures(self, rows: np.ndarray, equal: np.ndarray, seed: int) -> np.ndarray:
        """Gives (S, G) mixtures: equal shares, the rows' own, and draws."""
        G = len(rows)
        S = RUNS * (G + 2) if self.n_mixtures is None else self.n_mixtures
        if G * self.floor >= 1:
            raise ParameterError(
                f"{self.name}: parameter 'floor' is {self.floor:g}, but {G} domains cannot all have that share; set it "
                f"below {1 / G:.3g}"
            )
        if S < G + 3:
            raise ParameterError(
                f"{self.name}: parameter 'n_mixtures' is {S}, but the law of a loss on {G} domains has {G + 2} "
                f"coefficients; take {G + 3} at least, better {RUNS * (G + 2)}"
            )
        drawn = np.random.default_rng(seed).dirichlet(np.ones(G), S - 2)
        return np.vstack([equal, self.floor + (1 - G * self.floor) * np.vstack([rows, drawn])])

    def _losses(self, domains: Domains, mixtures: np.ndarray, seed: int) -> np.ndarray:
        """Gives (S, G) losses on rows held out, the mean over repeats."""
        found = []
        for repeat in range(self.n_repeats):
            domains.hold_out(self.held_out, seed + repeat, self.name)
            found.append(
                train_each(
                    domains,
                    mixtures,
                    hidden=tuple(self.hidden),
                    steps=self.max_steps,
                    batch_size=self.batch_size,
                    learning_rate=self.learning_rate,
                    seed=seed + repeat,
                )
            )
        return np.mean(found, axis=0)

    def _r2(self, predicted: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
        """Gives (G,) the share of the losses' variance over mixtures that is predicted from the other mixtures'."""
        folds = np.arange(len(self.losses_)) % FOLDS
        found = np.empty_like(self.losses_)
        for fold in range(FOLDS):
            out = folds == fold
            found[out] = predicted(self.mixtures_[~out], self.losses_[~out], self.mixtures_[out])
        variance = self.losses_.var(axis=0)
        return 1 - ((found - self.losses_) ** 2).mean(axis=0) / np.where(variance > 0, variance, 1.0)
