"""What a run made of a node, as Dagster shows it."""

from typing import Any

import dagster as dg

from ballast.orchestration.graph.keys import asset_key
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.run.unit import Stored

REUSED = "ballast/reused"
"""The key of the metadata that says whether what is shown was stored by an earlier run."""


def result_of(plan: Plan, stored: Stored) -> dg.MaterializeResult:
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
    metadata: dict[str, Any] = {
        "dagster/row_count": stored.commit.row_count,
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(name, type_) for name, type_ in stored.columns.items()]
        ),
        "ballast/version": stored.commit.version,
        REUSED: stored.reused,
        **{name: _metadata_value(value) for name, value in stored.metadata.items()},
    }
    return dg.MaterializeResult(
        asset_key=key,
        metadata=metadata,
        data_version=dg.DataVersion(stored.commit.content_hash),
        check_results=checks,
    )


def _metadata_value(value: Any) -> Any:
    if (isinstance(value, str) and "\n" in value) or (isinstance(value, str) and value.startswith("![")):
        return dg.MetadataValue.md(value)
    if isinstance(value, dict | list):
        return dg.MetadataValue.json(value)
    return value
