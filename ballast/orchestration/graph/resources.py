"""The Dagster resources: where the warehouse, the models and the reports of a project live."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Annotated

import dagster as dg
from pydantic import AfterValidator

from ballast.errors import SpecError
from ballast.orchestration.graph.home import home
from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.plan.plan import Plan
from ballast.warehouse import ModelStore, Warehouse
from ballast.warehouse.homes.urls import without_password
from ballast.words import in_words

RESOURCE = "ballast"
"""The key under which a pipeline's assets ask for the resource."""


def resolved(resource: BallastResource) -> BallastResource:
    """Gives a resource with the environment's values in place of references to them, as a run gets it."""
    given = (resource.warehouse, resource.folder)
    missing = [v.env_var_name for v in given if isinstance(v, dg.EnvVar) and v.env_var_name not in os.environ]
    if missing:
        raise SpecError(
            f"the project's resource needs environment variables that are not set: {in_words(missing)}; set them"
        )
    if {type(v) for v in (*given, resource.timeout)} <= {str, int, float}:  # Dagster would make an instance for it
        return resource
    return resource.process_config_and_initialize()


_whole: dict[str, str] = {}
"""The URLs of warehouses that hold a password, by what is shown of them."""


def _shown(url: str) -> str:
    shown = without_password(url)
    if shown != url:
        _whole[shown] = url
    return shown


Url = Annotated[str, AfterValidator(_shown)]
"""A warehouse's URL, whose password stays in this process: Dagster stores and shows what a resource is made with."""


class BallastResource(dg.ConfigurableResource):
    """Opens the warehouse, the model store and the reports for a pipeline's steps.

    Attributes
    ----------
    warehouse : URL of the warehouse; default an embedded DuckDB file in the project's ``.ballast`` folder. Dagster
        neither stores nor shows a password in it.
    folder : where models and reports are kept; default that same folder.
    timeout : seconds to wait for the warehouse while another process holds it.
    """

    warehouse: Url = ""
    folder: str = ""
    timeout: float = 120.0

    def base(self) -> Path:
        return Path(self.folder).expanduser().resolve() if self.folder else home()

    def open(self) -> Warehouse:
        url = self.warehouse or f"duckdb:///{self.base() / 'warehouse.duckdb'}"
        return Warehouse(_whole.get(url, url), timeout=self.timeout)

    def model_store(self) -> ModelStore:
        return ModelStore(self.base() / "models")

    def report_path(self, plan: Plan, partition: Partition | None = None) -> Path:
        """Gives where a pipeline's report is written, one file a partition, whatever its key and the file system."""
        name = plan.spec.name
        if partition is None:
            return self.base() / "reports" / f"{name}.html"
        key, declared = partition.key, plan.spec.partitions
        safe = re.sub(r"[^\w.-]|^\.", "_", key)[:50]  # of four bytes each at most, where a file's name may have 255
        alike = [other for other in (declared and declared.static) or () if other.lower() == key.lower()]
        if safe != key or len(alike) > 1:  # some file systems ignore case
            safe += f"-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
        return self.base() / "reports" / name / f"{safe}.html"
