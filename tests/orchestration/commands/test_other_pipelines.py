"""A pipeline whose project has others: it runs whatever is wrong with them, and without those it does not need."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import dagster as dg
import pytest

from ballast.errors import SpecError
from ballast.orchestration.projects.find import find, project_resource
from ballast.orchestration.projects.load import keys_of
from tests.orchestration.commands.shop import DECLARED, file


def loaded(shop: Path, name: str) -> set[str]:
    """Gives the pipelines whose assets are in the definitions that a pipeline runs in."""
    declared = find(name, shop)
    return {key.path[0] for key in keys_of(declared.definitions(declared.plan())) if len(key.path) > 1}


def test_pipeline_that_needs_no_other_is_loaded_alone_and_one_of_an_asset_with_all_that_may_make_it(shop: Path):
    assert loaded(shop, "plain") == {"plain"}
    assert loaded(shop, "handed") == {"plain", "handed", "made", "free"}
    assert loaded(shop, "free") == {"free"}
    assert loaded(shop, "plain") == {"plain"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "kolmogorov_smirnov",
            "kolmogorow",
            "defs.yaml:7: steps.drift.use: unknown method 'kolmogorow', did you mean",
        ),
        ("use:", "usee:", "defs.yaml:7: steps.drift.usee: unknown key, did you mean 'use'?"),
        ("attributes:", "attributes: {{", "defs.yaml: cannot be read as YAML: line 5"),
    ],
)
@pytest.mark.parametrize("name", ["plain", "handed"])
def test_mistake_in_another_pipeline_is_one_located_line_and_stops_nothing(
    shop: Path, caplog: pytest.LogCaptureFixture, name: str, old: str, new: str, said: str
):
    broken = file(shop, "handed" if name == "plain" else "plain")
    broken.write_text(broken.read_text().replace(old, new))
    with caplog.at_level(logging.WARNING, "ballast.run"):
        assert name in loaded(shop, name)
    (told,) = caplog.messages
    assert said in told
    assert "\n" not in told
    assert told.endswith(f"(this is another pipeline; {name} runs without it)")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("type: ballast.Pipelin\n", "Module `ballast` has no attribute `Pipelin`"),
        (
            DECLARED.format(name="plain", source="path: a.csv") + "post_processing: {asets: []}\n",
            "post_processing.asets",
        ),
    ],
)
def test_component_that_dagster_cannot_load_is_left_out_with_a_word(
    shop: Path, caplog: pytest.LogCaptureFixture, text: str, said: str
):
    file(shop, "plain").write_text(text)
    with caplog.at_level(logging.WARNING, "ballast.run"):
        assert "handed" in loaded(shop, "handed")
    assert said in caplog.messages[-1]
    assert "\n" not in caplog.messages[-1]


def test_pipeline_with_a_mistake_of_its_own_is_refused_whatever_the_others_are(shop: Path):
    file(shop, "plain").write_text("type: ballast.Pipeline\nattributes: {name: plain, steps: {}}\n")
    with pytest.raises(SpecError, match=r"defs\.yaml: data: this key is missing"):
        find("plain", shop).plan()


def test_resource_of_a_project_is_found_though_a_pipeline_is_wrong(shop: Path):
    file(shop, "plain").write_text("type: ballast.Pipeline\nattributes: [\n")
    assert project_resource(shop).folder == "/nowhere"


def test_project_is_whole_again_for_dagster_after_a_run_that_left_some_out(shop: Path):
    loaded(shop, "plain")
    module = sys.modules[next(shop.glob("*/definitions.py")).parent.name + ".definitions"]
    whole: dg.Definitions = module.defs()
    assert {"plain", "handed", "made"} <= {key.path[0] for key in keys_of(whole)}
