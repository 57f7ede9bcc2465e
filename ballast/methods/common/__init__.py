"""What several rooms share and no step can name: cross-fitting, tasks, weighting, sums."""
