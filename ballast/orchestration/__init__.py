"""From a declared pipeline to Dagster's graph, and its runs."""
