"""The sentences of a pipeline's latest state, one a topic."""

from __future__ import annotations

from ballast.reporting.columns import Comparison
from ballast.reporting.findings.finding import Finding
from ballast.reporting.findings.in_use import in_use
from ballast.reporting.findings.models import accuracy_foreseen, models
from ballast.reporting.findings.predictions import predictions
from ballast.reporting.findings.shift import shift
from ballast.reporting.findings.ship import ship
from ballast.reporting.findings.weights import weights
from ballast.reporting.snapshot import Snapshot


def findings(snapshot: Snapshot, comparison: Comparison | None = None) -> list[Finding]:
    """Gives five sentences: shift, weights, models, accuracy without labels, and whether the result may ship; of a
    pipeline that predicts one more, of its predictions.

    A pipeline with an alias of the model in use has a further one: which that is, and what became of it.
    What the pipeline has no step for, or what has not run, is said in the same place. Of a snapshot without steps
    nothing is said.

    Where the columns of training and target have been compared already, ``comparison`` is that.

    Cost: reads the tables of tests, weights and judgements, and of the data roles the columns that are named; all where
    a test finds a shift and names no column.
    """
    if not snapshot.steps:
        return []
    return [
        shift(snapshot, comparison),
        weights(snapshot),
        models(snapshot),
        accuracy_foreseen(snapshot),
        *predictions(snapshot),
        ship(snapshot),
        *in_use(snapshot),
    ]
