"""The choice of a torch device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ballast.errors import ParameterError
from ballast.words import plural

if TYPE_CHECKING:
    import torch


def device(choice: str = "auto") -> torch.device:
    """Gives the torch device for "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:<index>".

    Raises ParameterError when CUDA, or that many devices, are asked for and absent.
    """
    import torch

    if choice == "cpu":
        return torch.device("cpu")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if choice == "auto":
        return torch.device("cuda" if count else "cpu")
    chosen = torch.device(choice)
    if (chosen.index or 0) >= count:
        raise ParameterError(
            f"device {choice!r} was asked for but this torch ({torch.__version__}) sees "
            f"{plural(count, 'CUDA device')}; use 'auto' or 'cpu', or install a CUDA build of torch on a machine with "
            "a GPU"
        )
    return chosen
