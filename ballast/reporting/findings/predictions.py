"""How many rows were predicted, by which model, and what speaks against how many of them."""

from __future__ import annotations

from ballast.methods.frame.reports import OVERALL
from ballast.reporting.findings.finding import Finding, of_older_inputs, short
from ballast.reporting.snapshot import Snapshot, Step
from ballast.stages import LABELLED_SHARE
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
        metrics = snapshot.named(f"{step.node.name}/metrics")
        right = _by_labels(metrics) if metrics is not None else ""
        said.append(text + right + of_older_inputs(snapshot, [step, *([metrics] if right and metrics else [])]))
    names = [step.node.name for step in steps]
    if said:
        return [Finding("Predictions", f"{'; '.join(said)}.", "warn" if flagged else "", tuple(names))]
    return [Finding("Predictions", f"Not made yet: {in_words(names)} not run.", "warn")] if names else []


def _by_labels(metrics: Step) -> str:
    """Says how good predictions are by the labels that have come; empty while nothing was held against any."""
    if metrics.table is None or not metrics.declared[1]:
        return ""
    table = metrics.table
    share = table[(table["metric"] == LABELLED_SHARE) & (table["slice"] == OVERALL)].iloc[0]
    labelled = round(share["value"] * share["n"]) if share["n"] else 0
    if not labelled:
        return "; no labels of these have come yet"
    picture, head = metrics.declared[1][0], f"; by the {labelled} of {plural(int(share['n']), 'label')} that have come"
    found = table[table["metric"].isin(picture.metrics[:1])].set_index("slice")
    if OVERALL not in found.index:
        return f"{head} nothing can be said of all rows"
    value, low, high = (short(float(found[name][OVERALL])) for name in ("value", "low", "high"))
    return f"{head} their {picture.called(picture.metrics[0])} is {value} [{low}, {high}]"


def _for(reason: str) -> str:
    return reason if reason.startswith("flagged") else f"as {reason}"
