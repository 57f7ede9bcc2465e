"""What people see: figures, a stage's numbers, and the report of a pipeline."""

from ballast.reporting.findings import Finding, findings
from ballast.reporting.metadata import stage_metadata
from ballast.reporting.outline import Node, Outline
from ballast.reporting.report import write_page, write_report
from ballast.reporting.snapshot import take_snapshot

__all__ = ["Finding", "Node", "Outline", "findings", "stage_metadata", "take_snapshot", "write_page", "write_report"]
