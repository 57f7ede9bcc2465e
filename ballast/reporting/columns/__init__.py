"""Columns: how each differs between the training rows and the target, read from the warehouse piece by piece."""

from ballast.reporting.columns.shifts import ColumnShift, Comparison, compare

__all__ = ["ColumnShift", "Comparison", "compare"]
