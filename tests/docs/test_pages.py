"""The pages: every pipeline on them is sound, those of the guides run, and each room's guide tells all its methods."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import yaml

from ballast import Pipeline, WarehouseIOManager
from ballast.methods.frame.catalogue import methods
from ballast.methods.frame.claims import figure_of
from tests.cli.conftest import Folder
from tests.orchestration.projects import Project, spec

DOCS = Path(__file__).resolve().parents[2] / "docs"
WITHOUT_METHODS = {"index.md", "elsewhere.md"}
GUIDES = sorted([*(p for p in (DOCS / "guides").glob("*.md") if p.name not in WITHOUT_METHODS), DOCS / "weights.md"])
BLOCK = re.compile(r"^```yaml(?: [^\n]*)?\n(.*?)^```", re.DOTALL | re.MULTILINE)


def hook(name: str) -> ModuleType:
    """Gives a script of docs/ as a module."""
    found = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def declared(page: Path) -> list[dict[str, Any]]:
    """Gives the attributes of a page's pipelines: whole ones, and parts put into the whole one before them."""
    found: list[dict[str, Any]] = []
    for block in map(yaml.safe_load, BLOCK.findall(page.read_text(encoding="utf-8"))):
        if isinstance(block, dict) and block.get("type") == "ballast.Pipeline":
            found.append(block["attributes"])
        elif page.parent.name == "guides" or page.name == "dagster.md":
            kept = {key: value for key, value in (found[0] if found else spec()).items() if key != "gates"}
            found.append(kept | block | {"data": kept["data"] | block.get("data", {})})
    return found


def customers(n: int, seed: int, shift: float, attributes: dict[str, Any]) -> pd.DataFrame:
    """Gives rows with the columns that a pipeline names, and three features; `shift` moves two of them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1, (n, 2))
    table = pd.DataFrame(
        {
            "id": 10_000 * seed + np.arange(n),
            "label": (x.sum(axis=1) + rng.normal(0, 0.5, n) > 0.7).astype(int),
            "age": x[:, 0],
            "orders": x[:, 1],
            "plan": rng.choice(["basic", "plus"], n),
            "site": rng.choice(["north", "south", "east"], n),
            "customer": rng.integers(0, n // 2, n),
        }
    )
    named = yaml.safe_dump(attributes["data"])
    return table.drop(columns=[column for column in ("site", "customer") if column not in named])


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_pipelines_of_a_page_when_read_then_sound(page: Path):
    for attributes in declared(page):
        assert Pipeline(**attributes).plan(f"{page.name}").nodes


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_guide_when_read_then_names_every_method_of_its_rooms_and_quotes_what_was_measured(page: Path):
    text = page.read_text(encoding="utf-8")
    rooms = {room for room, path in hook("make_methods").GUIDES.items() if DOCS / path == page}
    own = [cls for cls in methods().values() if cls.room() in rooms]
    assert own
    assert [cls.name for cls in own if f"`{cls.name}`" not in text] == []
    if page.parent.name == "guides":
        quoted = re.findall(r"\w+", " ".join(re.findall(r"\{\{ measured: (.*?) \}\}", text)))
        assert [cls.name for cls in own if figure_of(cls) and cls.name not in quoted] == []


@pytest.mark.full
@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_pipelines_of_a_guide_when_run_then_they_and_its_commands_succeed(page: Path, folder: Folder):
    for number, attributes in enumerate(declared(page)):
        place = folder.path / "pipelines" / f"{attributes['name']}{number}"
        place.mkdir()
        customers(300, 1, 0.0, attributes).to_parquet(place / "train.parquet")
        customers(200, 2, 0.4, attributes).drop(columns="label").to_parquet(place / "target.parquet")
        customers(200, 3, 0.4, attributes).to_parquet(place / "test.parquet")
        name = attributes["name"] if number == 0 else place.name
        document = {"type": "ballast.Pipeline", "attributes": attributes | {"name": name}}
        (place / "defs.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
        result = folder.ballast("run", name)
        assert result.exit_code == 0, result.output
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)]
            result = folder.ballast(*words[1:])
            assert (words[0], result.exit_code) == ("ballast", 0), result.output


def test_gallery_when_read_then_each_figure_is_there_beside_the_step_that_its_pipeline_has():
    page = (DOCS / "gallery.md").read_text(encoding="utf-8")
    blocks = re.findall(r'^```yaml title="(\w+)"\n(.*?)^```', page, re.DOTALL | re.MULTILINE)
    figures = hook("make_gallery").PICTURE.findall(page)
    shown = {(pipeline, step) for pipeline, block in blocks for step in yaml.safe_load(block)}
    assert {(pipeline, step) for _, pipeline, step, _ in figures} == shown
    for pipeline, block in blocks:
        attributes = yaml.safe_load((DOCS.parent / "pipelines" / pipeline / "defs.yaml").read_text("utf-8"))[
            "attributes"
        ]
        assert yaml.safe_load(block).items() <= attributes["steps"].items()
    assert [name for name, *_ in figures if not (DOCS / "images" / "gallery" / name).exists()] == []


def test_names_of_methods_on_a_page_when_built_then_links_and_quotes_come_from_the_record():
    linked = hook("make_links").linked
    text = "# `kliep`\n`kliep`, [`kliep`](x.md) and `nothing`\n```yaml\nuse: `kliep`\n```\n{{ measured: kliep }}\n"
    heading, words, *code, quote = linked(text, "guides/shift.md").splitlines()
    assert heading == "# `kliep`"
    assert words == "[`kliep`](../methods/kliep.md), [`kliep`](x.md) and `nothing`"
    assert code == ["```yaml", "use: `kliep`", "```"]
    assert figure_of(methods()["kliep"]) in quote


def test_quote_of_what_is_not_a_method_when_built_then_refused():
    with pytest.raises(Exception, match=r"shift\.md quotes klip, which is not a method"):
        hook("make_links").linked("{{ see: klip }}\n", "shift.md")


def test_asset_of_the_page_on_dagster_when_made_then_reads_the_weights_that_a_step_stored(tmp_path: Path):
    (code,) = re.findall(
        r"^```python\n(.*?)^```", (DOCS / "dagster.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    space: dict[str, Any] = {}
    exec(compile(code, "page", "exec"), space)
    project = Project(tmp_path, spec(name="churn"))
    assert project.run("train", "target", "test", "encoder", "density").success
    manager = WarehouseIOManager(folder=str(tmp_path / "home"))
    done = dg.materialize(
        [space["heavy_customers"], *project.definitions.resolve_all_asset_specs()],
        selection=[space["heavy_customers"]],
        resources={"io_manager": manager, "ballast": project.resource},
        instance=project.instance,
    )
    weights = project.warehouse.read("churn/density")
    assert len(done.output_for_node("heavy_customers")) == (weights["weight"] > 5).sum()
