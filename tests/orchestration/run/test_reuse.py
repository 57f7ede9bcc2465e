"""What is made anew after a change, and what is reused: each step counts what it reads, and nothing else."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pytest

from ballast.orchestration.commands.prune import prune
from ballast.orchestration.run import recent
from ballast.orchestration.run.run import Run
from ballast.orchestration.run.unit import run_unit
from ballast.stages import MODEL_KINDS
from ballast.warehouse import keep_open
from tests.orchestration.projects import Project, rows

TRAIN = {
    "path": "train.csv",
    "id": "key",
    "label": "kind",
    "groups": "site",
    "drop": ["key2", "kind2", "site2", "colour"],
}
PIPELINE: dict[str, Any] = {
    "name": "demo",
    "data": {
        "train": TRAIN,
        "target": {"path": "target.csv", "id": "key", "drop": ["kind", "kind2", "note"]},
        "test": {"path": "test.csv", "id": "key", "label": "kind", "drop": ["kind2"]},
    },
    "steps": {
        "drift": {"use": "kolmogorov_smirnov"},
        "density": {"use": "density_ratio_classifier"},
        "balance": {"use": "weight_diagnostics", "weights": "density"},
        "fair": {"use": "reweighing"},
        "baseline": {"use": "logistic_regression"},
        "verdict": {"use": "compare_models", "models": ["baseline"]},
    },
}
SOURCES = {"train", "target", "test"}
MATRICES = {f"{role}/features" for role in SOURCES}
STEPS = set(PIPELINE["steps"])
ALL = {*SOURCES, "encoder", *MATRICES, *STEPS}

Change = Callable[[Project], object]


def table(role: str, n: int, seed: int) -> pd.DataFrame:
    """Gives a role's rows with second ids, labels and groups beside the first; all features are numbers, for speed."""
    made = rows(n, seed=seed, shift=0.0 if role == "train" else 0.5, start=1000 * seed)
    made["kind2"], made["depth"] = made["kind"].map({"yes": "no", "no": "yes"}), made["height"] * made["width"]
    if role == "train":
        made["key2"], made["site"] = "s" + made["key"], made["colour"].map({"red": "a", "green": "b"})
        made["site2"] = made["kind"].map({"yes": "a", "no": "b"})
    return made if role == "train" else made.drop(columns="colour").assign(note="x")


def made_anew(project: Project) -> set[str]:
    """Runs the pipeline without Dagster and gives the tables that were not reused."""
    plan, resource = project.plan, project.resource
    run = Run(plan, resource.open(), resource.model_store(), project.folder, str(uuid4()), sources=frozenset(SOURCES))
    with keep_open():
        stored = [s for _, nodes in plan.units() if nodes[0].name != "report" for s in run_unit(run, nodes)]
    return {s.node.name for s in stored if not s.reused}


def tables(project: Project) -> dict[str, pa.Table]:
    """Gives the latest table of every step that is not a model's, whose path says its version."""
    warehouse, plan = project.warehouse, project.plan
    names = [name for name, node in plan.nodes.items() if node.stage not in (*MODEL_KINDS, "report")]
    return {name: warehouse.read_arrow(f"demo/{name}") for name in names}


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("made"), copy.deepcopy(PIPELINE))
    for seed, (role, n) in enumerate({"train": 80, "target": 60, "test": 40}.items(), 1):
        made.write(role, table(role, n, seed))
    assert made_anew(made) == ALL
    return made


@pytest.fixture
def made(_made: Project, tmp_path: Path) -> Project:
    """A project whose pipeline has run."""
    return _made.copied(tmp_path)


def edited(role: str, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> Change:
    """Gives a change of a role's file."""

    def change(project: Project) -> None:
        project.write(role, edit(pd.read_csv(project.folder / f"{role}.csv")))

    return change


def first(column: str, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda t: t.assign(**{column: [value, *t[column][1:]]})


def declared(path: str, value: Any) -> Change:
    """Gives a change of the spec at a path such as ``data.test.label``."""

    def change(project: Project) -> None:
        *way, last = path.split(".")
        place = project.attributes
        for key in way:
            place = place.setdefault(key, {})
        place[last] = value

    return change


def both(*changes: Change) -> Change:
    def change(project: Project) -> None:
        for one in changes:
            one(project)

    return change


def renamed(old: str, new: str) -> Change:
    return both(*(edited(role, lambda t: t.rename(columns={old: new})) for role in sorted(SOURCES)))


ENCODED = {"encoder", *MATRICES}
FITTED = {"density", "balance", "baseline", "verdict"}
"""The steps that read a matrix of the training rows."""

CHANGES: dict[str, tuple[Change, set[str]]] = {
    "what no result is made of": (
        both(
            lambda project: (project.folder / "train.csv").rename(project.folder / "other.csv"),
            declared("data.train.path", "other.csv"),
            declared("description", "Of old."),
            declared("steps.density.description", "How dense."),
            declared("gates", {"density": [{"expect_effective_sample_size": {"min_share": 0.02}}]}),
            declared("owners", ["team:us"]),
            declared("tags", {"kind": "demo"}),
        ),
        set(),
    ),
    "a value of train": (edited("train", first("height", 9.5)), {"train", *ENCODED, *STEPS}),
    "the name of a column": (renamed("height", "size"), ALL - {"density"}),
    "train's label": (
        both(declared("data.train.label", "kind2"), declared("data.train.drop", ["key2", "kind", "site2", "colour"])),
        {"fair", "baseline", "verdict"},
    ),
    "test's label": (
        both(declared("data.test.label", "kind2"), declared("data.test.drop", ["kind"])),
        {"verdict"},
    ),
    "train's groups": (
        both(declared("data.train.groups", "site2"), declared("data.train.drop", ["key2", "kind2", "site", "colour"])),
        {"fair"},
    ),
    "a parameter": (declared("steps.density.params", {"n_folds": 3}), {"density", "balance"}),
}
MORE: dict[str, tuple[Change, set[str]]] = {
    "a dropped value of target": (edited("target", first("note", "y")), {"target", "target/features", "drift"}),
    "a label of test": (
        edited("test", lambda t: t.assign(kind=t["kind"][::-1].to_numpy())),
        {"test", "test/features", "verdict"},
    ),
    "what is dropped of test": (declared("data.test.drop", ["kind2", "note"]), {"test/features"}),
    "a value of target": (
        edited("target", first("height", 9.5)),
        {"target", "target/features", "drift", "density", "balance"},
    ),
    "a value of test": (edited("test", first("height", 9.5)), {"test", "test/features", "verdict"}),
    "an id of train": (edited("train", first("key", "new")), {"train", *ENCODED, *STEPS}),
    "the order of train's rows": (edited("train", lambda t: t[::-1]), {"train", *ENCODED, *STEPS}),
    "the order of train's columns": (
        edited("train", lambda t: t[["key", "width", "height", *t.columns[3:]]]),
        {"train", *ENCODED, *STEPS},
    ),
    "a type": (declared("data.train.types", {"height": "text"}), ALL),
    "train's id": (
        both(declared("data.train.id", "key2"), declared("data.train.drop", ["key", "kind2", "site2", "colour"])),
        {"train/features", *STEPS},
    ),
    "what is dropped of train": (
        declared("data.train.drop", [*TRAIN["drop"], "depth"]),
        {*ENCODED, "drift", *FITTED},
    ),
    "the weights that are judged": (declared("steps.balance.weights", ["density", "fair"]), {"balance"}),
    "the encoder": (
        declared("features", {"use": "sklearn.preprocessing.QuantileTransformer", "params": {"n_quantiles": 9}}),
        {*ENCODED, *FITTED},
    ),
    "the seed": (declared("seed", 1), {*ENCODED, *STEPS}),
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        *(pytest.param(*case, id=name) for name, case in CHANGES.items()),
        *(pytest.param(*case, id=name, marks=pytest.mark.full) for name, case in MORE.items()),
    ],
)
def test_run_again_when_something_changed_then_what_reads_it_is_made_anew_and_nothing_else(made, change, expected):
    change(made)
    assert made_anew(made) == expected


ALL_AT_ONCE = both(
    *(
        {**CHANGES, **MORE}[name][0]
        for name in ("a dropped value of target", "the name of a column", "test's label", "a parameter")
    )
)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(ALL_AT_ONCE, id="several"),
        *(pytest.param(c, id=name, marks=pytest.mark.full) for name, (c, _) in {**CHANGES, **MORE}.items()),
    ],
)
def test_run_again_when_something_changed_then_stores_what_an_empty_home_would(made, tmp_path_factory, change):
    change(made)
    anew = made.copied(tmp_path_factory.mktemp("anew"))
    shutil.rmtree(anew.folder / "home")
    for known in (recent._tables, recent._encoders):  # as another process, which loads what it reuses
        known.clear()
    made_anew(made)
    assert made_anew(anew) == ALL
    stored, fresh = tables(made), tables(anew)
    assert {name for name in fresh if not stored[name].equals(fresh[name])} == set()


@pytest.mark.parametrize("name", ["encoder", "baseline"])
@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_bytes(b"")], ids=["gone", "cut"])
def test_run_again_when_a_models_file_is_not_what_was_stored_then_it_is_made_anew_and_said(made, caplog, name, spoil):
    path = made.warehouse.read(f"demo/{name}")["path"][0]
    spoil(made.folder / "home" / "models" / path)
    readers = {"encoder": {*MATRICES}, "baseline": {"verdict"}}[name]
    assert made_anew(made) == {name, *readers}
    (told,) = (record.getMessage() for record in caplog.records if "made anew" in record.getMessage())
    assert told.startswith(f"demo/{name} is made anew: ")
    assert path in told
    assert made_anew(made) == set()


def test_prune_when_two_versions_name_one_file_then_it_stays_until_both_are_gone(made):
    """As two runs leave them that fit the same model at the same time."""
    stored = made.warehouse.read("demo/baseline")
    file = made.folder / "home" / "models" / stored["path"][0]
    made.warehouse.commit("demo/baseline", stored, kind="learner")
    gone = prune(made.resource, keep=1, models=True)
    assert [(commit.asset, commit.version) for commit in gone] == [("demo/baseline", 1)]
    assert file.exists()
    made.warehouse.commit("demo/baseline", stored.assign(path="other.skops"), kind="learner")
    prune(made.resource, keep=1, models=True)
    assert not file.exists()


def given() -> pd.DataFrame:
    """A loader, as a service is whose answer has nothing to do with any code."""
    return pd.read_csv(os.environ["GIVEN"])


def test_run_again_when_a_loader_gives_other_rows_then_they_are_read(made, tmp_path, monkeypatch):
    monkeypatch.setenv("GIVEN", str(tmp_path / "target.csv"))
    loader = {"id": "key", "loader": f"{__name__}.given", "drop": ["kind", "kind2", "note"]}
    made.attributes["data"]["target"] = loader
    made_anew(made)
    assert made_anew(made) == set()
    edited("target", first("height", 9.5))(made)
    assert made_anew(made) == {"target", "target/features", "drift", "density", "balance"}
