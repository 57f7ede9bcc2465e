"""How Dagster names a pipeline's assets, and the warehouse their tables."""

from __future__ import annotations

import dagster as dg

from ballast.orchestration.plan.plan import Plan

_PARTS = ("features", "dynamics", "out_of_sample")
"""What stands beside a data role or step, under its name in the warehouse: "demo/train/features"."""


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
    beside = [f"{pipeline}/{name.removesuffix(f'_{part}')}/{part}" for part in _PARTS if name.endswith(f"_{part}")]
    return [f"{pipeline}/{name}", *beside]
