"""What becomes of an alias in a run: which candidates may come into use, which does, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ballast.orchestration.plan.plan import Node
from ballast.orchestration.run.inputs import Inputs
from ballast.orchestration.run.rule import Weighed, best, metric_of, value_of, weigh
from ballast.orchestration.spec.data import as_list
from ballast.orchestration.spec.pipeline import StepSpec
from ballast.stages import STAGES
from ballast.warehouse import Commit
from ballast.warehouse.aliases import history, next_use
from ballast.warehouse.leaving import behind, closed_behind
from ballast.warehouse.tables.aliases import Use
from ballast.words import listed


@dataclass(frozen=True)
class Decided:
    """What came of weighing models: the table of them, what to remember, and the use to record where one moved."""

    table: pd.DataFrame
    summary: dict[str, Any]
    use: Use | None


def in_use_when_judged(inputs: Inputs) -> dict[str, Any]:
    """Gives what a judgement remembers of a model in use that it judged: the alias's model and version."""
    named = {name: used.use.named for name, used in inputs.aliases.items() if used is not None}
    return {"in_use": {name: list(of) for name, of in named.items()}} if named else {}


def weighed(inputs: Inputs) -> dict[str, Any]:
    """Gives what a decision rests on beside the judgement: what is in use, what speaks against each candidate."""
    used = inputs.in_use(inputs.node.name)
    against = {candidate: _obstacle(inputs, candidate) for candidate in _candidates(inputs)}
    return {"number": used.use.number if used else 0, "against": against}


def decision_of(inputs: Inputs) -> Decided:
    """Weighs the candidates of a promoting step by what its comparison found."""
    step, used = _step(inputs.node), inputs.in_use(inputs.node.name)
    judged = inputs.frame(str(step.promote)).fillna({"versus": ""})
    metric, better = metric_of(step, judged, inputs.summary(str(step.promote)).get("better") or {})
    against = inputs.node.name if used else None
    weights = {
        candidate: weigh(
            step, judged, metric, better, candidate, against=against, obstacle=_obstacle(inputs, candidate)
        )
        for candidate in _candidates(inputs)
    }
    return (
        _moved(inputs, metric, weights, chosen)
        if (chosen := best(weights, better))
        else _stayed(inputs, metric, weights, value_of(judged, metric, inputs.node.name))
    )


def _moved(inputs: Inputs, metric: str, weights: Mapping[str, Weighed], chosen: str) -> Decided:
    asset, used, commit = (
        inputs.run.plan.asset(inputs.node.name),
        inputs.in_use(inputs.node.name),
        inputs.commits[chosen],
    )
    was = _called(used.use) if used else "no model"
    said = f"moved from {was} to {chosen} version {commit.version}: {weights[chosen].said}"
    before = history(inputs.run.warehouse, asset)
    use = next_use(before, asset, (commit.asset, commit.version), "rule", said, run_id=inputs.run.run_id)
    rows = [
        _row(inputs.commits[name], metric, found, said if name == chosen else found.said, moved=name == chosen)
        for name, found in weights.items()
    ]
    return Decided(_table(inputs, rows), _remembered(use, metric, weights[chosen].value, said, moved=True), use)


def _stayed(inputs: Inputs, metric: str, weights: Mapping[str, Weighed], value: float) -> Decided:
    used = inputs.in_use(inputs.node.name)
    use = used.use if used else None
    others = {
        name: found for name, found in weights.items() if use is None or not _is_in_use(use, inputs.commits[name])
    }
    reasons = "; ".join(
        f"{name} version {inputs.commits[name].version}: {found.said}" for name, found in others.items()
    )
    why = (
        f"{reasons}{_favoured(inputs)}"
        if others
        else f"{next(iter(weights))}, the only candidate, has no newer version"
    )
    said = f"{f'{_called(use)} stays' if use else 'no model comes into use'}: {why}"
    rows = [_row(inputs.commits[name], metric, found, found.said) for name, found in others.items()]
    if used is None:
        return Decided(_table(inputs, rows), _remembered(None, metric, value, said, moved=False), None)
    now = _row(used.commits["estimator"], metric, Weighed(value), said)
    remembered = _remembered(used.use, metric, value, said, moved=False)
    return Decided(_table(inputs, [{**now, "in_use": True}, *rows]), remembered, None)


def _favoured(inputs: Inputs) -> str:
    """Says how many of the judged rows the model in use was trained on, if any: its figures are too good by that."""
    used, comparison = inputs.in_use(inputs.node.name), str(_step(inputs.node).promote)
    if used is None:
        return ""
    trained = _ids(inputs, "train", used.commits["encoder"])
    judged = _ids(inputs, inputs.spec.steps[comparison].on or "test", inputs.commits[comparison])
    if not (both := len(trained & judged)):
        return ""
    return f"; {both} of {len(judged)} judged rows are training rows of {_called(used.use)}, which favours it"


def _ids(inputs: Inputs, role: str, commit: Commit) -> set[str]:
    """Gives the ids of a role's rows that a version was made from; none where these are no longer stored."""
    warehouse, asset = inputs.run.warehouse, inputs.run.plan.asset(role)
    with warehouse.reading():
        source = next((c for c in warehouse.commits(asset) if c.version == commit.inputs.get(asset)), None)
        column = source.summary.get("declared", {}).get("id") if source is not None else None
        if source is None or column is None:
            return set()
        rows = warehouse.read_arrow(asset, version=source.version, columns=[column])
    return set(rows.column(column).cast("string").to_pylist())


def _is_in_use(use: Use, commit: Commit) -> bool:
    return use.named == (commit.asset, commit.version)


def _called(use: Use) -> str:
    return f"{use.model.partition('/')[2]} version {use.version}"


def _row(commit: Commit, metric: str, found: Weighed, said: str, *, moved: bool = False) -> dict[str, Any]:
    figures = {"value": found.value, "gain": found.gain.value, "low": found.gain.low, "high": found.gain.high}
    of = {"model": commit.asset, "version": commit.version, "in_use": moved, "moved": moved, "metric": metric}
    return {**of, **figures, "said": said}


def _table(inputs: Inputs, rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=pd.Index(STAGES[inputs.node.stage].columns))


def _remembered(use: Use | None, metric: str, value: float, said: str, *, moved: bool) -> dict[str, Any]:
    named = {"model": use.model, "model_version": use.version} if use else {}
    return {"said": said, "moved": moved, **named, "metric": metric, **({"value": value} if np.isfinite(value) else {})}


def _obstacle(inputs: Inputs, candidate: str) -> str:
    """Says why a candidate may not come into use whatever its figures are, if anything speaks against it."""
    run, commit, step = inputs.run, inputs.commits[candidate], _step(inputs.node)
    judgement, used = inputs.commits[str(step.promote)], inputs.in_use(inputs.node.name)
    if used is not None and _is_in_use(used.use, commit):
        return "it is the model in use"
    if used is not None and judgement.summary.get("in_use", {}).get(inputs.node.name) != list(used.use.named):
        return f"{step.promote} did not judge it beside {_called(used.use)} on the same rows; run {step.promote} again"
    of = [(c.asset, c.version) for c in (commit, judgement)]
    if shut := inputs.passed or closed_behind(run.warehouse, behind(run.warehouse, of)):
        return f"closed is the gate behind {listed((s.removeprefix('gate closed behind ') for s in shut), 3)}"
    gone = _rolled_back(history(run.warehouse, run.plan.asset(inputs.node.name)), commit)
    if gone is not None:
        why = f" ({gone.why})" if gone.why else ""
        return f"it was rolled back on {gone.since:%Y-%m-%d}{why}, and comes into use again by hand alone"
    return ""


def _rolled_back(uses: Sequence[Use], commit: Commit) -> Use | None:
    """Gives the rollback away from a version; None where there was none, or it was promoted by hand since."""
    found, before = None, None
    for use in uses:
        if use.way == "rollback" and before == (commit.asset, commit.version):
            found = use
        elif use.named == (commit.asset, commit.version):
            found = None
        before = use.named
    return found


def _step(node: Node) -> StepSpec:
    assert node.step is not None
    return node.step


def _candidates(inputs: Inputs) -> list[str]:
    return list(dict.fromkeys(as_list(_step(inputs.node).candidates)))
