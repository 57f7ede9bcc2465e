"""What a pipeline found, in five sentences: for the end of a run, the head of its report and Dagster."""

from ballast.reporting.findings.findings import Finding, findings

__all__ = ["Finding", "findings"]
