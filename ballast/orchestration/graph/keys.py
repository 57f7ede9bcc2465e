"""How Dagster names a pipeline's assets, and the warehouse their tables."""

from __future__ import annotations

import dagster as dg

from ballast.orchestration.plan.plan import Plan
from ballast.stages import STAGES


def asset_key(plan: Plan, name: str) -> dg.AssetKey:
    return key_of(plan.asset(name))


def key_of(asset: str) -> dg.AssetKey:
    """Gives the key of a table: "demo/train/features" is demo/train_features, as in SQL, where its name says enough."""
    pipeline, _, name = asset.partition("/")
    return dg.AssetKey([pipeline, name.replace("/", "_")])


def assets_of(key: dg.AssetKey) -> list[str]:
    """Gives the names under which the table of an asset may be stored; a key of one part is stored in ``raw``."""
    pipeline, *parts = key.path if len(key.path) > 1 else ("raw", *key.path)
    name = "/".join(parts)
    ends = [stage for stage in STAGES if name.endswith(f"_{stage}")]  # "demo/train/features" stands beside "demo/train"
    beside = [f"{pipeline}/{name.removesuffix(f'_{stage}')}/{stage}" for stage in ends]
    return [f"{pipeline}/{name}", *beside]
