"""A model that leaves the house: with its encoder, schema and card, used without Dagster and without the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ballast.lazy import lazily

if TYPE_CHECKING:
    from ballast.bundles.loading import load
    from ballast.bundles.model import Model

__all__ = ["Model", "load"]


__getattr__, __dir__ = lazily(__name__, {"Model": "ballast.bundles.model", "load": "ballast.bundles.loading"})
