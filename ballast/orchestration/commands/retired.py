"""Partitions that are stored but that their pipeline no longer declares."""

from __future__ import annotations

from ballast.orchestration.plan.partitions import is_declared
from ballast.orchestration.plan.plan import Plan
from ballast.warehouse import Warehouse


def retired(plan: Plan, warehouse: Warehouse) -> list[tuple[str, str]]:
    """Gives each (asset, partition) of a pipeline that is stored and no longer declared."""
    stored = warehouse.partitions([plan.asset(name) for name in plan.nodes])
    gone = {key for key in {key for _, key in stored} if not is_declared(plan.spec.partitions, key)}
    return [(asset, key) for asset, key in stored if key in gone]


def retire(plan: Plan, warehouse: Warehouse) -> None:
    """Hides a pipeline's retired partitions from the views of its steps; what a step has nothing newer than stays."""
    assets = [plan.asset(name) for name in plan.nodes]
    gone = retired(plan, warehouse)
    shown = {asset for asset, _ in set(warehouse.partitions(assets)) - set(gone)}
    warehouse.retire(assets, [(asset, key) for asset, key in gone if asset in shown])
