"""What a pipeline names outside its file is looked up without a run, and all that is not there is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ballast.errors import SpecError
from ballast.orchestration.commands.named import check_named
from ballast.orchestration.projects.find import find
from tests.orchestration.commands.shop import file

DATA = """  data:
    train: {asset: pol, id: id}
    target: {path: gone-*.csv, id: id}
    test: {step: made/drifd, id: id}
    reference: {query: SELEC 1, id: id}
"""


def test_assets_paths_steps_and_queries_that_are_not_there_are_told_with_their_lines(shop: Path):
    place = file(shop, "handed")
    place.write_text(
        f"type: ballast.Pipeline\nattributes:\n  name: handed\n{DATA}  steps: {{a: {{use: mahalanobis}}}}\n"
    )
    declared = find("handed", shop)
    with pytest.raises(SpecError) as refused:
        check_named(declared, declared.plan())
    asset, path, step, query = str(refused.value).split("\n")
    assert "defs.yaml:5: data.train.asset: the project has no asset 'pol', did you mean 'pool'?" in asset
    assert "defs.yaml:6: data.target.path: no file matches 'gone-*.csv'" in path
    assert "defs.yaml:7: data.test.step: pipeline 'made' has no step 'drifd', did you mean 'drift'?" in step
    assert "defs.yaml:8: data.reference.query: the query failed: Parser Error" in query


def test_what_is_there_is_sound_whoever_makes_it(shop: Path):
    place = file(shop, "handed")
    (place.parent / "rows.csv").write_text("id\n1\n")
    data = "{train: {asset: pool, id: id}, target: {path: rows.csv, id: id}, test: {step: made/drift, id: id}}"
    place.write_text(
        f"type: ballast.Pipeline\nattributes: {{name: handed, data: {data}, steps: {{a: {{use: mahalanobis}}}}}}\n"
    )
    declared = find("handed", shop)
    check_named(declared, declared.plan())


def test_asset_that_is_split_otherwise_is_told_with_both_partitionings(shop: Path):
    definitions = next(shop.glob("*/definitions.py"))
    of_regions = "@dg.asset(partitions_def=dg.StaticPartitionsDefinition(['north', 'south']), "
    definitions.write_text(definitions.read_text().replace("@dg.asset(", of_regions))
    place = file(shop, "handed")
    place.write_text(
        "type: ballast.Pipeline\nattributes:\n  name: handed\n  data:\n    train: {asset: pool, id: id}\n"
        "    target: {asset: pool, id: id}\n  steps: {a: {use: mahalanobis}}\n"
        "  partitions: {column: day, time: daily, start: '2026-01-01', roles: [target]}\n"
    )
    declared = find("handed", shop)
    with pytest.raises(SpecError) as refused:
        check_named(declared, declared.plan())
    (told,) = str(refused.value).split("\n")
    assert "defs.yaml:6: data.target.asset: the pipeline's partitions are by time (0 0 * * * from 2026-01-01" in told
    assert "those of pool static (north, south), and neither is mapped to the other" in told
