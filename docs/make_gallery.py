"""Makes the figures of the gallery: runs its pipelines, and draws what each step on the page has to show.

    python docs/make_gallery.py

docs/gallery.md names the figures: ``images/gallery/PIPELINE-STEP.svg``, ``PIPELINE-STEP-1.svg`` for a step's second.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from ballast import Warehouse
from ballast.reporting.figures import Known, figures_for
from ballast.reporting.pictures.theme import as_svg

DOCS = Path(__file__).parent
PICTURE = re.compile(r"images/gallery/((\w+)-(\w+?)(?:-(\d))?\.svg)")


def main() -> None:
    page = (DOCS / "gallery.md").read_text("utf-8")
    named = PICTURE.findall(page)
    (DOCS / "images" / "gallery").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "BALLAST_HOME": home}
        for pipeline in dict.fromkeys(pipeline for _, pipeline, _, _ in named):
            ballast = Path(sys.executable).with_name("ballast")
            subprocess.run([ballast, "run", pipeline], cwd=DOCS.parent, env=env, check=True)
        warehouse = Warehouse(f"duckdb:///{home}/warehouse.duckdb")
        for name, pipeline, step, number in named:
            (DOCS / "images" / "gallery" / name).write_text(drawn(warehouse, pipeline, step, int(number or 0)), "utf-8")


def drawn(warehouse: Warehouse, pipeline: str, step: str, number: int) -> str:
    """Gives a figure of a stored step as SVG."""
    commit = warehouse.latest(f"{pipeline}/{step}")
    if commit is None or commit.kind is None:
        sys.exit(f"{pipeline}/{step} is not stored")
    train = warehouse.read(f"{pipeline}/train")
    truth = train.set_index(train.columns[0])["true_weight"] if "true_weight" in train else None
    table = warehouse.read(f"{pipeline}/{step}")
    figures = list(figures_for(commit.kind, table, commit.summary or {}, Known(step, truth)))
    return as_svg(figures[number])


if __name__ == "__main__":
    main()
