"""``dg scaffold defs ballast.Pipeline NAME``: a pipeline to fill in, and the resource that it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

RESOURCES = '''"""Where Ballast keeps its tables, models and reports; all pipelines of this project share it."""

import dagster as dg

from ballast import BallastResource


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions(resources={"ballast": BallastResource()})
'''


def starter(name: str) -> dict[str, Any]:
    """Gives the attributes of a pipeline that runs once its paths and columns are set."""
    return {
        "name": name,
        "data": {
            "train": {"path": "train.parquet", "id": "id", "label": "label"},
            "target": {"path": "target.parquet", "id": "id"},
        },
        "steps": {
            "drift": {"use": "classifier_two_sample_test"},
            "baseline": {"use": "logistic_regression"},
            "density": {"use": "density_ratio_classifier"},
            "reweighted": {"use": "logistic_regression", "weights": "density"},
            "balance": {"use": "weight_diagnostics", "weights": "density"},
        },
        "gates": {"density": [{"expect_effective_sample_size": {"min_share": 0.2}}]},
    }


class PipelineScaffolder(dg.Scaffolder):
    def scaffold(self, request: dg.ScaffoldRequest) -> None:
        dg.scaffold_component(request, starter(request.target_path.name))
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
