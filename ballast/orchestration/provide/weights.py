"""Weights that other steps have given the rows."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np

from ballast.errors import BallastError, DataError
from ballast.orchestration.plan.plan import Binding
from ballast.orchestration.provide.rows import matrix, stored_ids, values_of
from ballast.orchestration.provide.source import Asked, Fault, Source, Tables
from ballast.orchestration.spec.data import as_list
from ballast.orchestration.spec.pipeline import StepSpec


class Weights(Source):
    name = "weights"

    def wrong(self, asked: Asked) -> Fault | None:
        """Refuses several weight steps where one is taken, and weights of other rows."""
        key, references = f"{asked.here}.weights", as_list(asked.step.weights)
        if asked.term == "sample_weight" and len(references) > 1:
            return key, (
                f"{asked.step.use} takes one weight step, got {', '.join(references)}; add a step "
                "`use: multiply_weights` with these weights, and name that step here"
            )
        for reference in references:
            weighed = asked.spec.steps[reference].on or "train"
            if weighed != asked.role:
                remedy = "name weights of those" if asked.name in asked.learners else f"set `on: {weighed}`"
                return key, (
                    f"{reference!r} weighs the {weighed} rows, but {asked.name!r} works on the {asked.role} rows; "
                    f"{remedy}"
                )
            drawn = asked.spec.steps[reference].sample
            if drawn is not None and (asked.step.sample is None or asked.step.sample > drawn):
                return f"{asked.here}.sample", (
                    f"{reference!r} weighs a sample of {drawn} rows, and this step takes "
                    f"{asked.step.sample or 'all of them'}; give it `sample: {drawn}`, which takes the same rows"
                )
        return None

    def missing(self, asked: Asked) -> Fault | None:
        return None if asked.step.weights else (asked.here, "name the weight steps with `weights:`")

    def upstream(self, step: StepSpec, binding: Binding) -> Iterable[str]:
        return as_list(step.weights)

    def ids(self, tables: Tables, binding: Binding) -> np.ndarray:
        return stored_ids(tables, _steps(tables)[0])

    def read(self, tables: Tables, binding: Binding, ids: np.ndarray) -> Any:
        found = {
            name: values_of(tables.frame(name)["weight"].to_numpy(), stored_ids(tables, name), ids, name)
            for name in _steps(tables)
        }
        rows = {name: tables.arrow(name).num_rows for name in found}
        if len(set(rows.values())) > 1:  # each has all of the ids, so some have others too
            said = ", ".join(f"{name} {n}" for name, n in rows.items())
            raise DataError(
                f"{tables.node.name}: the weights are not of the same rows ({said}); run their steps again so that "
                "all are of the same rows"
            )
        return found if binding.term == "sample_weights" else next(iter(found.values()))


class Influence(Source):
    """How the weights move with the rows that they were fitted to, where the step's weigher can tell."""

    name = "influence"

    def missing(self, asked: Asked) -> Fault | None:
        steps = as_list(asked.step.weights)
        with suppress(BallastError):  # of a parameter that is wrong, which the weights' own step tells
            if len(steps) == 1 and getattr(asked.weighers[steps[0]], "has_influence", False):
                return None
        return f"{asked.here}.weights", "name one weight step whose weigher tells how its weights are fitted"

    def upstream(self, step: StepSpec, binding: Binding) -> Iterable[str]:
        return [f"{as_list(step.weights)[0]}/influence"]

    def ids(self, tables: Tables, binding: Binding) -> np.ndarray:
        return stored_ids(tables, self._table(tables))

    def read(self, tables: Tables, binding: Binding, ids: np.ndarray) -> np.ndarray:
        return matrix(tables, self._table(tables), binding.term, ids, self._table(tables))

    def _table(self, tables: Tables) -> str:
        return f"{_steps(tables)[0]}/influence"


def _steps(tables: Tables) -> list[str]:
    return as_list(tables.node.step.weights) if tables.node.step else []
