"""What a pipeline's YAML means: the declared form, before anything is looked up or read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import dagster as dg
from pydantic import Field

ROLES = ("train", "target", "test", "reference")
"""The data roles: rows to learn from, rows the model will meet, labelled rows to judge on, rows of an earlier time."""

SOURCES = ("asset", "path", "query", "loader")


class DataSpec(dg.Model, dg.Resolvable):
    """Where a data role comes from, and which of its columns mean what. Exactly one source is given."""

    id: str = Field(description="Column with a unique, non-null id a row (integer or text).")
    asset: str | None = Field(default=None, description="Key of an existing Dagster asset that gives a table.")
    path: str | None = Field(default=None, description="A CSV, Parquet or JSON file, or a glob of them.")
    query: str | None = Field(default=None, description="A DuckDB query.")
    database: str | None = Field(default=None, description="The DuckDB file that `query` reads; default none.")
    loader: str | None = Field(default=None, description="Import path of a function that returns a table.")
    params: dict[str, Any] = Field(default={}, description="Keyword arguments of `loader`.")
    label: str | None = Field(default=None, description="Column with the label or target value.")
    groups: str | None = Field(default=None, description="Column with the domain, subgroup or source.")
    time: str | None = Field(default=None, description="Column with the time of observation.")
    treatment: str | None = Field(default=None, description="Column with the treatment received.")
    outcome: str | None = Field(default=None, description="Column with the outcome observed.")
    true_weight: str | None = Field(default=None, description="Column with the known right weight, where there is one.")
    drop: list[str] = Field(default=[], description="Columns that are neither features nor any of the above.")


class FeaturesSpec(dg.Model, dg.Resolvable):
    """How the table becomes a matrix; one encoder a pipeline, fitted on the training role only."""

    use: str | None = Field(default=None, description="Import path of a scikit-learn transformer; default skrub's.")
    params: dict[str, Any] = Field(default={}, description="Parameters of the transformer.")
    text: str | list[str] | None = Field(default=None, description="Text column(s) to turn into features.")
    text_method: Literal["hashing", "tfidf"] = Field(default="hashing", description="How text becomes features.")
    embeddings: str | list[str] | None = Field(
        default=None, description="Embedding columns, named or by prefix ('emb_*'), taken as they are."
    )


class StepSpec(dg.Model):
    """One method, and the other steps and roles it works on.

    Not ``Resolvable``, whose method ``model`` would hide the key of that name; ``_resolve_steps`` stands in for it.
    """

    use: str = Field(description="A method of the catalogue, or the import path of a scikit-learn class.")
    params: dict[str, Any] = Field(default={}, description="The method's parameters.")
    on: str | None = Field(default=None, description="The data role whose rows it works on.")
    against: str | None = Field(default=None, description="The data role that stands for the target; default 'target'.")
    weights: str | list[str] | None = Field(default=None, description="Weight step(s) to use or judge.")
    rows: str | None = Field(default=None, description="Sampler step whose dataset a learner trains on.")
    model: str | None = Field(default=None, description="Learner step whose predictions or recordings are used.")
    models: list[str] | None = Field(default=None, description="Learner steps to compare.")
    embed: str | None = Field(default=None, description="Learner step whose embedding replaces the features.")
    description: str | None = Field(default=None, description="Shown in the UI and the report.")


def _resolve_steps(context: dg.ResolutionContext, steps: dict[str, StepSpec]) -> dict[str, StepSpec]:
    """Fills in the templates of steps, such as ``{{ env.SEED }}``."""
    return {
        name: StepSpec(**context.resolve_value(step.model_dump(exclude_unset=True))) for name, step in steps.items()
    }


Steps = Annotated[dict[str, StepSpec], dg.Resolver(_resolve_steps, model_field_type=dict[str, StepSpec])]


class PartitionsSpec(dg.Model, dg.Resolvable):
    """Splits data roles by a column; every partition is checked and weighed against its own target."""

    column: str = Field(description="Column that says which partition a row belongs to.")
    static: list[str] | None = Field(default=None, description="The partitions' keys.")
    time: Literal["hourly", "daily", "weekly", "monthly"] | None = Field(
        default=None, description="Length of a time window."
    )
    start: str | None = Field(default=None, description="First day of a time partition, as YYYY-MM-DD.")
    roles: list[str] = Field(default=["target", "test"], description="The data roles that are split.")


class ScheduleSpec(dg.Model, dg.Resolvable):
    cron: str = Field(description="When to run, as a cron line.")
    timezone: str = Field(default="UTC", description="Time zone of the cron line.")


class SensorSpec(dg.Model, dg.Resolvable):
    every: int = Field(default=60, ge=1, description="Seconds between two looks at the pipeline's source files.")


class PipelineSpec(dg.Model, dg.Resolvable):
    """A pipeline: data roles, steps over them, and the gates between."""

    name: str = Field(description="The pipeline's name: its asset group, key prefix and DuckDB schema.")
    description: str = Field(default="", description="Shown in the UI and the report.")
    data: dict[str, DataSpec] = Field(description="Data roles: train, target, test, reference.")
    features: FeaturesSpec = Field(default=FeaturesSpec(), description="How tables become matrices.")
    steps: Steps = Field(description="Steps by name.")
    gates: dict[str, list[Any]] = Field(default={}, description="Expectations by step or data role.")
    partitions: PartitionsSpec | None = None
    schedule: ScheduleSpec | None = None
    sensor: SensorSpec | None = None
    automation: Literal["eager"] | None = Field(default=None, description="'eager' runs a step when its inputs change.")
    seed: int = Field(default=0, description="random_state of every method that draws and is given none.")
    owners: list[str] = []
    tags: dict[str, str] = {}
