"""What is said of samples that do not overlap."""

from __future__ import annotations

from pathlib import Path

from tests.orchestration.projects import Project, rows, spec


def test_weights_when_the_target_does_not_overlap_then_the_error_names_the_features_farthest_apart(tmp_path: Path):
    project = Project(tmp_path, spec(data__test=None, steps={"density": {"use": "density_ratio_classifier"}}))
    project.write("target", rows(120, seed=2, start=1000).assign(width=lambda table: table["width"] + 100))
    message = project.run().messages["density"]
    assert "demo/density: density_ratio_classifier: the target does not overlap the 200 training rows" in message
    assert "Farthest apart, by Kolmogorov-Smirnov distance (1 where they are disjoint), are width (1), " in message
