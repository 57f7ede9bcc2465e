"""The key `to` of a step: every form is read, what cannot be meant is refused, and passwords are not shown."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest
import yaml

from ballast import Pipeline
from ballast.errors import SpecError
from ballast.orchestration.projects.find import find
from ballast.orchestration.run.outline import outline_of
from tests.orchestration.projects import spec

ADDRESS = "postgresql://ann:sesame@db/shop"
PARTITIONS = {"column": "day", "static": ["d1", "d2"], "roles": ["new"]}


@pytest.fixture(autouse=True)
def _shop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP", ADDRESS)
    monkeypatch.setenv("PASSWORD", "sesame")
    monkeypatch.setenv("EMPTY", "")


def written(folder: Path, to: Any, **changes: Any) -> str:
    file = folder / "defs.yaml"
    scored = {"predict": "reweighted", "on": "new", "to": to}
    new = {"like": "target", "path": "new/*.csv", "id": "key"}
    file.write_text(yaml.safe_dump(spec(data__new=new, steps__scored=scored, **changes)))
    return str(file)


FORMS: dict[str, tuple[Any, str]] = {
    "file": ("out/scores.parquet", "file"),
    "csv": ({"path": "out/scores.csv"}, "file"),
    "folder": ("out/scores/", "folder"),
    "duckdb": ({"database": "shop.duckdb", "table": "scores"}, "duckdb"),
    "postgres": ({"postgres": "{{ env.SHOP }}", "table": "public.scores"}, "postgres"),
    "a password alone": ({"postgres": "postgresql://ann:{{ env.PASSWORD }}@db/shop", "table": "scores"}, "postgres"),
}


@pytest.mark.parametrize("form", FORMS)
def test_target_when_given_in_any_form_then_is_read_and_by_dagster_as_by_ballast(tmp_path: Path, form: str):
    to, kind = FORMS[form]
    file = written(tmp_path, to, **({"partitions": PARTITIONS} if kind == "folder" else {}))
    plan = find(file).plan()
    read = plan.spec.steps["scored"].to
    assert read is not None
    assert read.kind == kind
    assert read == Pipeline.resolve_from_yaml(Path(file).read_text()).steps["scored"].to
    assert "sesame" not in repr(plan.spec)
    assert "sesame" not in str([node.notes for node in outline_of(plan).nodes])
    if kind == "postgres":
        assert read.postgres == ADDRESS


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "no ending": ("out/scores", {}, "steps.scored.to.path: a file ends in .parquet or .csv, a folder of Parquet"),
    "a number": (7, {}, "steps.scored.to: a mapping (key: value) is needed"),
    "nothing in it": ({}, {}, "steps.scored.to: one place is needed: a file (out/scores.parquet)"),
    "two places": ({"path": "a.csv", "database": "b.duckdb", "table": "c"}, {}, "steps.scored.to: one place is needed"),
    "no table": ({"database": "shop.duckdb"}, {}, "steps.scored.to: database needs the `table:` to write into"),
    "table of a file": ({"path": "a.csv", "table": "b"}, {}, "steps.scored.to: a path has no table"),
    "table of three": ({"database": "a.duckdb", "table": "a.b.c"}, {}, "to.table: a table is named as scores"),
    "misspelt": ({"postgress": "{{ env.SHOP }}", "table": "a"}, {}, "unknown key, did you mean 'postgres'?"),
    "empty": ({"postgres": "{{ env.EMPTY }}", "table": "a"}, {}, "to.postgres: an address is needed that begins with"),
    "unset": ({"postgres": "{{ env.NOWHERE }}", "table": "a"}, {}, "postgres is empty: is its environment"),
    "another address": ({"postgres": "mysql://u:{{ env.PASSWORD }}@db/a", "table": "a"}, {}, "an address is needed"),
    "address as a path": ("{{ env.SHOP }}", {}, "steps.scored.to.path: a path of this machine is needed"),
    "password": ({"postgres": ADDRESS, "table": "a"}, {}, "to.postgres: the address holds a password, which does not"),
    "password as a path": (ADDRESS, {}, "steps.scored.to: the address holds a password, which does not belong"),
    "password in the query": (
        {"postgres": "postgresql://db/shop?user=a&password=sesame", "table": "a"}, {}, "the address holds a password",
    ),
    "of a method": (
        "a.csv", {"steps__baseline": {"use": "logistic_regression", "to": "b.csv"}}, "`to` stands beside `predict:`",
    ),
    "wrong beside": (
        {"postgres": "{{ env.SHOP }}", "table": "a"},
        {"steps__scored__params": {"C": 1}},
        "takes no `params`",
    ),
    "one file twice": (
        "out/a.csv", {"steps__twin": {"predict": "baseline", "to": "out/../out/A.csv"}},
        "steps.twin.to: 'scored' writes there, too (out/../out/A.csv); name another place",
    ),
    "a file in a folder": (
        "out/", {"steps__twin": {"predict": "baseline", "to": "out/d1.parquet"}, "partitions": PARTITIONS},
        "steps.twin.to: 'scored' writes there, too",
    ),
    "what is read": ("train.csv", {}, "steps.scored.to: 'train' is read from there (train.csv), and would be written"),
    "what is read by a pattern": ("new/scores.csv", {}, "steps.scored.to: 'new' is read from there"),
    "a file for partitions": (
        "a.parquet", {"partitions": PARTITIONS}, "steps.scored.to: each of its partitions would write over the",
    ),
    "nobody's home": ({"database": "~nobody-at-all/a.duckdb", "table": "a"}, {}, "steps.scored.to: '~nobody-at-all/a"),
    "a folder for none": ("out/", {}, "steps.scored.to: a folder gets a file a partition, and the step has none"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_target_when_it_cannot_be_meant_then_refused_where_and_how_without_the_password(tmp_path: Path, name: str):
    to, changes, said = REFUSED[name]
    file = written(tmp_path, to, **changes)
    with pytest.raises(SpecError) as error:
        find(file).plan()
    assert said in str(error.value)
    assert "sesame" not in "".join(traceback.format_exception(error.value))


def test_table_when_two_steps_name_it_then_they_share_it(tmp_path: Path):
    to = {"database": "shop.duckdb", "table": "scores"}
    assert find(written(tmp_path, to, steps__other={"predict": "baseline", "to": to})).plan().nodes["other"].step
