"""Losses and margins of each training row, recorded while a network was trained."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ballast.methods.frame.parameters import defaults
from ballast.orchestration.plan.plan import Binding
from ballast.orchestration.provide.models import which
from ballast.orchestration.provide.rows import matrix, stored_ids
from ballast.orchestration.provide.source import Asked, Fault, Source, Tables
from ballast.orchestration.spec.pipeline import StepSpec


class Dynamics(Source):
    name = "dynamics"

    def missing(self, asked: Asked) -> Fault | None:
        model = asked.step.model
        if model is None:
            return asked.here, f"name the learner step that records its training with `model:`{which(asked)}"
        if "record_dynamics" not in defaults(type(asked.learners[model])):
            return f"{asked.here}.model", f"{model!r} records no training dynamics; use a torch_mlp step"
        if asked.spec.steps[model].rows:
            return f"{asked.here}.model", f"{model!r} trains on resampled rows; use one that trains on 'train'"
        return None

    def upstream(self, step: StepSpec, binding: Binding) -> Iterable[str]:
        return [_table(step)]

    def ids(self, tables: Tables, binding: Binding) -> np.ndarray:
        return stored_ids(tables, _table(tables.node.step))

    def read(self, tables: Tables, binding: Binding, ids: np.ndarray) -> np.ndarray:
        table = _table(tables.node.step)
        return matrix(tables, table, binding.term, ids, table)


def _table(step: StepSpec | None) -> str:
    assert step is not None
    return f"{step.model}/dynamics"
