"""A small pipeline's stored data, as a gate sees it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from ballast.gates import Features


@dataclass(frozen=True)
class StoredData:
    """A GateContext over arrays in memory."""

    stage: str = "source"
    role: str | None = None
    asset: str = "digits/stage"
    id: str | None = "image_id"
    label: str | None = "digit"
    label_required: bool = True
    stored_ids: dict[str, np.ndarray] = field(default_factory=dict)
    stored_features: dict[str, Features] = field(default_factory=dict)

    def ids(self, role: str) -> np.ndarray | None:
        return self.stored_ids.get(role)

    def features(self, role: str) -> Features | None:
        return self.stored_features.get(role)


@pytest.fixture
def stored() -> type[StoredData]:
    """The stored data of a pipeline, to be filled: ``stored(stage="weigher", stored_ids={"train": ids})``."""
    return StoredData
