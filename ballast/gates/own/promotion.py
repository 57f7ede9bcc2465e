"""The expectation on the table of a step that promotes: the model in use, and what was weighed against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ballast.gates.own.form import Outcome, Own, column
from ballast.words import listed, plural

if TYPE_CHECKING:
    import pandas as pd

    from ballast.gates.context import GateContext


class ExpectModelInUse(Own):
    """A model is in use: it has just moved there, or stays there.

    The message says which of the two, and why. It is closed only while no model was ever promoted.
    """

    stages = ("promotion",)

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        used = frame[column(frame, "in_use").astype(bool)]
        weighed = ~column(frame, "in_use").astype(bool) | column(frame, "moved").astype(bool)
        observed: dict[str, Any] = {"candidates": int(weighed.sum())}
        if not len(used):
            said = listed(frame["said"].astype(str), 6)
            return Outcome(False, observed, f"no model is in use; of {plural(len(frame), 'candidate')}: {said}")
        row = used.iloc[0]
        observed |= {"model": str(row["model"]), "version": int(row["version"]), "moved": bool(row["moved"])}
        observed |= {str(row["metric"]): float(row["value"])} if np.isfinite(row["value"]) else {}
        return Outcome(True, observed, str(row["said"]))
