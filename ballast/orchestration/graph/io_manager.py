"""The IO manager: a project's own table assets in the warehouse."""

from __future__ import annotations

from typing import Any

import dagster as dg

from ballast.orchestration.graph.keys import assets_of
from ballast.orchestration.graph.resources import BallastResource, Url
from ballast.orchestration.run.verdicts import check_open
from ballast.warehouse import Warehouse


class WarehouseIOManager(dg.ConfigurableIOManager):
    """Keeps a project's own table assets in the warehouse: DataFrames in, DataFrames out, versioned like all others.

    An asset with a one-part key is stored in the schema ``raw``. A table behind which a gate is closed is not given to
    anyone: GateClosedError says which gate.
    """

    warehouse: Url = ""
    folder: str = ""
    timeout: float = 120.0

    def _open(self) -> Warehouse:
        return BallastResource(warehouse=self.warehouse, folder=self.folder, timeout=self.timeout).open()

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        partition = context.asset_partition_key if context.has_asset_partitions else None
        commit = self._open().commit(
            assets_of(context.asset_key)[0], obj, partition=partition, kind="asset", run_id=context.run_id
        )
        context.add_output_metadata({"dagster/row_count": commit.row_count, "ballast/version": commit.version})

    def load_input(self, context: dg.InputContext) -> Any:
        partition = context.asset_partition_key if context.has_asset_partitions else None
        warehouse = self._open()
        with warehouse.reading():
            asset = _stored(warehouse, context.asset_key)
            check_open(warehouse, asset, partition, context.op_def.name if context.op_def else "a reader")
            return warehouse.read(asset, partition=partition)


def _stored(warehouse: Warehouse, key: dg.AssetKey) -> str:
    """Gives the name under which the table of an asset is stored."""
    names = assets_of(key)
    return next((name for name in names if warehouse.commits(name)), names[0])
