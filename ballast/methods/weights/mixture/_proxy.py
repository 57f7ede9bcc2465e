"""A small network trained on several domains at once, while a rule moves weight between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ballast.compute.blocks import row_keys
from ballast.compute.devices import device
from ballast.errors import DataError
from ballast.methods.common.classes import class_positions
from ballast.methods.common.folds import units_of
from ballast.methods.common.tasks import check_numeric_target, task_of
from ballast.methods.frame.base import Weigher
from ballast.methods.training.networks import layers

if TYPE_CHECKING:
    import torch

Move = Callable[["torch.Tensor", "torch.Tensor", "torch.Tensor", "torch.Tensor"], "torch.Tensor"]
"""Gives the domains' (G,) weights from the last ones, the (G, k) losses, and the rows and targets of the step."""
HELD_OUT_ROWS = 4096
"""Rows of a domain that are held out at most; more hardly change its mean loss."""
UNIFORM_SHARE = 1e-3
"""Share of the domains' weights that stays spread evenly, so that none vanishes."""


class Domains:
    """The rows by domain, on the device and in an order that their contents alone decide.

    Attributes
    ----------
    names : (G,) the domains. positions : (n,) each row's. sizes : (G,) their rows. outputs : of a network for them.
    """

    def __init__(
        self,
        X: np.ndarray,
        y: np.ndarray,
        groups: np.ndarray,
        owner: str,
        choice: str,
        dependence: np.ndarray | None = None,
    ) -> None:
        import torch

        self.names, self.positions = np.unique(groups, return_inverse=True)
        if len(self.names) < 2:
            raise DataError(
                f"{owner}: groups has only one value ({str(self.names[0])!r}, {len(groups)} rows); there is nothing "
                "to balance, so check the groups' column"
            )
        self.sizes = np.bincount(self.positions)
        self.where = device(choice)
        spread = X.std(axis=0, dtype=np.float64)
        rows = ((X - X.mean(axis=0, dtype=np.float64)) / np.where(spread > 0, spread, 1.0)).astype(np.float32)
        self.regression = task_of(y) == "regression"
        if self.regression:
            target = check_numeric_target(y, owner)
            target = ((target - target.mean()) / (target.std() or 1.0)).astype(np.float32)
            self.outputs = 1
        else:
            classes, target = np.unique(y, return_inverse=True)
            self.outputs = max(2, len(classes))  # one alone would be a number's
        keys = row_keys(rows)
        units = units_of(X, dependence).of
        self._all, self._units = [], []
        for domain in range(len(self.names)):
            own = np.flatnonzero(self.positions == domain)
            own = own[np.lexsort((target[own], keys[own]))]
            self._units.append(torch.from_numpy(units[own]).to(self.where))
            self._all.append(tuple(torch.from_numpy(v[own]).to(self.where) for v in (rows, target)))
        self._rows = self._all
        self.columns = X.shape[1]

    def rows_of_each(self, batch_size: int) -> int:
        """Gives how many rows of every domain make a batch, which never has more rows than there are."""
        return max(1, min(batch_size, len(self.positions)) // len(self.names))

    def draw(self, k: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Gives k rows of every domain, with replacement, domain by domain, and their targets."""
        import torch

        drawn = []
        for rows, target in self._rows:
            index = torch.randint(len(rows), (k,), generator=generator).to(self.where)
            drawn.append((rows[index], target[index]))
        return torch.cat([d[0] for d in drawn]), torch.cat([d[1] for d in drawn])

    def hold_out(self, share: float, seed: int, owner: str) -> None:
        """Takes a share of every domain's rows, HELD_OUT_ROWS at most, out of those that ``draw`` draws from.

        With a row go its copies and those of its unit, so that none of them is drawn.
        """
        import torch

        if self.sizes.min() < 2:
            smallest = int(self.sizes.argmin())
            raise DataError(
                f"{owner}: groups holds {str(self.names[smallest])!r} in 1 of {len(self.positions)} rows; every domain "
                "needs 2 at least, one to train on and one to measure the loss on: drop the domain, or join it to "
                "another"
            )
        generator = torch.Generator().manual_seed(seed)
        self._rows, self._held = [], []
        for name, (rows, target), units in zip(self.names, self._all, self._units, strict=True):
            order = torch.randperm(len(rows), generator=generator).to(self.where)
            k = min(max(1, round(share * len(rows))), len(rows) - 1, HELD_OUT_ROWS)
            rest = order[k:][~torch.isin(units[order[k:]], units[order[:k]])]
            if not len(rest):
                raise DataError(
                    f"{owner}: the {len(rows)} rows of {str(name)!r} are copies or of one unit (`dependence`), so that "
                    "none is left to train on where some are held out: drop the domain, or join it to another"
                )
            self._held.append((rows[order[:k]], target[order[:k]]))
            self._rows.append((rows[rest], target[rest]))

    def losses(self, network: Any, rows: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Gives (G, k) losses of rows that ``draw`` gave; (S, G, k) of S networks together."""
        loss = self._row_losses(network, rows, target)
        return loss.reshape(*loss.shape[:-1], len(self.names), -1)

    def held_out_losses(self, network: Any) -> np.ndarray:
        """Gives (G,) mean losses of the rows held out; (S, G) of S networks together."""
        import torch

        with torch.no_grad():
            found = [self._row_losses(network, rows, target).mean(dim=-1) for rows, target in self._held]
        return torch.stack(found, dim=-1).cpu().numpy().astype(np.float64)

    def _row_losses(self, network: Any, rows: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import cross_entropy

        out = network(rows)
        if self.regression:
            return (out - target) ** 2
        repeated = target.expand(out.shape[:-1])
        loss = cross_entropy(out.flatten(end_dim=-2), repeated.flatten(), reduction="none")
        return loss.reshape(repeated.shape)

    def network(self, hidden: tuple[int, ...], seed: int) -> Any:
        """Gives a fresh network; without hidden layers a linear one."""
        import torch

        generator = torch.Generator().manual_seed(seed)
        return layers([self.columns, *hidden, self.outputs], generator).to(self.where)


class DomainWeigher(Weigher):
    """Weighs rows by their domain's share of a mixture over its share of the rows."""

    def weigh(self, groups: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of rows of the domains (k,)."""
        return self.class_weights_[class_positions(groups, self.groups_, self.name, "groups")]

    def _weigh_by(self, shares: np.ndarray, domains: Domains, dtype: np.dtype) -> None:
        """Sets the learned attributes, from the domains' (G,) shares of the mixture."""
        self.groups_, self.shares_ = domains.names, shares
        self.class_weights_ = (shares * len(domains.positions) / domains.sizes).astype(dtype)
        self.weights_ = self.class_weights_[domains.positions]


def seed_of(random_state: int | None) -> int:
    """Gives a seed for torch; a fresh one for None."""
    return int(np.random.default_rng(random_state).integers(2**31))


class Proxy:
    """A network in training by AdamW, on as many rows of every domain a step.

    Attributes
    ----------
    network : as trained so far. weights : (G,) of the domains in the last step, on the device; equal before the first.
    """

    def __init__(
        self, domains: Domains, *, hidden: tuple[int, ...], batch_size: int, learning_rate: float, seed: int
    ) -> None:
        import torch

        self.network = domains.network(hidden, seed)
        self.weights = torch.full((len(domains.names),), 1 / len(domains.names), device=domains.where)
        self._domains = domains
        self._optimizer = torch.optim.AdamW(self.network.parameters(), lr=learning_rate, weight_decay=1e-4)
        self._generator = torch.Generator().manual_seed(seed + 1)
        self._rows = domains.rows_of_each(batch_size)

    def step(self, move: Move) -> None:
        """Takes a step on the weights that ``move(weights, losses, rows, target)`` gives."""
        import torch

        rows, target = self._domains.draw(self._rows, self._generator)
        losses = self._domains.losses(self.network, rows, target)
        with torch.no_grad():
            self.weights = move(self.weights, losses.detach(), rows, target)
        self._optimizer.zero_grad()
        (self.weights @ losses.mean(dim=1)).backward()
        self._optimizer.step()

    def learn(self, mixture: np.ndarray, steps: int) -> None:
        """Takes steps on a (G,) mixture."""
        import torch

        held = torch.from_numpy(mixture).float().to(self._domains.where)
        for _ in range(steps):
            self.step(lambda weights, losses, rows, target: held)


def train(
    domains: Domains,
    *,
    hidden: tuple[int, ...],
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    move: Move,
) -> tuple[Any, np.ndarray]:
    """Trains a network; ``move`` gives the domains' weights for each step. Gives it and (steps, G) the weights."""
    proxy = Proxy(domains, hidden=hidden, batch_size=batch_size, learning_rate=learning_rate, seed=seed)
    history = np.empty((steps, len(domains.names)))
    for step in range(steps):
        proxy.step(move)
        history[step] = proxy.weights.cpu().numpy()
    return proxy.network, history


def train_each(
    domains: Domains,
    mixtures: np.ndarray,
    *,
    hidden: tuple[int, ...],
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
) -> np.ndarray:
    """Trains a network on each of (S, G) mixtures, and gives (S, G) their mean losses on the rows held out.

    All start alike and see the same rows, which keeps their differences free of most of the noise, and take each step
    together, in one product of matrices a layer. The learning rate falls to 0 linearly.
    """
    import torch
    from torch.func import functional_call

    one = domains.network(hidden, seed)
    stacked = {
        name: value.detach().expand(len(mixtures), *value.shape).clone().requires_grad_()
        for name, value in one.named_parameters()
    }
    optimizer = torch.optim.AdamW(stacked.values(), lr=learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    generator = torch.Generator().manual_seed(seed + 1)
    weights = torch.from_numpy(mixtures).float().to(domains.where)
    k = domains.rows_of_each(batch_size)

    def together(rows: torch.Tensor) -> torch.Tensor:
        return torch.vmap(lambda values: functional_call(one, values, (rows,)))(stacked)

    for _ in range(steps):
        losses = domains.losses(together, *domains.draw(k, generator))
        optimizer.zero_grad()
        (weights * losses.mean(dim=-1)).sum().backward()
        optimizer.step()
        schedule.step()
    return domains.held_out_losses(together)


def climbed(weights: torch.Tensor, gains: torch.Tensor, step_size: float) -> torch.Tensor:
    """Gives the weights after one exponentiated step towards the domains that gain, a little spread evenly."""
    import torch

    moved = torch.softmax(weights.log() + step_size * gains, dim=0)
    return (1 - UNIFORM_SHARE) * moved + UNIFORM_SHARE / len(moved)
