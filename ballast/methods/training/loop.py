"""The training loop: mini-batches, early stopping, recorded dynamics.

One plain loop over epochs and batches, free of what is trained: the network, the loss of a row, the weights, the rows
of each batch and a penalty come in from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from ballast.errors import ParameterError

if TYPE_CHECKING:
    import torch

RowLoss = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
"""(outputs, targets) -> the (n,) loss of each row."""
Penalty = Callable[["torch.Tensor", "torch.Tensor", "torch.Tensor"], "torch.Tensor"]
"""(outputs, targets, weights) -> what is added to the mean loss of a batch."""


@dataclass(frozen=True)
class Rows:
    """Rows to train on or to watch: inputs (n, d), targets (n,) and weights (n,) on one device."""

    inputs: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: torch.Tensor) -> Rows:
        return Rows(self.inputs[index], self.targets[index], self.weights[index])


@dataclass(frozen=True)
class Epoch:
    """The rows of an epoch, on the CPU so that every device sees the same.

    Attributes
    ----------
    order : (k,) places of the rows, batch after batch. sizes : of the batches, or of all but the last.
    factors : (k,) what the rows' weights are multiplied with; None for 1.
    """

    order: torch.Tensor
    sizes: int | list[int]
    factors: torch.Tensor | None = None


@dataclass(frozen=True)
class EpochPlan:
    """How the rows of a run come into batches.

    Attributes
    ----------
    epoch : gives an epoch's rows from its number (from 0) and the generator to draw with.
    visits_all : whether each row comes once, and once only, in each epoch.
    watched_from : the first epoch whose held-out loss counts: earlier ones train for something else.
    watched_factors : of all rows, what the weights of those held out are multiplied with; None for 1.
    report : what is to be known of the plan, as JSON can hold it.
    """

    epoch: Callable[[int, torch.Generator], Epoch]
    visits_all: bool = True
    watched_from: int = 0
    watched_factors: np.ndarray | None = None
    report: dict[str, Any] = field(default_factory=dict)


def shuffled(n: int, size: int) -> EpochPlan:
    """Gives the plan of all rows once an epoch, each time in a fresh order."""
    import torch

    return EpochPlan(lambda number, generator: Epoch(torch.randperm(n, generator=generator), size))


@dataclass(frozen=True)
class Schedule:
    """How the network is trained; see ``TorchMLP`` for what each means."""

    optimizer: str
    learning_rate: float
    weight_decay: float
    max_epochs: int
    patience: int | None


@dataclass
class History:
    """What training left behind: the mean loss of each epoch, and the losses and margins of each row if asked."""

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    best_epoch: int = 0
    losses: list[np.ndarray] = field(default_factory=list)
    margins: list[np.ndarray] = field(default_factory=list)


def train(
    network: torch.nn.Module,
    rows: Rows,
    held_out: Rows | None,
    row_loss: RowLoss,
    plan: EpochPlan,
    schedule: Schedule,
    generator: torch.Generator,
    *,
    penalty: Penalty | None = None,
    record: bool,
    beside: Rows | None = None,
) -> History:
    """Trains ``network`` in place and gives its history.

    With ``held_out`` rows and a patience, training stops once their loss has not improved for ``patience`` epochs, of
    those that the plan lets count, and the network of the best of them is restored. With ``record`` each row's loss
    and margin of every epoch are kept, as of the mini-batch in which the row was visited (before that step's update);
    after them those of the rows ``beside``, which are not trained on, as of the end of the epoch.
    """
    import torch

    history = History()
    optimizer = _optimizer(network, schedule)
    best, best_state = float("inf"), None
    for epoch in range(schedule.max_epochs):
        seen = torch.full((2, len(rows)), float("nan"), device=rows.inputs.device) if record else None
        total = torch.zeros((), device=rows.inputs.device)
        drawn = plan.epoch(epoch, generator)
        for index, factors in _batches(drawn, rows.inputs.device):
            batch = rows[index]
            weights = batch.weights if factors is None else batch.weights * factors
            outputs = network(batch.inputs)
            losses = row_loss(outputs, batch.targets)
            loss = (losses * weights).mean()
            if penalty is not None:
                loss = loss + penalty(outputs, batch.targets, weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(batch)
            if seen is not None:
                seen[:, index] = _loss_and_margin(outputs.detach(), losses.detach(), batch.targets)
        if seen is not None and beside is not None:
            seen = torch.cat([seen, _looked_at(network, beside, row_loss)], dim=1)
        _note(history, epoch, float(total) / len(drawn.order), seen, schedule)
        if held_out is None or schedule.patience is None:
            history.best_epoch = epoch
            continue
        history.validation_loss.append(mean_loss(network, held_out, row_loss))
        if epoch < plan.watched_from:
            history.best_epoch = epoch
        elif history.validation_loss[-1] < best:
            best, history.best_epoch = history.validation_loss[-1], epoch
            best_state = {name: value.clone() for name, value in network.state_dict().items()}
        elif epoch - history.best_epoch >= schedule.patience:
            break
    if best_state is not None:
        network.load_state_dict(best_state)
    return history


def mean_loss(network: torch.nn.Module, rows: Rows, row_loss: RowLoss) -> float:
    """Gives the weighted mean loss of ``rows``."""
    import torch

    with torch.no_grad():
        losses = row_loss(network(rows.inputs), rows.targets)
        return float((losses * rows.weights).sum() / rows.weights.sum())


def _looked_at(network: torch.nn.Module, rows: Rows, row_loss: RowLoss) -> torch.Tensor:
    """Gives (2, n) losses and margins of rows that are not trained on."""
    import torch

    with torch.no_grad():
        outputs = network(rows.inputs)
        return _loss_and_margin(outputs, row_loss(outputs, rows.targets), rows.targets)


def _loss_and_margin(outputs: torch.Tensor, losses: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Gives (2, n); the margins are NaN where there are none."""
    import torch

    return torch.stack([losses, margins(outputs, targets) if outputs.ndim == 2 else torch.full_like(losses, torch.nan)])


def margins(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Gives (n,) logits of the label less the largest other logit."""
    own = logits.gather(1, targets[:, None])
    others = logits.scatter(1, targets[:, None], float("-inf"))
    return (own.squeeze(1) - others.max(dim=1).values).float()


def _optimizer(network: torch.nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    import torch

    rate, decay = schedule.learning_rate, schedule.weight_decay
    if schedule.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9, weight_decay=decay, fused=True)
    return torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay, fused=True)


def _batches(drawn: Epoch, device: torch.device) -> Iterator[tuple[torch.Tensor, torch.Tensor | None]]:
    batches = drawn.order.to(device).split(drawn.sizes)
    factors = repeat(None) if drawn.factors is None else drawn.factors.to(device).split(drawn.sizes)
    return zip(batches, factors, strict=False)


def _note(history: History, epoch: int, loss: float, seen: torch.Tensor | None, schedule: Schedule) -> None:
    if not np.isfinite(loss):
        raise ParameterError(
            f"training diverged in epoch {epoch + 1} (loss {loss}) at learning_rate={schedule.learning_rate:g}; lower "
            "learning_rate, or look for extreme values in X or y"
        )
    history.train_loss.append(loss)
    if seen is not None:
        losses, margin = seen.cpu().numpy()
        history.losses.append(losses)
        history.margins.append(margin)
