"""Partitions that are stored but that their pipeline no longer declares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ballast.orchestration.plan.partitions import is_declared
from ballast.orchestration.plan.plan import Plan
from ballast.warehouse import Warehouse


def retired(plan: Plan, warehouse: Warehouse) -> list[tuple[str, str]]:
    """Gives each (asset, partition) of a pipeline that is stored and no longer declared."""
    return _undeclared(plan, warehouse.partitions([plan.asset(name) for name in plan.nodes]))


def retire(plan: Plan, warehouse: Warehouse, names: Iterable[str] | None = None) -> None:
    """Hides retired partitions from the views of a pipeline's steps, or of some; one without anything newer stays."""
    assets = [plan.asset(name) for name in (plan.nodes if names is None else names)]
    stored = warehouse.partitions(assets)
    gone = _undeclared(plan, stored)
    shown = {asset for asset, _ in set(stored) - set(gone)}
    warehouse.retire(assets, [(asset, key) for asset, key in gone if asset in shown])


def _undeclared(plan: Plan, stored: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    gone = {key for key in {key for _, key in stored} if not is_declared(plan.spec.partitions, key)}
    return [(asset, key) for asset, key in stored if key in gone]
