"""The bundled pipelines name assets and columns that the raw data have, and compile."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from assets.cameras import draw_cameras
from assets.diabetes import SITES, draw_diabetes
from assets.digits import draw_digits
from assets.tumours import draw_tumours
from ballast.orchestration.compile.compiler import compile_plan
from ballast.orchestration.read.sources import COLUMN_KEYS
from ballast.orchestration.spec.pipeline import PipelineSpec

PIPELINES = Path(__file__).parents[2] / "pipelines"
DRAWS = {"digits": draw_digits, "cameras": draw_cameras, "tumours": draw_tumours, "diabetes": draw_diabetes}


def spec_of(name: str) -> PipelineSpec:
    declared = yaml.safe_load((PIPELINES / name / "defs.yaml").read_text())
    assert declared["type"] == "ballast.Pipeline"
    return PipelineSpec.model_validate(declared["attributes"])


@pytest.mark.parametrize("name", DRAWS)
def test_a_bundled_pipeline_compiles_and_reads_columns_that_its_assets_have(name):
    spec = spec_of(name)
    compile_plan(spec, where=name)
    draw = DRAWS[name](0)
    tables = {f"{name}_pool": draw.pool, f"{name}_field": draw.field, f"{name}_field_labelled": draw.field_labelled}
    for data in spec.data.values():
        assert data.asset is not None
        named = {getattr(data, key) for key in COLUMN_KEYS} - {None}
        assert named <= set(tables[data.asset].columns)


def test_the_field_tables_of_diabetes_hold_rows_of_every_declared_partition_and_of_no_other():
    spec = spec_of("diabetes")
    assert spec.partitions is not None
    assert spec.partitions.static == list(SITES)
    assert spec.schedule is not None
    draw = draw_diabetes(0)
    for role in spec.partitions.roles:
        table = {"target": draw.field, "test": draw.field_labelled}[role]
        assert set(table[spec.partitions.column]) == set(SITES)


@pytest.mark.parametrize("name", DRAWS)
def test_the_labelled_field_is_read_by_no_step_that_fits(name):
    plan = compile_plan(spec_of(name), where=name)
    readers = {n for n, node in plan.nodes.items() if node.step and any(b.role == "test" for b in node.bindings)}
    assert readers == {"metrics", "verdict"}
