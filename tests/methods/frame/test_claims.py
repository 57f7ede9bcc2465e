"""A card takes its numbers from the record of claims."""

from __future__ import annotations

import json

import pytest

from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.catalogue import methods
from ballast.methods.frame.claims import FILE, Figure, figure_of


def carded(figure: str) -> type[Weigher]:
    """Gives a class that stands for kliep, with another figure on its card."""
    return type("Carded", (Weigher,), {"name": "kliep", "claim": Claim("It holds.", "partly", figure)})


def test_figure_when_the_card_names_it_then_as_recorded_and_printed_as_asked():
    record = json.loads(FILE.read_text(encoding="utf-8"))
    (mean, error), *_ = (e["figures"]["error_5"] for k, e in record.items() if k.startswith("kliep::") and "[5]" in k)
    told = figure_of(carded("error {error_5:.3f} +- {error_5.spread:.2f}, 20 seeds"))
    assert told == f"error {mean:.3f} +- {2 * error:.2f}, 20 seeds"


def test_figure_when_it_is_not_recorded_then_the_card_says_so_and_what_to_do():
    with pytest.raises(KeyError, match=r"the card of kliep names the figure 'speed'.*make claims"):
        figure_of(carded("speed {speed:.1f}"))
    with pytest.raises(ValueError, match="no spread"):
        _ = Figure(1.0, None).spread


@pytest.mark.parametrize("cls", methods().values(), ids=methods().keys())
def test_figure_of_every_card_when_told_then_without_names_left(cls):
    assert "{" not in figure_of(cls)
