"""For what a pipeline runs and when: its partitions, its schedule, and its sensor of files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Literal

import dagster as dg
from pydantic import AfterValidator, Field, field_validator

from ballast.orchestration.spec.execution import LONGEST_WAIT, WholeNumber

Column = Annotated[str, Field(min_length=1)]
BETWEEN = "|"
"""What stands between the two keys of a partition of two dimensions."""
_FIRST_YEAR = 1900  # hourly partitions from then on are a million


@contextmanager
def by_dagster() -> Iterator[None]:
    """Turns Dagster's refusal of a definition into one that names the key."""
    try:
        yield
    except dg.DagsterError as error:
        raise ValueError(str(error)) from error


def _zone_of_dagster(zone: str) -> str:
    with by_dagster():
        dg.ScheduleDefinition(name="of_zone", job_name="of_zone", cron_schedule="@daily", execution_timezone=zone)
    return zone


Zone = Annotated[str, AfterValidator(_zone_of_dagster)]


class DimensionSpec(dg.Model, dg.Resolvable):
    """One column by which rows are split: its keys, its windows of time, or keys that come."""

    column: Column | None = Field(
        default=None,
        description="Column that says which partition a row belongs to; default, within `multi`, the dimension's name.",
    )
    static: list[str] | None = Field(default=None, description="The partitions' keys.")
    time: Literal["hourly", "daily", "weekly", "monthly"] | None = Field(
        default=None, description="Length of a time window."
    )
    start: str | None = Field(default=None, description="First day of a time partition, as YYYY-MM-DD.")
    end: str | None = Field(default=None, description="The day after the last of a time partition; default none.")
    timezone: Zone = Field(default="UTC", description="Time zone in which time partitions begin and end.")
    dynamic: str | None = Field(
        default=None, description="Name of Dagster's dynamic partitions, whose keys are added as they come."
    )

    @property
    def kinds(self) -> list[str]:
        """Which of the ways to split is declared."""
        return [kind for kind in ("static", "time", "dynamic") if getattr(self, kind) is not None]

    @field_validator("static")
    @classmethod
    def _keys_of_dagster(cls, keys: list[str] | None) -> list[str] | None:
        if keys is not None:
            if not keys or "" in keys:
                raise ValueError("at least one key is needed, and none may be empty")
            if half := [key for key in keys if re.search("[\ud800-\udfff]", key)]:
                raise ValueError(f"{half[0]!r} holds half a character, which no text can; correct it")
            with by_dagster():
                dg.StaticPartitionsDefinition(keys)
        return keys

    @field_validator("start", "end")
    @classmethod
    def _day(cls, start: str | None) -> str | None:
        try:
            if start is None or datetime.fromisoformat(start).year >= _FIRST_YEAR:
                return start
        except ValueError as error:
            raise ValueError("a day is needed, written as YYYY-MM-DD") from error
        raise ValueError(f"a day from the year {_FIRST_YEAR} on is needed")


class PartitionsSpec(DimensionSpec):
    """Splits data roles by a column or by two; every partition is checked and weighed against its own target."""

    multi: dict[str, DimensionSpec] | None = Field(
        default=None, description="Two columns to split by, in place of the keys above: each a name, and those keys."
    )
    roles: list[str] = Field(default=["target", "test"], description="The data roles that are split.")

    @property
    def dimensions(self) -> dict[str, DimensionSpec]:
        """What rows are split by, by the column that says so."""
        if self.multi is None:
            return {str(self.column): self}
        return {dimension.column or name: dimension for name, dimension in self.multi.items()}

    @property
    def column_of(self) -> dict[str, str]:
        """The column of each dimension of `multi` by the dimension's name."""
        return {name: dimension.column or name for name, dimension in (self.multi or {}).items()}


class ScheduleSpec(dg.Model, dg.Resolvable):
    cron: str = Field(description="When to run, as a cron line.")
    timezone: Zone = Field(default="UTC", description="Time zone of the cron line.")

    @field_validator("cron")
    @classmethod
    def _cron_of_dagster(cls, cron: str) -> str:
        with by_dagster():
            dg.ScheduleDefinition(name="of_cron", job_name="of_cron", cron_schedule=cron)
        return cron


class SensorSpec(dg.Model, dg.Resolvable):
    every: WholeNumber = Field(default=60, description="Seconds between two checks of the pipeline's source files.")

    @field_validator("every")
    @classmethod
    def _some_time(cls, seconds: int) -> int:
        if not 1 <= seconds <= LONGEST_WAIT:
            raise ValueError(f"a number of seconds from 1 to {LONGEST_WAIT} (a year) is needed")
        return seconds
