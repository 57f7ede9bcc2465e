"""What people see: figures, a stage's numbers, and the report of a pipeline."""

from ballast.reporting.metadata import stage_metadata
from ballast.reporting.outline import Node, Outline

__all__ = ["Node", "Outline", "stage_metadata"]
