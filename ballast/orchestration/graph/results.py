"""What a run made of a node, as Dagster shows it."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import dagster as dg

from ballast import __version__
from ballast.methods.frame.closure import closure, digest_of
from ballast.orchestration.graph.keys import asset_key
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.run.unit import Stored

ROWS = "dagster/row_count"
"""Dagster's own key of the metadata that holds a table's rows."""
REUSED = "ballast/reused"
"""The key of the metadata that says whether what is shown was stored by an earlier run."""
SHOWN = "ballast/shown"
"""The key of the metadata that says what its numbers and its figure are of: a digest of the content and the code."""


def result_of(plan: Plan, stored: Stored, instance: dg.DagsterInstance) -> dg.MaterializeResult:
    key = asset_key(plan, stored.node.name)
    checks = [
        dg.AssetCheckResult(
            passed=j.passed,
            check_name=j.name,
            asset_key=key,
            severity=dg.AssetCheckSeverity.ERROR if j.severity == "error" else dg.AssetCheckSeverity.WARN,
            description=j.message,
            metadata={k: _metadata_value(v) for k, v in j.observed.items()},
        )
        for j in stored.judgements
    ]
    shown = _digest(stored)
    earlier = _shown_before(instance, key, stored.commit.partition, shown) if stored.reused else None
    return dg.MaterializeResult(
        asset_key=key,
        metadata={**(earlier or _shown(stored)), SHOWN: shown, REUSED: stored.reused},
        data_version=dg.DataVersion(stored.commit.content_hash),
        check_results=checks,
    )


def _shown(stored: Stored) -> dict[str, Any]:
    columns = [dg.TableColumn(name, type_) for name, type_ in stored.columns().items()]
    return {
        ROWS: stored.commit.row_count,
        "dagster/column_schema": dg.TableSchema(columns),
        "ballast/version": stored.commit.version,
        **{name: _metadata_value(value) for name, value in stored.metadata().items()},
    }


def _shown_before(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None, shown: str
) -> Mapping[str, Any] | None:
    """Gives what Dagster's last record of an asset shows, where that is of the same content; else None."""
    metadata = last_metadata(instance, key, partition)
    return metadata if SHOWN in metadata and metadata[SHOWN].value == shown else None


def last_metadata(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None
) -> Mapping[str, dg.MetadataValue]:
    """Gives what Dagster's last record of an asset shows, of a partition where one is given; nothing without one."""
    wanted = dg.AssetRecordsFilter(key, asset_partitions=[partition]) if partition is not None else key
    last = next(iter(instance.fetch_materializations(wanted, limit=1).records), None)
    return last.asset_materialization.metadata if last is not None and last.asset_materialization else {}


def _digest(stored: Stored) -> str:
    commit = stored.commit
    parts = [stored.node.stage, commit.asset, commit.version, commit.content_hash, dict(commit.summary), _code()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


@cache
def _code() -> str:
    drawing = closure("ballast.reporting.metadata", within=lambda module: module.startswith("ballast.reporting"))
    return f"{__version__} {digest_of(drawing)}"


def _metadata_value(value: Any) -> Any:
    if (isinstance(value, str) and "\n" in value) or (isinstance(value, str) and value.startswith("![")):
        return dg.MetadataValue.md(value)
    if isinstance(value, dict | list):
        return dg.MetadataValue.json(value)
    return float(f"{value:.6g}") if isinstance(value, float) else value  # the warehouse has all digits
