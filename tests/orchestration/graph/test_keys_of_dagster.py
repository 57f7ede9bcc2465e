"""Keys that a pipeline hands on to Dagster: automation, pools, tags of ops, kinds, and what post_processing changes."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest
import yaml

from ballast.errors import SpecError
from ballast.orchestration.graph.keys import key_of
from ballast.orchestration.projects.find import find
from tests.orchestration.projects import Project, spec

OWN = dg.AutomationCondition.on_missing().with_label("ours")


def own() -> dg.AutomationCondition:
    return OWN


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("eager", "eager"),
        ("on_missing", "on_missing"),
        ({"on_cron": "0 6 * * 1"}, "on_cron"),
        ({"on_cron": {"cron_schedule": "0 6 * * 1", "cron_timezone": "Europe/Oslo"}}, "Europe/Oslo"),
        (f"{__name__}.OWN", "ours"),
        (f"{__name__}.own", "ours"),
    ],
)
def test_automation_is_any_condition_and_waits_for_the_gates(project: Project, given: Any, said: str):
    project.attributes = spec(automation=given)
    condition = project.definitions.resolve_asset_graph().get(key_of("demo/density")).automation_condition
    assert said in str(condition)
    assert "all_deps_blocking_checks_passed" in str(condition)


def mistake(project: Project, **changes: Any) -> str:
    file = project.folder / "defs.yaml"
    file.write_text(yaml.safe_dump({"type": "ballast.Pipeline", "attributes": spec(**changes)}))
    with pytest.raises(SpecError) as refused:
        find(str(file)).plan()
    return str(refused.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"automation": "eagre"}, "automation: 'eagre' is not a condition of Dagster, did you mean 'eager'?"),
        ({"automation": "on_cron"}, "automation: on_cron takes cron_schedule and cron_timezone"),
        ({"automation": {"on_cron": "every day"}}, "automation: on_cron takes"),
        ({"automation": "nothing.of_that.NAME"}, "automation: cannot import 'nothing.of_that.NAME'"),
        ({"automation": "os.path.sep"}, "automation: 'os.path.sep' is a str, not an AutomationCondition"),
        ({"automation": {"eager": None, "on_missing": None}}, "automation: name one condition"),
        ({"kinds": ["a", "b", "c"]}, "kinds: dagster shows three kinds"),
        ({"op_tags": {"a b": {1: 2}}}, "op_tags: "),
        ({"pool": "a pool!"}, "pool: "),
    ],
)
def test_what_dagster_would_refuse_is_refused_at_its_key(project: Project, changes: dict[str, Any], said: str):
    assert said in mistake(project, **changes)


def test_sensor_on_assets_is_refused_with_what_to_use(project: Project):
    sources = {f"data__{role}": {"asset": role, "id": "key", "label": "kind"} for role in ("train", "target", "test")}
    said = mistake(project, sensor={"every": 30}, **sources)
    assert "sensor: it watches the files of `path:`, and no data role has one" in said
    assert "automation: eager" in said


def test_pool_tags_and_kinds_reach_the_ops_and_assets_and_a_step_has_its_own(project: Project):
    project.attributes = spec(
        pool="cpu", kinds=["churn"], op_tags={"team": "risk"},
        steps__density={"use": "density_ratio_classifier", "pool": "gpu", "op_tags": {"gpu": "1"}},
    )  # fmt: skip
    graph = project.definitions.resolve_asset_graph()
    ops = {assets.op.name: assets.op for assets in project.definitions.assets or () if hasattr(assets, "op")}
    assert (ops["demo__density"].pool, ops["demo__baseline"].pool) == ("gpu", "cpu")
    assert ops["demo__density"].tags == {"team": "risk", "gpu": "1"}
    assert ops["demo__train"].tags == {"team": "risk", "dagster/priority": "1"}
    assert graph.get(key_of("demo/density")).kinds == {"weights", "churn"}


def test_job_makes_all_assets_whatever_group_post_processing_puts_them_in(project: Project):
    moved = project.definitions.map_asset_specs(func=lambda spec: spec.replace_attributes(group_name="elsewhere"))
    job = moved.resolve_job_def("demo")
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == {
        key_of(f"demo/{name}").to_user_string() for name in project.plan.nodes
    }
