"""Networks of linear layers: made, taken apart into arrays and made again, and the loss of a row."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ballast.methods.training.loop import RowLoss

if TYPE_CHECKING:
    import torch

PREFIX = "network."


def layers(widths: list[int], generator: torch.Generator) -> torch.nn.Sequential:
    """Gives linear layers with ReLU between, drawn from ``generator`` alone (PyTorch's own initial range)."""
    import torch

    made: list[torch.nn.Module] = []
    for width, following in pairwise(widths):
        layer = torch.nn.utils.skip_init(torch.nn.Linear, width, following)
        for parameter in layer.parameters():
            torch.nn.init.uniform_(parameter, -(width**-0.5), width**-0.5, generator=generator)
        made += [layer, torch.nn.ReLU()]
    made.pop()
    if widths[-1] == 1:  # regression: one number a row
        made.append(torch.nn.Flatten(0))
    return torch.nn.Sequential(*made)


def arrays_of(network: torch.nn.Module) -> dict[str, np.ndarray]:
    """Gives the network's parameters under names that tell them from other arrays of a model."""
    return {f"{PREFIX}{name}": value.cpu().numpy() for name, value in network.state_dict().items()}


def of_arrays(widths: list[int], arrays: dict[str, np.ndarray]) -> torch.nn.Sequential:
    """Gives the network of the widths and the parameters that ``arrays_of`` gave."""
    import torch

    network = layers(widths, torch.Generator())
    network.load_state_dict(
        {k.removeprefix(PREFIX): torch.tensor(v) for k, v in arrays.items() if k.startswith(PREFIX)}
    )
    return network


def row_loss(task: str) -> RowLoss:
    """Gives the loss of each row: cross-entropy, or the squared error."""
    import torch

    if task == "classification":
        return lambda logits, targets: torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    return lambda outputs, targets: (outputs - targets) ** 2


def moments(X: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives the weighted mean and standard deviation of each column, the latter 1 where a column is constant."""
    mean = np.average(X, axis=0, weights=weights).astype(np.float64)
    scale = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weights))
    return mean, np.where(scale > 1e-12 * np.maximum(1.0, np.abs(mean)), scale, 1.0)


def on_device(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """Gives an array as a tensor on a device."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(array)).to(device)
