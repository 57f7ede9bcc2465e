"""Scores of how likely a row's label is right; higher is likelier."""

from ballast.methods.labels.area_under_margin import AreaUnderMargin, flag_by_threshold_samples

__all__ = ["AreaUnderMargin", "flag_by_threshold_samples"]
