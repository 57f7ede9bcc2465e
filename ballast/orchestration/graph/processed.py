"""What `post_processing` needs of a pipeline whose rows another component of its project makes."""

from __future__ import annotations

from typing import Any

import dagster as dg
from dagster._record import replace

_LEFT = "ballast/post_processing_left"
"""The key of the metadata that says how often definitions are still to be post-processed."""


class _BesideSources(dg.Definitions):
    """Definitions beside which the assets that they read stand by name alone, until they are post-processed.

    Dagster looks for the `target` of post-processing in a graph of the component's own assets, and makes none of
    assets whose inputs are missing. The names must be gone when the other components' definitions come in.
    """

    def permissive_map_resolved_asset_specs(self, func: Any, selection: Any) -> dg.Definitions:
        found = super().permissive_map_resolved_asset_specs(func, selection)
        counted: Any = dict(self.metadata or {})[_LEFT].value
        left = counted - 1
        if left:
            return replace(found, metadata={_LEFT: dg.IntMetadataValue(left)})
        own = [asset for asset in found.assets or () if not isinstance(asset, dg.AssetSpec)]
        return _with_assets(dg.Definitions, found, own)


def beside_sources(definitions: dg.Definitions, post_processing: Any) -> dg.Definitions:
    """Gives a pipeline's definitions in a form to which the `post_processing` of its file can be applied."""
    own = [asset for asset in definitions.assets or () if isinstance(asset, dg.AssetsDefinition)]
    read = {key for asset in own for key in asset.keys_by_input_name.values()} - {key for a in own for key in a.keys}
    times = len(post_processing.get("assets") or ()) if isinstance(post_processing, dict) else 0
    if not times or not read:
        return definitions
    return _with_assets(_BesideSources, definitions, [*own, *map(dg.AssetSpec, sorted(read))], metadata={_LEFT: times})


def _with_assets(cls: Any, of: dg.Definitions, assets: list[Any], **more: Any) -> dg.Definitions:
    return cls(assets=assets, jobs=of.jobs, schedules=of.schedules, sensors=of.sensors, **more)
