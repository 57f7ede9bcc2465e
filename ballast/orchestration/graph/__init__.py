"""The Dagster side of a plan."""
