"""A model that leaves the house: with its encoder, schema and card, used without Dagster and without the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ballast.bundles.loading import load
    from ballast.bundles.model import Model

__all__ = ["Model", "load"]


def __getattr__(name: str) -> object:
    if name == "load":
        from ballast.bundles.loading import load

        return load
    if name == "Model":
        from ballast.bundles.model import Model

        return Model
    raise AttributeError(f"module 'ballast.bundles' has no attribute {name!r}")
