"""The Dagster component: ``type: ballast.Pipeline`` in a ``defs.yaml``, or ``ballast.Pipeline(...)`` in Python."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from pydantic import BaseModel

from ballast.errors import SpecError
from ballast.orchestration.compile.compiler import compile_plan, declared
from ballast.orchestration.graph.assets import definitions_of
from ballast.orchestration.graph.processed import beside_sources
from ballast.orchestration.graph.scaffold import PipelineScaffolder
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.spec.pipeline import PipelineSpec
from ballast.orchestration.spec.places import Place, lines_of, located


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

    def plan(self, where: str = "pipeline", folder: Path | str = ".") -> Plan:
        """Gives the checked plan; SpecError names what is wrong under `where`, and paths count from `folder`."""
        return compile_plan(self, where=where, folder=Path(folder))

    def definitions(self, folder: Path | str = ".") -> dg.Definitions:
        """Gives the Dagster definitions; relative paths in the spec start from `folder`."""
        return definitions_of(self.plan(folder=folder), Path(folder).resolve())

    @classmethod
    def resolve_from_model(cls, context: dg.ResolutionContext, model: BaseModel) -> Pipeline:
        """Gives the pipeline that Dagster has read from a component's file."""
        position = context.source_position_tree
        attributes = model.model_dump(exclude_unset=True, by_alias=True)
        if position is None:
            return declared(cls, attributes, context, "pipeline", Path())
        file = Path(position.position.filename)
        loading = context.scope.get("context")
        where = _where(file, Path(loading.project_root)) if loading is not None else file.name
        try:
            return declared(cls, attributes, context, where, file.parent)
        except SpecError as error:
            raise located(error, where, lines_of(file, where, str(attributes.get("name")))) from None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        file = context.path / "defs.yaml"
        where = _where(file, Path(context.project_root))
        try:
            plan = self.plan(where, context.path)
        except SpecError as error:
            raise located(error, where, lines_of(file, where, self.name)) from None
        made = definitions_of(plan, context.path, Place(file, lines_of(file, where, self.name)))
        written = getattr(context.component_decl, "component_file_model", None)
        return beside_sources(made, getattr(written, "post_processing", None))


def _where(file: Path, root: Path) -> str:
    return str(file.relative_to(root) if file.is_relative_to(root) else file)
