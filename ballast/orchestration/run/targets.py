"""What a run writes beside the warehouse: the table of a step with ``to:``, once its gates are open."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from ballast.gates import Judgement
from ballast.orchestration.deliver.deliver import deliver
from ballast.orchestration.deliver.delivery import Delivery
from ballast.orchestration.plan.plan import PREDICTION, Node
from ballast.orchestration.run.run import Run
from ballast.warehouse import Commit
from ballast.words import in_words, plural


def write_target(
    run: Run, node: Node, commit: Commit, judgements: Sequence[Judgement], read: Callable[[], pa.Table]
) -> None:
    """Writes a version that is stored and judged to the target that its step names, if it names one.

    A target that holds the version already stays as it is, so that a run that finds all made repairs what is not.
    Nothing is written behind a closed gate. Raises TargetError.
    """
    if node.stage != PREDICTION or node.step is None or node.step.to is None:
        return
    if closed := [j.name for j in judgements if j.closes]:
        run.log(f"{commit.asset} is not written to its target: {in_words(closed)} is closed behind it")
        return
    delivery = Delivery(
        target=node.step.to,
        step=commit.asset,
        partition=commit.partition,
        version=commit.version,
        run_id=commit.run_id or "",
        model=str(commit.summary["model"]),
        table=read(),
        folder=run.folder,
        timeout=run.warehouse.timeout,
        newest=lambda: _newest(run, commit),
    )
    told = "is written to" if deliver(delivery) else "stands already in"
    run.log(f"{commit.asset} (version {commit.version}, {plural(commit.row_count, 'row')}) {told} {delivery.where}")


def _newest(run: Run, commit: Commit) -> int:
    found = run.warehouse.latest(commit.asset, partition=commit.partition)
    return found.version if found is not None else commit.version
