"""How many rows were predicted, by which model, and what speaks against how many of them."""

from __future__ import annotations

from ballast.reporting.findings.finding import Finding, of_older_inputs
from ballast.reporting.snapshot import Snapshot
from ballast.words import in_words, listed, percent, plural

MOST_REASONS = 3


def predictions(snapshot: Snapshot) -> list[Finding]:
    """Gives a sentence on all steps that predict; none of a pipeline that has none."""
    steps = snapshot.of("prediction")
    said, flagged = [], False
    for step in steps:
        if step.commit is None:
            continue
        n, summary = step.commit.row_count, step.commit.summary
        model = f"{str(summary['model']).partition('/')[2]} (version {summary['model_version']})"
        text = f"{step.node.name} holds {plural(n, 'row')} of {step.node.notes.get('on') or 'target'} by {model}"
        if summary["flagged"]:
            flagged = True
            reasons = sorted(summary["flagged_for"].items(), key=lambda item: -item[1])
            told = listed([f"{count} {_for(reason)}" for reason, count in reasons if count], MOST_REASONS)
            text += f", {summary['flagged']} flagged ({percent(summary['flagged'], n)}): {told}"
        said.append(text + of_older_inputs(snapshot, [step]))
    names = [step.node.name for step in steps]
    if said:
        return [Finding("Predictions", f"{'; '.join(said)}.", "warn" if flagged else "", tuple(names))]
    return [Finding("Predictions", f"Not made yet: {in_words(names)} not run.", "warn")] if names else []


def _for(reason: str) -> str:
    return reason if reason.startswith("flagged") else f"as {reason}"
