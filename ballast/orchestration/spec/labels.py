"""Where the labels of a data role come from that are known later than its rows."""

from __future__ import annotations

from typing import Any

import dagster as dg
from pydantic import Field, field_validator

from ballast.orchestration.spec.occasions import Column
from ballast.orchestration.spec.written import MISSING, check_options, check_types


class LabelsSpec(dg.Model, dg.Resolvable):
    """Labels by the id of their row. Exactly one source is given: ``path``, ``asset`` or ``query``."""

    path: str | list[str] | None = Field(
        default=None, description="A CSV, Parquet or JSON file, a glob of them, or a list; there may be none yet."
    )
    asset: str | None = Field(default=None, description="Key of a Dagster asset that gives a table.")
    query: str | None = Field(default=None, description="A DuckDB query that reads.")
    database: str | None = Field(default=None, description="The DuckDB file that `query` reads; default none.")
    id: Column = Field(description="Column with the id of the row that a label is of.")
    label: Column = Field(description="Column with the label.")
    time: Column | None = Field(
        default=None, description="Column that says which of two labels of a row is the later one, which counts."
    )
    types: dict[str, str] = Field(default={}, description="As the data role's `types`.")
    missing: list[str] = Field(default=MISSING, description="As the data role's `missing`.")
    options: dict[str, Any] = Field(default={}, description="As the data role's `options`.")

    _types = field_validator("types")(check_types)
    _options = field_validator("options")(check_options)
