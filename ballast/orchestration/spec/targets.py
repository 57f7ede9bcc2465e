"""The key ``to:`` of a step that predicts: where its table is written beside the warehouse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, Self

import dagster as dg
from pydantic import Field, field_validator, model_validator

from ballast.errors import SpecError
from ballast.warehouse.homes.urls import secrets

HOW = "a file (out/scores.parquet), a folder (out/scores/), {database: shop.duckdb, table: scores} or {postgres: ...}"

_PLACES = ("path", "database", "postgres")
_TEMPLATE = re.compile(r"\{\{.*?\}\}")


class TargetSpec(dg.Model):
    """A file, a folder of Parquet, or a table; a text alone is a path."""

    path: str | None = Field(
        default=None, description="A `.parquet` or `.csv` file, or a folder of Parquet that ends in `/`."
    )
    database: str | None = Field(default=None, description="A DuckDB file, beside `table`.")
    postgres: str | None = Field(
        default=None, repr=False, description="The address of a Postgres database, beside `table`."
    )
    table: str | None = Field(default=None, description="A table of the database, as `scores` or `shop.scores`.")

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, given: Any) -> Any:
        return {"path": given} if isinstance(given, str) else given

    @property
    def kind(self) -> Literal["file", "folder", "duckdb", "postgres"]:
        if self.path is not None:
            return "folder" if self.path.endswith("/") else "file"
        return "duckdb" if self.database is not None else "postgres"

    # none of these shows what was given: it may hold a password

    @field_validator("path")
    @classmethod
    def _some_path(cls, path: str | None) -> str | None:
        if path is None:
            return None
        if "://" in path or "\0" in path:
            raise ValueError("a path of this machine is needed; a database is {postgres: ..., table: ...}")
        if not path.endswith(("/", ".parquet", ".csv")):
            raise ValueError("a file ends in .parquet or .csv, a folder of Parquet files in /")
        return path

    @field_validator("postgres")
    @classmethod
    def _address(cls, address: str | None) -> str | None:
        if address is not None and not address.startswith(("postgresql://", "postgres://")):
            raise ValueError("an address is needed that begins with postgresql://")
        return address

    @field_validator("table")
    @classmethod
    def _some_table(cls, table: str | None) -> str | None:
        parts = [] if table is None else table.split(".")
        if len(parts) > 2 or not all(part.strip() and part.isprintable() for part in parts):
            raise ValueError("a table is named as scores, or with its schema as shop.scores")
        return table

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        given = [key for key in _PLACES if getattr(self, key)]
        if len(given) != 1:
            unset = [key for key in _PLACES if key in self.model_fields_set and not getattr(self, key)]
            empty = f"; {unset[0]} is empty: is its environment variable set?" if unset else ""
            raise ValueError(f"one place is needed: {HOW}{empty}")
        if (self.table is None) != (self.path is not None):
            raise ValueError("a path has no table" if self.path else f"{given[0]} needs the `table:` to write into")
        return self


def check_no_password(attributes: Any) -> None:
    """Raises SpecError, with a line for each, where an address in the YAML itself holds a password."""
    if problems := list(_passwords(attributes)):
        raise SpecError("\n".join(problems))


def _passwords(attributes: Any) -> Iterator[str]:
    steps = attributes.get("steps") if isinstance(attributes, dict) else None
    for name, step in steps.items() if isinstance(steps, dict) else ():
        target = step.get("to") if isinstance(step, dict) else None
        for key, text in (target if isinstance(target, dict) else {"": target}).items():
            if isinstance(text, str) and _holds_password(text):
                yield (
                    f"steps.{name}.to{f'.{key}' if key else ''}: the address holds a password, which does not belong "
                    "into YAML: put the address into an environment variable, and write {{ env.NAME }} here"
                )


def _holds_password(text: str) -> bool:
    try:
        return bool(secrets(_TEMPLATE.sub("", text)))
    except ValueError:
        return "@" in text


def without_targets(value: Any) -> Any:
    """Gives attributes without what any ``to:`` in them says, which may be an address with a password."""
    if isinstance(value, dict):
        return {key: "..." if key == "to" else without_targets(inner) for key, inner in value.items()}
    return [without_targets(inner) for inner in value] if isinstance(value, list) else value
