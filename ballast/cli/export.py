"""``ballast export``: a model's folder, to be used without the project."""

from __future__ import annotations

from pathlib import Path

from ballast.bundles.stored import stored
from ballast.cli.console import out
from ballast.orchestration.projects.find import project_resource


def export_model(name: str, folder: Path, version: int | None, *, force: bool) -> None:
    """Writes a learner step's model into a folder, and says how to use it."""
    resource = project_resource()
    found = stored(name, resource.open(), version=version, models=resource.model_store(), force=force)
    path = found.write(folder)
    told = f"Wrote {name}, version {found.commit.version}, to {path}: the model, its encoder and its card, README.md."
    out.print(told, markup=False, highlight=False, soft_wrap=True)
    out.print(f"Use it with ballast.load({str(folder)!r}).", markup=False, highlight=False, soft_wrap=True)
