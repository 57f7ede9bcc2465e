"""One unit of a plan, run."""
