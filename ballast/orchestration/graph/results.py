"""What a run made of a node, as Dagster shows it."""

from typing import Any

import dagster as dg

from ballast.orchestration.graph.keys import asset_key
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.run.unit import Outcome


def result_of(plan: Plan, outcome: Outcome) -> dg.MaterializeResult:
    key = asset_key(plan, outcome.node.name)
    checks = [
        dg.AssetCheckResult(
            passed=j.passed,
            check_name=j.name,
            asset_key=key,
            severity=dg.AssetCheckSeverity.ERROR if j.severity == "error" else dg.AssetCheckSeverity.WARN,
            description=j.message,
            metadata={k: _metadata_value(v) for k, v in j.observed.items()},
        )
        for j in outcome.judgements
    ]
    metadata: dict[str, Any] = {
        "dagster/row_count": outcome.commit.row_count,
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(name, type_) for name, type_ in outcome.columns.items()]
        ),
        "ballast/version": outcome.commit.version,
        "ballast/reused": outcome.reused,
        **{name: _metadata_value(value) for name, value in outcome.metadata.items()},
    }
    return dg.MaterializeResult(
        asset_key=key,
        metadata=metadata,
        data_version=dg.DataVersion(outcome.commit.content_hash),
        check_results=checks,
    )


def _metadata_value(value: Any) -> Any:
    if (isinstance(value, str) and "\n" in value) or (isinstance(value, str) and value.startswith("![")):
        return dg.MetadataValue.md(value)
    if isinstance(value, dict | list):
        return dg.MetadataValue.json(value)
    return value
