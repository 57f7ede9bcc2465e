"""What a pipeline's YAML says of a data role: where its rows are, and which of their columns mean what."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Literal

import dagster as dg
from pydantic import Field, ValidationInfo, field_validator

from ballast.orchestration.spec.labels import LabelsSpec
from ballast.orchestration.spec.occasions import Column
from ballast.orchestration.spec.written import MISSING, check_options, check_types

ROLES = ("train", "target", "test", "reference")
"""The data roles: rows to learn from, rows the model will meet, labelled rows to judge on, rows of an earlier time."""

SOURCES = ("asset", "path", "query", "loader", "step")
"""The keys that say where a data role's rows are."""


class DataSpec(dg.Model, dg.Resolvable):
    """Where a data role comes from, and which of its columns mean what. Exactly one source is given."""

    id: Column = Field(description="Column with a unique, non-null id per row (integer or text).")
    like: Literal["train", "target", "test", "reference"] | None = Field(
        default=None, description="Of a role by another name: the role whose gates it has, as target."
    )
    asset: str | None = Field(
        default=None,
        description="Key of a Dagster asset that gives a table; beside path, query or loader, that these are made by.",
    )
    deps: list[str] = Field(default=[], description="Keys of Dagster assets that are to be made before.")
    path: str | list[str] | None = Field(
        default=None, description="A CSV, Parquet or JSON file, a glob of them, or a list of these."
    )
    types: dict[str, str] = Field(
        default={}, description="Types of columns that are not to be as the source has them, such as `zip: text`."
    )
    missing: list[str] = Field(default=MISSING, description="What stands for a missing value in CSV and JSON.")
    options: dict[str, Any] = Field(default={}, description="How a CSV file is written, such as `delimiter: ';'`.")
    hive: bool = Field(default=False, description="Whether folders such as `year=2024` are columns.")
    query: str | None = Field(default=None, description="A DuckDB query that reads.")
    database: str | None = Field(default=None, description="The DuckDB file that `query` reads; default none.")
    databases: dict[str, str] = Field(default={}, description="More DuckDB files that `query` reads, by name.")
    loader: str | None = Field(default=None, description="Import path of a function that returns a table.")
    step: str | None = Field(
        default=None, description="A step of another pipeline in the same warehouse, as `other/density`."
    )
    params: dict[str, Any] = Field(default={}, description="Keyword arguments of `loader`.")
    label: Column | None = Field(default=None, description="Column with the label or target value.")
    labels_from: LabelsSpec | None = Field(
        default=None, description="Where the rows' labels come from once they are known."
    )
    groups: Column | None = Field(default=None, description="Column with the domain, subgroup or source.")
    time: Column | None = Field(default=None, description="Column with the time of observation.")
    dependence: Column | None = Field(
        default=None, description="Column with the unit that a row is of (a customer); rows of one are not independent."
    )
    weight: Column | None = Field(
        default=None, description="Column with the design weight of a row: how many of the population it stands for."
    )
    treatment: Column | None = Field(default=None, description="Column with the treatment received.")
    treated: str | bool | int | float | None = Field(
        default=None, description="Its value that means treated; not needed of 0 and 1, or true and false."
    )
    outcome: Column | None = Field(default=None, description="Column with the outcome observed.")
    observed: Column | None = Field(
        default=None, description="Column that says whether a row's label (or outcome) was observed."
    )
    true_weight: Column | None = Field(
        default=None, description="Column with the known right weight, where there is one."
    )
    drop: list[Column] = Field(default=[], description="Columns that are neither features nor any of the above.")
    last: str | None = Field(
        default=None,
        description="How far back from its end a time partition has rows, as 30d, 12h or 4w; default its own window.",
    )

    @property
    def source(self) -> str | None:
        """The key that says where the rows are: ``asset`` only where no other does."""
        return next((key for key in reversed(SOURCES) if getattr(self, key)), None)

    @property
    def handed(self) -> str | None:
        """What the run hands the rows of, where they cannot be read without one: an asset, or another's step."""
        return getattr(self, str(self.source)) if self.source in ("asset", "step") else None

    @property
    def named(self) -> list[str]:
        """The assets of Dagster that the rows come from or after."""
        return [*([self.asset] if self.asset else []), *self.deps]

    @property
    def labels_asset(self) -> str | None:
        """The asset of Dagster that the rows' late labels come from."""
        return None if self.labels_from is None else self.labels_from.asset

    # bounds stand in validators, not in fields: Dagster reads a copy of the fields, in which templates are text

    @property
    def reach(self) -> timedelta | None:
        """How far back from its end a time partition has rows; None: as far as its window."""
        if self.last is None:
            return None
        return (
            int(self.last[:-1])
            * {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}[self.last[-1]]
        )

    @field_validator("last")
    @classmethod
    def _some_reach(cls, last: str | None) -> str | None:
        if last is not None and not re.fullmatch(r"[1-9]\d{0,4}[hdw]", last):
            raise ValueError("a number of hours, days or weeks is needed, as 12h, 30d or 4w")
        return last

    @field_validator("treated")
    @classmethod
    def _of_a_treatment(cls, treated: Any, info: ValidationInfo) -> Any:
        if treated is not None and not info.data.get("treatment"):
            raise ValueError("it is a value of the treatment's column: declare that with `treatment:`")
        return treated

    @field_validator("path")
    @classmethod
    def _some_path(cls, path: str | list[str] | None) -> str | list[str] | None:
        if isinstance(path, list) and not (path and all(path)):
            raise ValueError("at least one path is needed, and none may be empty")
        return path

    _types = field_validator("types")(check_types)
    _options = field_validator("options")(check_options)


def as_list(value: str | list[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def paths_of(data: DataSpec) -> list[str]:
    """Gives the files that a data role's rows and their late labels are read from."""
    return [*as_list(data.path), *as_list(data.labels_from.path if data.labels_from else None)]
