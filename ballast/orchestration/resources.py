"""The Dagster resources: where the warehouse, the models and the reports of a project live."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dagster as dg

from ballast.errors import SpecError
from ballast.orchestration.plan import Plan
from ballast.orchestration.sources import Partition
from ballast.warehouse import ModelStore, Warehouse

_ROOT_MARKS = ("workspace.yaml", "definitions.py", "dg.toml")


def project_root(start: Path | None = None) -> Path:
    """Gives the nearest folder from `start` upwards that is a Dagster project; `start` itself where none is."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        pyproject = folder / "pyproject.toml"
        if any((folder / mark).exists() for mark in _ROOT_MARKS):
            return folder
        if pyproject.exists() and "[tool.dg" in pyproject.read_text(encoding="utf-8"):
            return folder
    return start


def resolved(resource: BallastResource) -> BallastResource:
    """Gives a resource with the environment's values in place of references to them, as a run gets it."""
    given = (resource.warehouse, resource.folder)
    missing = [v.env_var_name for v in given if isinstance(v, dg.EnvVar) and v.env_var_name not in os.environ]
    if missing:
        raise SpecError(
            f"the project's resource needs the environment variable(s) {', '.join(missing)}, which are not set"
        )
    return resource.process_config_and_initialize()


def home(start: Path | None = None) -> Path:
    """Gives the folder for everything Ballast keeps: ``$BALLAST_HOME``, else ``.ballast`` in the project."""
    given = os.environ.get("BALLAST_HOME")
    return Path(given).expanduser().resolve() if given else project_root(start) / ".ballast"


class BallastResource(dg.ConfigurableResource):
    """Opens the warehouse, the model store and the reports for a pipeline's steps.

    Attributes
    ----------
    warehouse : URL of the warehouse; default an embedded DuckDB file in the project's ``.ballast`` folder.
    folder : where models and reports are kept; default that same folder.
    timeout : seconds to wait for the warehouse while another process holds it.
    """

    warehouse: str = ""
    folder: str = ""
    timeout: float = 120.0

    def base(self) -> Path:
        return Path(self.folder).expanduser().resolve() if self.folder else home()

    def open(self) -> Warehouse:
        return Warehouse(self.warehouse or f"duckdb:///{self.base() / 'warehouse.duckdb'}", timeout=self.timeout)

    def model_store(self) -> ModelStore:
        return ModelStore(self.base() / "models")

    def report_path(self, plan: Plan, partition: Partition | None = None) -> Path:
        """Gives where a pipeline's report is written, one file a partition."""
        name = plan.spec.name
        if partition is None:
            return self.base() / "reports" / f"{name}.html"
        safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in partition.key)
        return self.base() / "reports" / name / f"{safe}.html"


class WarehouseIOManager(dg.ConfigurableIOManager):
    """Keeps a project's own table assets in the warehouse: DataFrames in, DataFrames out, versioned like all others.

    An asset with a one-part key is stored in the schema ``raw``.
    """

    warehouse: str = ""
    folder: str = ""
    timeout: float = 120.0

    def _open(self) -> Warehouse:
        return BallastResource(warehouse=self.warehouse, folder=self.folder, timeout=self.timeout).open()

    @staticmethod
    def _asset(context: dg.InputContext | dg.OutputContext) -> str:
        path = list(context.asset_key.path)
        return "/".join(path if len(path) > 1 else ["raw", *path])

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        partition = context.asset_partition_key if context.has_asset_partitions else None
        commit = self._open().commit(
            self._asset(context), obj, partition=partition, kind="asset", run_id=context.run_id
        )
        context.add_output_metadata({"dagster/row_count": commit.row_count, "ballast/version": commit.version})

    def load_input(self, context: dg.InputContext) -> Any:
        partition = context.asset_partition_key if context.has_asset_partitions else None
        return self._open().read(self._asset(context), partition=partition)
