"""``ballast.load``: a model from its folder, or from the warehouse it was stored in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ballast.bundles.folder import read
from ballast.bundles.model import Model
from ballast.bundles.places import standing
from ballast.errors import ModelStoreError

if TYPE_CHECKING:
    from ballast.warehouse import Warehouse


def load(
    place: str | Path,
    warehouse: Warehouse | str | None = None,
    *,
    version: int | None = None,
    models: str | Path | None = None,
) -> Model:
    """Gives a model to predict with: its encoder, the schema of its training rows and its card come with it.

    From a folder neither Dagster nor DuckDB is needed, and torch for networks alone; no file runs code, and each is
    held to its hash.

    Parameters
    ----------
    place
        A folder that ``ballast export`` wrote; or, with `warehouse`, a step such as "digits/reweighted", or an alias
        such as "digits/production", which is the model that it names.
    warehouse
        The store, or its URL.
    version
        Of the step, default the latest; an alias has one of its own.
    models
        The folder of the warehouse's models; default ``models`` beside a DuckDB file.

    Raises
    ------
    ModelStoreError
        There is no model in the folder, or it was changed since it was written.
    UntrustedModelError
        A file asks for types that are not trusted; none of it was run.
    VersionNotFoundError
        The warehouse has no such step or version.
    """
    if warehouse is None:
        folder = standing(Path(place))
        if "/" in str(place) and not folder.is_dir():
            raise ModelStoreError(
                f"{place} is not a folder; name one that `ballast export` wrote, or say with warehouse= where the step "
                f"{str(place)!r} is stored"
            )
        return read(folder)
    from ballast.bundles.stored import stored

    return stored(str(place), warehouse, version=version, models=models).model()
