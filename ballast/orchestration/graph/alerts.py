"""``alerts:``: a sensor that posts to a webhook which gates closed and which runs failed, once each."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import dagster as dg

from ballast.errors import BallastError
from ballast.orchestration.graph.reported import report_link
from ballast.orchestration.graph.resources import RESOURCE, BallastResource
from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.spec.alerts import AlertsSpec
from ballast.warehouse import Verdict, Warehouse
from ballast.words import one_line, spaced

TRIES, WAIT, TIMEOUT = 4, 0.5, 10.0
"""How often a message is posted that does not arrive, the seconds before the second time, and those for an answer."""
_KEPT = 500  # what was told last, so that it is told once


def alerts_of(plan: Plan) -> list[dg.SensorDefinition]:
    """Gives the sensor of a pipeline that declares alerts.

    What was told is kept in the sensor's cursor; where the message does not arrive, the next tick tells it.
    """
    spec = plan.spec.alerts
    if spec is None:
        return []

    @dg.sensor(
        name=f"{plan.spec.name}_alerts",
        minimum_interval_seconds=30,
        required_resource_keys={RESOURCE},
        description=f"Posts what is {' or '.join(spec.on)} to a webhook.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        resource: BallastResource = getattr(context.resources, RESOURCE)
        told: list[str] = json.loads(context.cursor) if context.cursor else []
        found: dict[str, dict[str, Any]] = {}
        if "closed" in spec.on:
            found |= _closed(plan, resource)
        if "failed" in spec.on:
            found |= _failed(plan, context.instance)
        new = {key: alert for key, alert in found.items() if key not in told}
        if not new:
            return dg.SkipReason("nothing closed or failed that was not told")
        post(spec.webhook, message_of(plan, spec, list(new.values())))
        return dg.SensorResult(cursor=json.dumps([*told, *new][-_KEPT:]), skip_reason=f"told of {len(new)}")

    return [alerts]


def message_of(plan: Plan, spec: AlertsSpec, alerts: list[dict[str, Any]]) -> dict[str, Any]:
    """Gives what is posted: plain JSON, or Slack's form."""
    if spec.form != "slack":
        return {"pipeline": plan.spec.name, "alerts": alerts}
    return {"text": "\n".join(line for alert in alerts for line in _lines(plan, alert))}


def _lines(plan: Plan, alert: dict[str, Any]) -> Iterator[str]:
    of = f" [{alert['partition']}]" if alert.get("partition") else ""
    if alert["event"] == "failed":
        yield f":x: *{plan.spec.name}*{of}: run {alert['run']} failed"
    else:
        yield f":no_entry: *{alert['asset']}*{of} version {alert['version']}: a gate is closed"
        for gate in alert["gates"]:
            numbers = ", ".join(f"{spaced(name)} {value:.4g}" for name, value in gate["numbers"].items())
            yield f"• `{gate['gate']}`: {gate['message']}{f' ({numbers})' if numbers else ''}"
    if alert.get("report"):
        yield f"<{alert['report']}|report>"


def _closed(plan: Plan, resource: BallastResource) -> dict[str, dict[str, Any]]:
    """Gives the latest versions behind which a gate is closed, by asset, partition and version."""
    warehouse = resource.open()
    found = {}
    for verdicts in _latest(plan, warehouse):
        first = verdicts[0]
        gates = [{"gate": v.gate, "message": v.message, "numbers": _numbers(v)} for v in verdicts]
        found[f"{first.asset} {first.partition or ''} {first.version}"] = {
            "event": "closed",
            "asset": first.asset,
            "partition": first.partition,
            "version": first.version,
            "gates": gates,
            "run": first.run_id,
            "report": _report(plan, resource, first.partition),
        }
    return found


def _latest(plan: Plan, warehouse: Warehouse) -> Iterator[list[Verdict]]:
    with warehouse.reading():
        for name in plan.nodes:
            asset = plan.asset(name)
            newest = {commit.partition: commit for commit in reversed(warehouse.commits(asset))}
            retired = {key for _, key in warehouse.retired([asset])}
            versions = [(asset, c.version) for key, c in newest.items() if key not in retired]
            closed: dict[int, list[Verdict]] = {}
            for verdict in warehouse.verdicts_of(versions) if versions else ():
                if verdict.closes and not verdict.forced:
                    closed.setdefault(verdict.version, []).append(verdict)
            yield from closed.values()


def _numbers(verdict: Verdict) -> dict[str, float]:
    return {k: v for k, v in verdict.observed.items() if isinstance(v, int | float) and not isinstance(v, bool)}


def _failed(plan: Plan, instance: dg.DagsterInstance) -> dict[str, dict[str, Any]]:
    """Gives the last runs of the pipeline's job, or of its assets, that failed, by their ids."""
    wanted = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])
    found = {}
    for record in instance.get_run_records(wanted, limit=_KEPT // 5):
        run = record.dagster_run
        if run.job_name != plan.spec.name and not any(k.path[0] == plan.spec.name for k in run.asset_selection or ()):
            continue
        ended = datetime.fromtimestamp(record.end_time, UTC).isoformat() if record.end_time else None
        partition = run.tags.get("dagster/partition")
        found[f"run {run.run_id}"] = {"event": "failed", "run": run.run_id, "partition": partition, "ended": ended}
    return found


def _report(plan: Plan, resource: BallastResource, partition: str | None) -> str | None:
    return report_link(plan, resource.report_path(plan, Partition(partition) if partition else None))


def post(webhook: str, message: dict[str, Any], wait: Callable[[float], None] = time.sleep) -> None:
    """Posts a message as JSON, some times where it does not arrive; BallastError, without the address, where never."""
    request = urllib.request.Request(
        webhook, json.dumps(message, default=str).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    for number in range(1, TRIES + 1):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT):
                return
        except (OSError, urllib.error.HTTPError) as error:
            if number == TRIES:
                host = urlsplit(webhook).hostname
                why = one_line(str(error), 200)
                raise BallastError(f"the webhook at {host} did not take the message in {TRIES} tries: {why}") from None
        wait(WAIT * 2 ** (number - 1))
