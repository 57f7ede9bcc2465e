"""The five sentences of a pipeline's latest state, one a topic."""

from __future__ import annotations

from ballast.reporting.findings.finding import Finding
from ballast.reporting.findings.models import accuracy_foreseen, models
from ballast.reporting.findings.shift import shift
from ballast.reporting.findings.ship import ship
from ballast.reporting.findings.weights import weights
from ballast.reporting.snapshot import Snapshot


def findings(snapshot: Snapshot) -> list[Finding]:
    """Gives five sentences: shift, weights, models, accuracy without labels, and whether the result may ship.

    What the pipeline has no step for, or what has not run, is said in the same place. Of a snapshot without steps
    nothing is said.

    Cost: reads the tables of tests, weights and judgements and, where a test names columns, those of the data roles.
    """
    if not snapshot.steps:
        return []
    return [shift(snapshot), weights(snapshot), models(snapshot), accuracy_foreseen(snapshot), ship(snapshot)]
