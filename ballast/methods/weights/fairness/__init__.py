"""Fairness: weights under which groups are treated alike."""
