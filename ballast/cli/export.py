"""``ballast export``: a model's folder, to be used without the project."""

from __future__ import annotations

from pathlib import Path

from ballast.bundles.stored import Form, stored
from ballast.cli.console import out
from ballast.errors import ParameterError
from ballast.orchestration.projects.find import project_resource

_HOLDS: dict[Form, str] = {
    "ballast": "the model, its encoder and its card, README.md",
    "mlflow": "an MLflow model, with its card in data/model/README.md",
}
_USE: dict[Form, str] = {"ballast": "ballast.load({!r})", "mlflow": "mlflow.pyfunc.load_model({!r})"}


def export_model(
    name: str, folder: Path, form: Form, experiment: str | None, version: int | None, *, force: bool
) -> None:
    """Writes a learner step's model into a folder, and says how to use it."""
    if experiment is not None and form != "mlflow":
        raise ParameterError("--experiment: it is models of MLflow's that are logged in one; add --format mlflow")
    resource = project_resource()
    found = stored(name, resource.open(), version=version, models=resource.model_store(), force=force)
    path = found.write(folder, form)
    _say(f"Wrote {name}, version {found.commit.version}, to {path}: {_HOLDS[form]}.")
    if experiment is not None:
        from ballast.bundles.tracked import log

        _say(f"Logged it in the experiment {experiment!r}: mlflow.pyfunc.load_model({log(found, experiment)!r}).")
    _say(f"Use it with {_USE[form].format(str(folder))}.")


def _say(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)
