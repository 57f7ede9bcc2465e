"""How a pipeline's job runs: in which processes, and how often what failed in passing is tried again."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import dagster as dg
from pydantic import BeforeValidator, Field, field_validator, model_validator

from ballast.errors import nearest
from ballast.words import in_words

LONGEST_WAIT = 366 * 24 * 3600
"""Seconds that anything may wait for: a year."""
_MOST_PROCESSES, _MOST_RETRIES = 1000, 100


def no_truth(value: Any) -> Any:
    """Refuses true and false, which Python counts among the numbers."""
    if isinstance(value, bool):
        raise ValueError("a whole number is needed")
    return value


WholeNumber = Annotated[int, BeforeValidator(no_truth)]

# The fields below are of plain types and checked by validators: with others Dagster wants the models Resolvable.


class ProcessesSpec(dg.Model):
    """A process a step."""

    max_concurrent: int | None = Field(default=None, description="How many run at the same time; default one a core.")

    _number = field_validator("max_concurrent", mode="before")(no_truth)

    @field_validator("max_concurrent")
    @classmethod
    def _some_processes(cls, number: int | None) -> int | None:
        if number is not None and not 1 <= number <= _MOST_PROCESSES:
            raise ValueError(f"a whole number from 1 to {_MOST_PROCESSES} is needed")
        return number


class OneProcessSpec(dg.Model):
    """All steps in the process of the run."""


class ExecutorSpec(dg.Model):
    """In which processes a job's steps run: the name of one of the keys, or that key with its settings."""

    in_process: OneProcessSpec | None = Field(default=None, description="All steps in one process, one after another.")
    multiprocess: ProcessesSpec | None = Field(default=None, description="A process a step, several at a time.")

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        if isinstance(given, str) and given not in cls.model_fields:
            raise ValueError(f"it is {in_words(cls.model_fields, 'or')}{nearest(given, cls.model_fields)}")
        named = {given: None} if isinstance(given, str) else given
        if not isinstance(named, dict) or len(named) != 1:
            raise ValueError(f"exactly one of {in_words(cls.model_fields)} is needed")
        return {key: {} if settings is None else settings for key, settings in named.items()}


class RetriesSpec(dg.Model):
    """How often a step that failed in passing is tried again, and after what wait; or the number alone."""

    max: int = Field(description="How often a step is tried again at most.")
    delay: float = Field(default=0.0, description="Seconds until it is tried again; default none.")
    backoff: Literal["linear", "exponential"] | None = Field(
        default=None,
        description="How the delay grows from try to try: linear (1, 2, 3) or exponential (1, 3, 7).",
    )
    jitter: Literal["full", "plus_minus"] | None = Field(
        default=None, description="What chance does to the wait: full (any part of it) or plus_minus (up to one delay)."
    )

    @model_validator(mode="before")
    @classmethod
    def _number_alone(cls, given: Any) -> Any:
        return given if isinstance(given, dict) else {"max": given}

    _number = field_validator("max", mode="before")(no_truth)

    @field_validator("max")
    @classmethod
    def _some_end(cls, number: int) -> int:
        if not 0 <= number <= _MOST_RETRIES:
            raise ValueError(f"a whole number from 0 to {_MOST_RETRIES} is needed")
        return number

    @field_validator("delay", mode="before")
    @classmethod
    def _no_truth(cls, given: Any) -> Any:
        if isinstance(given, bool):
            raise ValueError("a number of seconds is needed")
        return given

    @model_validator(mode="after")
    def _some_wait(self) -> Self:
        growth = {"linear": self.max, "exponential": 2**self.max - 1}.get(self.backoff or "", 1)
        if not (self.delay >= 0 and self.delay * growth <= LONGEST_WAIT):
            raise ValueError(f"delay: seconds from 0 on are needed, the longest wait at most {LONGEST_WAIT} (a year)")
        if not self.delay and (changes := self.backoff or self.jitter):
            raise ValueError(f"delay: {changes} changes the delay, and there is none; give a number of seconds")
        return self

    def policy(self) -> dg.RetryPolicy:
        """Gives Dagster's form, which reckons the waits."""
        return dg.RetryPolicy(
            max_retries=self.max,
            delay=self.delay,
            backoff=dg.Backoff[self.backoff.upper()] if self.backoff else None,
            jitter=dg.Jitter[self.jitter.upper()] if self.jitter else None,
        )
