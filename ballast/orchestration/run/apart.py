"""What tells two samples apart that do not overlap."""

from __future__ import annotations

from ballast.orchestration.run.inputs import Inputs
from ballast.reporting.columns.shifts import gap
from ballast.reporting.columns.words import short
from ballast.words import in_words, one_line

MOST_FEATURES = 3


def features_apart(inputs: Inputs) -> str:
    """Names the features by which the target differs most from the training rows that a step was fitted on.

    Empty where the step has no two matrices of features, or nothing is stored of their names.
    """
    given, features = inputs.arguments("fit"), inputs.commits.get("train/features")
    X, X_target = given.get("X"), given.get("X_target")
    names = [] if features is None else features.summary.get("names", [])
    if X is None or X_target is None or not len(names) == X.shape[1] == X_target.shape[1]:
        return ""
    distances = {str(name): gap(X[:, j], X_target[:, j]) for j, name in enumerate(names)}
    most = sorted(distances, key=lambda name: -distances[name])[:MOST_FEATURES]
    said = in_words(f"{one_line(name, 60)} ({short(distances[name])})" for name in most)
    return f". Farthest apart, by Kolmogorov-Smirnov distance (1 where they are disjoint), are {said}"
