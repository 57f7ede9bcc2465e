"""The Dagster component: ``type: ballast.Pipeline`` in a ``defs.yaml``, or ``ballast.Pipeline(...)`` in Python."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from ballast.orchestration.compile.compiler import compile_plan
from ballast.orchestration.graph.assets import definitions_of
from ballast.orchestration.graph.scaffold import PipelineScaffolder
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.spec.pipeline import PipelineSpec


@dg.scaffold_with(PipelineScaffolder)
class Pipeline(dg.Component, PipelineSpec):
    """Checks training data for shift, weighs, resamples, trains and judges, as one gated lineage graph.

    Examples
    --------
    >>> from ballast import Pipeline
    >>> train = {"path": "train.parquet", "id": "id", "label": "left"}
    >>> pipeline = Pipeline(name="churn", data={"train": train}, steps={"model": {"use": "logistic_regression"}})
    >>> list(pipeline.plan().nodes)
    ['train', 'encoder', 'train/features', 'model', 'report']
    """

    def plan(self, where: str = "pipeline") -> Plan:
        """Gives the checked plan; SpecError names what is wrong under `where`."""
        return compile_plan(self, where=where)

    def definitions(self, folder: Path | str = ".") -> dg.Definitions:
        """Gives the Dagster definitions; relative paths in the spec start from `folder`."""
        return definitions_of(self.plan(), Path(folder).resolve())

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        where = context.path / "defs.yaml"
        root = Path(context.project_root)
        shown = where.relative_to(root) if where.is_relative_to(root) else where
        return definitions_of(self.plan(str(shown)), context.path)
