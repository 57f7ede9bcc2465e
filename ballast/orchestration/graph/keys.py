"""How Dagster names a pipeline's assets."""

import dagster as dg

from ballast.orchestration.plan.plan import Plan


def asset_key(plan: Plan, name: str) -> dg.AssetKey:
    return dg.AssetKey([plan.spec.name, *name.split("/")])
