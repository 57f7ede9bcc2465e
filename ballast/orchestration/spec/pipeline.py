"""What a pipeline's YAML means: the declared form, before anything is looked up or read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

import dagster as dg
from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from ballast.errors import SpecError
from ballast.orchestration.spec.alerts import AlertsSpec
from ballast.orchestration.spec.automation import condition_of
from ballast.orchestration.spec.data import DataSpec, as_list
from ballast.orchestration.spec.execution import ExecutorSpec, RetriesSpec, WholeNumber, no_truth
from ballast.orchestration.spec.occasions import Column, PartitionsSpec, ScheduleSpec, SensorSpec, by_dagster
from ballast.orchestration.spec.problems import error_of, problems_of
from ballast.orchestration.spec.promotion import check_promotes
from ballast.orchestration.spec.targets import TargetSpec, check_no_password
from ballast.orchestration.spec.templates import filled
from ballast.words import in_words, one_line

_MOST_KINDS = 2


class FeaturesSpec(dg.Model, dg.Resolvable):
    """How the table becomes a matrix; one encoder a pipeline, fitted on the training role only."""

    use: str | None = Field(
        default=None, description="A transformer of the catalogue, or of scikit-learn by import path; default skrub's."
    )
    params: dict[str, Any] = Field(default={}, description="Parameters of the transformer.")
    weights: Column | None = Field(
        default=None, description="Column of the training rows' weights or frequencies, for the transformer alone."
    )
    text: Column | list[Column] | None = Field(default=None, description="Text column(s) to turn into features.")
    text_method: Literal["hashing", "tfidf"] = Field(default="hashing", description="How text becomes features.")
    embeddings: Column | list[Column] | None = Field(
        default=None, description="Embedding columns, named or by prefix ('emb_*'), taken as they are."
    )


class StepSpec(dg.Model):
    """One method, and the other steps and roles it works on.

    Not ``Resolvable``, whose method ``model`` would hide the key of that name.
    """

    use: str = Field(description="A method of the catalogue, or the path of a scikit-learn class or training function.")
    predict: str | None = Field(
        default=None, description="In place of `use`: the learner step whose model predicts the rows of `on`."
    )
    beside: list[str] = Field(
        default=[],
        alias="with",
        description="Scorer steps whose scores and flags of the rows stand beside the predictions.",
    )
    on_closed: Literal["refuse", "flag"] = Field(
        default="refuse",
        description="What a predicting step does behind a closed gate: refuse, or flag its rows with the reason.",
    )
    to: TargetSpec | None = Field(
        default=None, description="Where a predicting step's table is written, too: a file, a folder or a table."
    )
    promote: str | None = Field(
        default=None, description="In place of `use`: the comparison of models by which one comes into use."
    )
    candidates: str | list[str] | None = Field(
        default=None, alias="from", description="Learner steps of which a promoting step takes the best."
    )
    metric: str | None = Field(
        default=None, description="What a promoting step weighs models by; default the comparison's first."
    )
    better_by: float | None = Field(
        default=None, description="Above what the lower end of a candidate's gain must be for it to be promoted."
    )
    not_worse_by: float | None = Field(
        default=None, description="By how much at most a candidate may be worse, by the lower end of its gain."
    )
    not_worse_on: Literal["slices"] | None = Field(
        default=None, description="`slices`: `not_worse_by` is to hold in each slice, too."
    )
    params: dict[str, Any] = Field(default={}, description="The method's parameters.")
    on: str | None = Field(default=None, description="The data role whose rows it works on.")
    against: str | None = Field(default=None, description="The data role that stands for the target; default 'target'.")
    weights: str | list[str] | None = Field(default=None, description="Weight step(s) to use or judge.")
    rows: str | None = Field(default=None, description="Sampler step whose dataset a learner trains on.")
    sample: int | None = Field(  # of a plain type, as Dagster wants it
        default=None, description="Of each data role so many rows at most, drawn by their ids, the same in all steps."
    )
    model: str | None = Field(default=None, description="Learner step whose predictions or recordings are used.")
    models: list[str] | None = Field(default=None, description="Learner steps to compare.")
    embed: str | None = Field(default=None, description="Learner step whose embedding replaces the features.")
    retries: RetriesSpec | None = Field(default=None, description="As the pipeline's `retries`, for this step alone.")
    pool: str | None = Field(default=None, description="As the pipeline's `pool`, for this step alone.")
    op_tags: dict[str, Any] = Field(default={}, description="As the pipeline's `op_tags`, for this step too.")
    description: str | None = Field(default=None, description="Shown in the UI and the report.")

    # YAML 1.1 reads the key `on` as a truth, and so does Dagster, whose schema check would find no such key. Unknown
    # keys are refused all the same, when the spec is read, and so is a step with none of `use`, `predict`, `promote`.
    model_config = ConfigDict(json_schema_extra={"additionalProperties": True, "required": []})

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        named = {"on" if key is True else key: v for key, v in given.items()}
        return {"use": "", **named} if {"predict", "promote"} & named.keys() else named

    _number = field_validator("sample", mode="before")(no_truth)

    @field_validator("sample")
    @classmethod
    def _some_rows(cls, number: int | None) -> int | None:
        if number is not None and number < 1:
            raise ValueError("a whole number greater than or equal to 1 is needed")
        return number

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        check_promotes(self.promote, {name: getattr(self, name) for name in self.model_fields_set})
        if self.predict is None:
            if given := sorted(self.model_fields_set & {"beside", "on_closed", "to"}):
                names = in_words(f"`{_written(type(self), name)}`" for name in given)
                raise ValueError(f"{names} stands beside `predict:`; this step has `use:`")
        elif given := sorted(self.model_fields_set - PREDICTS - ({"use"} if not self.use else set())):
            names = in_words(f"`{_written(type(self), name)}`" for name in given)
            raise ValueError(f"a step that predicts takes no {names}: those are keys of a method; leave them out")
        if self.sample is not None and self.rows is not None:
            raise ValueError("`rows` names the rows to train on; leave out `sample`, or give it to the sampler step")
        return self

    def __getitem__(self, key: str | bool) -> Any:
        """Gives the value of a key as it was read, which is how Dagster finds the lines of a file."""
        return getattr(self, {True: "on", "with": "beside", "from": "candidates"}.get(key, str(key)))


PREDICTS = frozenset({"predict", "beside", "on", "on_closed", "to", "retries", "pool", "op_tags", "description"})
"""The keys of a step that predicts."""


def _written(model: type[StepSpec], name: str) -> str:
    """Gives a field's key as it is written in YAML."""
    return model.model_fields[name].alias or name


def predicted(step: StepSpec) -> str:
    """Gives the data role whose rows a step predicts."""
    return step.on or "target"


def models_of(step: StepSpec) -> list[str]:
    """Gives the learner steps that a step names with ``model`` or ``models``."""
    return [*as_list(step.model), *as_list(step.models)]


def embedders_of(spec: PipelineSpec, models: Iterable[str]) -> list[str]:
    """Gives the learner steps whose embedding stands in place of the features wherever one of `models` predicts."""
    return [embed for name in models if name in spec.steps and (embed := spec.steps[name].embed)]


_Retries = int | str | dict[str, Any] | None


class _WrittenStep(StepSpec):
    """A step as Dagster reads it, for whom a template is still text."""

    retries: _Retries = None  # pyright: ignore[reportIncompatibleVariableOverride]
    to: str | dict[str, Any] | None = None  # pyright: ignore[reportIncompatibleVariableOverride]


def _as_written(_: Any, value: Any) -> Any:
    return value


Steps = Annotated[dict[str, StepSpec], dg.Resolver(_as_written, model_field_type=dict[str, _WrittenStep])]
Executor = Annotated[ExecutorSpec | None, dg.Resolver(_as_written, model_field_type=str | dict[str, Any] | None)]
Alerts = Annotated[AlertsSpec | None, dg.Resolver(_as_written, model_field_type=dict[str | bool, Any] | None)]
Retries = Annotated[RetriesSpec | None, dg.Resolver(_as_written, model_field_type=_Retries)]


class PipelineSpec(dg.Model, dg.Resolvable):
    """A pipeline: data roles, steps over them, and the gates between."""

    model_config = ConfigDict(hide_input_in_errors=True)  # a target's address may hold a password

    name: str = Field(description="The pipeline's name: its asset group, key prefix and DuckDB schema.")
    description: str = Field(default="", description="Shown in the UI and the report.")
    data: dict[str, DataSpec] = Field(
        description="Data roles: train, target, test, reference, and others by any name, each `like` one of these."
    )
    features: FeaturesSpec = Field(default=FeaturesSpec(), description="How tables become matrices.")
    steps: Steps = Field(description="Steps by name.")
    gates: dict[str, Any] = Field(default={}, description="Expectations by step or data role.")
    partitions: PartitionsSpec | None = None
    schedule: ScheduleSpec | None = None
    sensor: SensorSpec | None = None
    automation: str | dict[str, Any] | None = Field(
        default=None,
        description="When Dagster makes each asset by itself: eager, {on_cron: '0 6 * * *'}, or a condition's name.",
    )
    pool: str | None = Field(default=None, description="Dagster's pool, whose limit the steps count against.")
    op_tags: dict[str, Any] = Field(default={}, description="Tags of the steps, as dagster-k8s/config.")
    kinds: list[str] = Field(default=[], description="Kinds that the UI shows of every asset, two at most.")
    report_url: str | None = Field(
        default=None, description="Address under which the folder of the reports is served, as https://host/reports."
    )
    executor: Executor = Field(
        default=None,
        description="Processes of the job's steps: in_process, or multiprocess: one a step.",
    )
    retries: Retries = Field(default=None, description="How often a step is tried again that failed in passing.")
    alerts: Alerts = Field(default=None, description="A webhook to which closed gates and failed runs are posted.")
    seed: WholeNumber = Field(
        default=0, description="random_state of every method that draws at random and has none of its own."
    )
    owners: list[str] = []
    tags: dict[str, str] = {}

    def like(self, role: str) -> str:
        """Gives which of ``ROLES`` a data role is, or is like."""
        return self.data[role].like or role

    def aliases(self, names: Iterable[str]) -> list[str]:
        """Gives those of some steps that are aliases of the model in use."""
        return [name for name in names if name in self.steps and self.steps[name].promote is not None]

    @property
    def control_columns(self) -> list[str]:
        """Columns of any role that steer processing and are never features."""
        weights = self.features.weights
        return [*(self.partitions.dimensions if self.partitions else ()), *([] if weights is None else [weights])]

    # bounds stand in validators, not in fields: Dagster reads a copy of the fields, in which templates are text

    @field_validator("seed")
    @classmethod
    def _seed_of_numpy(cls, seed: int) -> int:
        if not 0 <= seed < 2**32:
            raise ValueError(f"a whole number from 0 to {2**32 - 1} is needed")
        return seed

    @field_validator("owners")
    @classmethod
    def _owners_of_dagster(cls, owners: list[str]) -> list[str]:
        with by_dagster():
            dg.AssetSpec("pipeline", owners=owners)
        return owners

    @field_validator("automation")
    @classmethod
    def _some_condition(cls, given: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
        if given is not None:
            condition_of(given)
        return given

    @field_validator("report_url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("an address is needed that begins with http:// or https://")
        return url

    @field_validator("kinds")
    @classmethod
    def _kinds_of_dagster(cls, kinds: list[str]) -> list[str]:
        if len(kinds) > _MOST_KINDS:
            raise ValueError(f"Dagster shows three kinds of an asset, and the first is Ballast's: give {_MOST_KINDS}")
        with by_dagster():
            dg.AssetSpec("pipeline", kinds=set(kinds))
        return kinds

    @field_validator("op_tags")
    @classmethod
    def _op_tags_of_dagster(cls, tags: dict[str, Any]) -> dict[str, Any]:
        with by_dagster():
            dg.op(name="of_tags", tags=tags)(lambda: None)
        return tags

    @field_validator("pool")
    @classmethod
    def _pool_of_dagster(cls, pool: str | None) -> str | None:
        if pool is not None:
            with by_dagster():
                dg.op(name="of_pool", pool=pool)(lambda: None)
        return pool

    @field_validator("tags")
    @classmethod
    def _tags_of_dagster(cls, tags: dict[str, str]) -> dict[str, str]:
        with by_dagster():
            dg.AssetSpec("pipeline", tags=tags)
        return tags

    @classmethod
    def declared(cls, attributes: Any, context: dg.ResolutionContext, where: str) -> Self:
        """Gives the spec that stands under ``attributes:`` in a file; `where` ("pipelines/x/defs.yaml") names it.

        Raises SpecError with a line for each mistake: the file, the key, what was expected, the nearest valid key.
        """
        try:
            check_no_password(attributes)
            return cls.model_validate(filled(attributes, context))
        except ValidationError as error:
            raise error_of([one_line(f"{where}: {said}") for said in problems_of(error, cls)]) from error
        except SpecError as error:
            raise error_of([one_line(f"{where}: {said}") for said in str(error).split("\n")]) from error
