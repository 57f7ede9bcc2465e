"""What `post_processing` changes of a pipeline's assets, also where another part of the project makes its rows."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from ballast.orchestration.projects.find import find
from tests.orchestration.commands.shop import file

MORE = """
post_processing:
  assets:
    - {target: 'key:"NAME/train" or key:"NAME/drift"', attributes: {tags: {tier: gold}}}
    - {target: "*", attributes: {tags: {of: shop}}}
"""


@pytest.mark.parametrize("name", ["plain", "handed"])
def test_assets_are_chosen_by_key_and_none_is_added(shop: Path, name: str):
    place = file(shop, name)
    place.write_text(place.read_text() + MORE.replace("NAME", name))
    declared = find(name, shop)
    definitions = declared.definitions(declared.plan())
    definitions.get_repository_def().validate_loadable()
    graph = definitions.resolve_asset_graph()
    own = {key for key in graph.get_all_asset_keys() if key.path[0] == name}
    assert {key.path[1] for key in own if graph.get(key).tags.get("tier") == "gold"} == {"train", "drift"}
    assert {graph.get(key).tags.get("of") for key in own} == {"shop"}
    assert definitions.resolve_job_def(name)
    if name == "handed":
        pool = graph.get(dg.AssetKey("pool"))
        assert pool.is_executable
        assert "of" not in pool.tags
