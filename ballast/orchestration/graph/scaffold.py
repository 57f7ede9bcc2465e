"""``dg scaffold defs ballast.Pipeline NAME``: a pipeline to fill in, and the resource that it needs."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

RESOURCES = '''"""Where Ballast keeps its tables, models and reports; all pipelines of this project share it."""

import dagster as dg

from ballast import BallastResource


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions(resources={"ballast": BallastResource()})
'''


STARTER = """# A pipeline to fill in: set paths and columns, then `ballast check --spec-only` and `ballast run NAME`.
type: ballast.Pipeline

attributes:
  name: NAME
  data:
    # The rows to learn from. `id` is unique; `label` is what is predicted. All other columns are features, but those
    # under `drop: [...]`. Instead of `path` (CSV, Parquet, JSON, a glob): `asset: KEY`, or `query: SELECT ...`.
    train: {path: train.parquet, id: id, label: label}
    # The rows that the model will meet; they need no label.
    target: {path: target.parquet, id: id}
    # Labelled rows to judge on, never to fit on.
    test: {path: test.parquet, id: id, label: label}

  steps:
    # Has the data shifted, and in which columns?
    drift: {use: classifier_two_sample_test}
    drift_by_column: {use: kolmogorov_smirnov}
    # Weights that make the training rows stand for the target, and what they did.
    density: {use: density_ratio_classifier}
    balance: {use: weight_diagnostics, weights: density}
    # The same model without and with them, and whether that made it better, with intervals.
    baseline: {use: logistic_regression}
    reweighted: {use: logistic_regression, weights: density}
    verdict: {use: compare_models, models: [baseline, reweighted]}

  # Nothing passes a closed gate. `severity: warn` lets pass with a warning; `ballast catalog` lists the methods.
  gates:
    density:
      - expect_effective_sample_size: {min_share: 0.2}
    verdict:
      - expect_metric: {name: accuracy, model: reweighted, at_least: {model: baseline}, margin: 0.02, severity: warn}

  # When it runs by itself:
  # schedule: {cron: "0 6 * * 1"}
  # sensor: {every: 60}        # when one of its files changes
  # automation: eager          # when an asset that it reads is made anew
"""


class PipelineScaffolder(dg.Scaffolder):
    def scaffold(self, request: dg.ScaffoldRequest) -> None:
        dg.scaffold_component(request, {})
        name = request.target_path.name
        (request.target_path / "defs.yaml").write_text(STARTER.replace("NAME", name), encoding="utf-8")
        root = request.project_root or request.target_path.parent
        if not _has_resource(root):
            (request.target_path.parent / "ballast_resources.py").write_text(RESOURCES, encoding="utf-8")
        _ignore(root / ".gitignore")


def _has_resource(root: Path) -> bool:
    """Says whether some module of the project already sets up the resource."""
    own = (f for f in root.rglob("*.py") if not any(part.startswith(".") for part in f.relative_to(root).parts))
    return any("BallastResource" in f.read_text(encoding="utf-8", errors="ignore") for f in own)


def _ignore(file: Path) -> None:
    """Adds the folder of Ballast's things to what git leaves out, where it is not yet there."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    if not {line.strip().strip("/") for line in text.splitlines()} & {".ballast", "**/.ballast"}:
        file.write_text(f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}.ballast/\n", encoding="utf-8")
