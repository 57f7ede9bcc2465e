"""``alerts:``: whom to tell that a gate closed or a run failed."""

from __future__ import annotations

from typing import Any, Literal

import dagster as dg
from pydantic import ConfigDict, Field, model_validator

Event = Literal["closed", "failed"]


class AlertsSpec(dg.Model):
    """A webhook, and what is posted to it."""

    webhook: str = Field(description="Address to post to, as {{ env.URL }}; it is not shown anywhere.", repr=False)
    on: list[Event] = Field(default=["closed", "failed"], description="What is told: closed gates, failed runs.")
    form: Literal["json", "slack"] = Field(
        default="json", description="How it is told: plain JSON, or as Slack takes it."
    )

    model_config = ConfigDict(hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        """YAML 1.1 reads the key `on` as a truth, and so does Dagster."""
        return {"on" if key is True else key: v for key, v in given.items()} if isinstance(given, dict) else given
