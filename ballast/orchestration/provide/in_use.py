"""The model in use: the version that an alias names, with the encoder that it was fitted with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ballast.errors import DataError
from ballast.given.scoring import predicted
from ballast.warehouse import Commit, ModelStore, StoredModel, Warehouse
from ballast.warehouse.aliases import in_use, parts
from ballast.warehouse.tables.aliases import Use


@dataclass(frozen=True)
class InUse:
    """What an alias names: `commits` are its ``estimator``, its ``encoder`` and, where it has one, its ``embedder``."""

    use: Use
    commits: Mapping[str, Commit]
    warehouse: Warehouse
    models: ModelStore

    @cached_property
    def loaded(self) -> dict[str, Any]:
        """The parts, loaded; None for an embedder that there is not."""
        found: dict[str, Any] = {"embedder": None}
        for part, commit in self.commits.items():
            table = self.warehouse.read(commit.asset, version=commit.version)
            found[part] = self.models.load(StoredModel.of(table))
        return found

    def predicted(
        self, calls: Sequence[Callable[[np.ndarray], np.ndarray]], rows: pd.DataFrame, where: str
    ) -> list[np.ndarray]:
        """Gives what calls of its estimator say of a role's rows; DataError where its encoder does not take these."""
        try:
            return predicted(calls, rows, self.loaded["encoder"], self.loaded["embedder"], where)
        except DataError as error:
            encoder = self.commits["encoder"]
            raise DataError(
                f"{self.use.alias} is {self.use}, and its encoder ({encoder.asset} version {encoder.version}) does not "
                f"take these rows: {error}"
            ) from error


def model_in_use(warehouse: Warehouse, models: ModelStore, alias: str) -> InUse | None:
    """Gives what an alias names, None while it names nothing; ModelStoreError where what it names is gone."""
    use = in_use(warehouse, alias)
    return None if use is None else InUse(use, parts(warehouse, models, use), warehouse, models)
