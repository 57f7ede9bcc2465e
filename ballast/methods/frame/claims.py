"""The figures of claims, as they were measured last: what the cards say in numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ballast.methods.frame.base import Method

FILE = Path(__file__).parents[1] / "claims.json"
"""Written by ``make claims``, and by nothing else."""


@dataclass(frozen=True)
class Figure:
    """A measured figure: the mean over seeds, and its standard error (None where it is a single number)."""

    mean: float
    error: float | None

    @property
    def spread(self) -> float:
        """Two standard errors, which is about half a 95 % interval."""
        if self.error is None:
            raise ValueError("a single number has no spread; record one a seed")
        return 2 * self.error

    def __format__(self, spec: str) -> str:
        return format(self.mean, spec)


@cache
def _recorded() -> Mapping[str, Mapping[str, Figure]]:
    """Gives the figures of each method by name; one that its tests record with two values is left out."""
    found: dict[str, dict[str, Figure]] = {}
    twice: set[tuple[str, str]] = set()
    for key, entry in json.loads(FILE.read_text(encoding="utf-8")).items() if FILE.exists() else ():
        method = key.partition("::")[0]
        for name, (mean, error) in entry["figures"].items():
            figure = Figure(mean, error)
            if found.setdefault(method, {}).setdefault(name, figure) != figure:
                twice.add((method, name))
    for method, name in twice:
        del found[method][name]
    return found


def figure_of(cls: type[Method]) -> str:
    """Gives what a card says was measured, with the recorded figures where it names them.

    ``{error:.2f}`` in ``Claim.figure`` stands for the mean of the figure `error`, ``{error.spread:.2f}`` for two
    standard errors. Raises KeyError for a figure that is not recorded, or with two values.
    """
    if cls.claim is None:
        return ""
    try:
        return cls.claim.figure.format_map(_recorded().get(cls.name, {}))
    except KeyError as error:
        raise KeyError(
            f"the card of {cls.name} names the figure {error}, of which claims.json holds no one value: let its claim "
            "record it, and run `make claims`"
        ) from error
