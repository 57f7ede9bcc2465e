"""Encoded features, as they are or as a model embeds them, and their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ballast.orchestration.plan.plan import Binding
from ballast.orchestration.provide.rows import features, stored_ids
from ballast.orchestration.provide.source import Asked, Fault, Source, Tables
from ballast.orchestration.spec.pipeline import StepSpec


class Features(Source):
    name = "features"

    def missing(self, asked: Asked) -> Fault | None:
        return asked.without_role()

    def upstream(self, step: StepSpec, binding: Binding) -> Iterable[str]:
        return [f"{binding.role}/features", *([step.embed] if step.embed else [])]

    def ids(self, tables: Tables, binding: Binding) -> np.ndarray:
        return stored_ids(tables, f"{binding.role}/features")

    def read(self, tables: Tables, binding: Binding, ids: np.ndarray) -> np.ndarray:
        X, step = features(tables, binding.role, ids), tables.node.step
        return X if step is None or step.embed is None else tables.model(step.embed).embed(X)


class FeatureNames(Source):
    name = "feature_names"

    def missing(self, asked: Asked) -> Fault | None:
        return asked.without_role()

    def upstream(self, step: StepSpec, binding: Binding) -> Iterable[str]:
        return [f"{binding.role}/features"]

    def decided_by(self, tables: Tables, binding: Binding) -> Mapping[str, Any]:
        return {"names": self.read(tables, binding, None)}

    def read(self, tables: Tables, binding: Binding, ids: None) -> list[str]:
        return list(tables.summary(f"{binding.role}/features")["names"])
