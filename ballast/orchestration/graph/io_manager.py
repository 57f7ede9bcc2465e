"""The IO manager: a project's own table assets in the warehouse."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pyarrow as pa

from ballast.errors import DataError
from ballast.orchestration.graph.keys import assets_of
from ballast.orchestration.graph.resources import BallastResource, Url
from ballast.orchestration.run.verdicts import check_open
from ballast.warehouse import Warehouse
from ballast.warehouse.tables.frames import given_back


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
        keys = list(context.asset_partition_keys) if context.has_asset_partitions else [None]
        if len(keys) != 1:
            raise DataError(
                f"{context.asset_key.to_user_string()}: one run gives one table for {len(keys)} partitions; make each "
                "in a run of its own (BackfillPolicy.multi_run)"
            )
        commit = self._open().commit(
            assets_of(context.asset_key)[0], obj, partition=keys[0], kind="asset", run_id=context.run_id
        )
        context.add_output_metadata({"dagster/row_count": commit.row_count, "ballast/version": commit.version})

    def load_input(self, context: dg.InputContext) -> Any:
        """Gives the latest rows: of the partitions that are mapped, one after another; None where none is mapped."""
        keys = list(context.asset_partition_keys) if context.has_asset_partitions else [None]
        reader = context.op_def.name if context.op_def else "a reader"
        warehouse = self._open()
        with warehouse.reading():
            asset = _stored(warehouse, context.asset_key)
            there = {partition for _, partition in warehouse.partitions([asset])}
            stored = [key for key in keys if key is None or key in there or len(keys) == 1]
            if len(stored) < len(keys):
                told = f"{len(keys) - len(stored)} of {len(keys)} partitions of {asset} are not stored, and not read"
                context.log.warning(told)
            tables = []
            for key in stored:
                check_open(warehouse, asset, key, reader)
                tables.append(warehouse.read_arrow(asset, partition=key))
        if not tables:
            return None
        return given_back(pa.concat_tables(tables, promote_options="permissive"))


def _stored(warehouse: Warehouse, key: dg.AssetKey) -> str:
    """Gives the name under which the table of an asset is stored."""
    names = assets_of(key)
    return next((name for name in names if warehouse.commits(name)), names[0])
