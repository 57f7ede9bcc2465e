"""What people see: figures, a stage's numbers, and the report of a pipeline."""

from ballast.reporting.metadata import stage_metadata
from ballast.reporting.outline import Node, Outline
from ballast.reporting.report import write_report

__all__ = ["Node", "Outline", "stage_metadata", "write_report"]
