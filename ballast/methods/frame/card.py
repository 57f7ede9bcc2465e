"""What a class says of its method: the claim of its paper, and what concerns authors of methods alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["reproduced", "partly", "not reproduced", "by definition"]


@dataclass(frozen=True)
class Claim:
    """What the paper says, and whether it held in the claim test.

    Attributes
    ----------
    text : str
        The claim, with its baseline.
    verdict : {"reproduced", "partly", "not reproduced", "by definition"}
        Whether it held; "by definition" for methods that claim nothing beyond their formula.
    figure : str
        The measured effect with its setting; where it does not hold, where. ``{error:.2f}`` stands for the figure
        `error` that the claim's test records (``ballast.methods.frame.claims``).
    """

    text: str
    verdict: Verdict
    figure: str


FOR_AUTHORS = frozenset({
    "conformance_exceptions", "entry_points", "estimates_ratio", "evens_classes", "keeps_weightless", "labels_are",
    "minimum_mean_ratio", "model_kind", "of_rows", "quick", "refits_model", "stream_points", "survey_ids",
})  # fmt: skip
"""What classes say for the frame, the graph and the conformance suite; ``dir`` does not list it for users."""
