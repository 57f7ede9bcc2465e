"""What people see: figures, a stage's numbers, the report of a pipeline, and objects in a notebook.

Everything here loads on first use: an object in a notebook is drawn without the store that a report is made from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ballast.lazy import lazily

if TYPE_CHECKING:
    from ballast.reporting.metadata import stage_metadata
    from ballast.reporting.outline import Node, Outline
    from ballast.reporting.report import findings_on, write_page, write_report
    from ballast.reporting.snapshot import take_snapshot

__all__ = ["Node", "Outline", "findings_on", "stage_metadata", "take_snapshot", "write_page", "write_report"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Node": "ballast.reporting.outline",
        "Outline": "ballast.reporting.outline",
        "findings_on": "ballast.reporting.report",
        "stage_metadata": "ballast.reporting.metadata",
        "take_snapshot": "ballast.reporting.snapshot",
        "write_page": "ballast.reporting.report",
        "write_report": "ballast.reporting.report",
    },
)
