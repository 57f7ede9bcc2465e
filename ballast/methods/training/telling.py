"""How far the training of a network is, said epoch by epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ballast.compute.progress import tell
from ballast.methods.training.loop import Epoch, EpochPlan

if TYPE_CHECKING:
    import torch


def telling(plan: EpochPlan, max_epochs: int) -> EpochPlan:
    """Gives a plan that says of each epoch when it begins."""

    def epoch(number: int, generator: torch.Generator) -> Epoch:
        tell("epoch", number + 1, max_epochs)
        return plan.epoch(number, generator)

    return replace(plan, epoch=epoch)
