"""`ballast promote`, `rollback` and `history`: by hand, on record, behind the gates, and used by load and export."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

import ballast
from ballast import Warehouse
from ballast.errors import ModelStoreError
from ballast.warehouse import Verdict
from ballast.warehouse.aliases import history
from tests.cli.conftest import Folder

ALIAS = "demo/production"


@pytest.fixture(scope="module")
def of_three(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A project whose model was made three times, each of other training rows; tests work on copies."""
    made = Folder(tmp_path_factory.mktemp("three"))
    made.declare(steps__drift=None, steps__verdict=None, steps__density=None, steps__reweighted=None)
    train = pd.read_csv(made.pipeline / "train.csv")
    for n in (200, 190, 180):
        train.iloc[:n].to_csv(made.pipeline / "train.csv", index=False)
        chosen = ("--select", "train", "--select", "encoder", "--select", "baseline")
        result = made.ballast("run", "demo", *chosen)
        assert result.exit_code == 0, result.output
    return made


@pytest.fixture
def folder(of_three: Folder, tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "copy")
    shutil.copytree(of_three.path, made.path, dirs_exist_ok=True)
    return made


def warehouse_of(folder: Folder) -> Warehouse:
    return Warehouse(f"duckdb:///{folder.home / 'warehouse.duckdb'}")


def promote(folder: Folder, *more: str, why: str = "it was asked for"):
    return folder.ballast("promote", ALIAS, "demo/baseline", "--why", why, *more)


def test_promote_when_by_hand_then_recorded_and_rolled_back_one_by_one(folder: Folder):
    for version in ("1", "2", "3"):
        result = promote(folder, "--version", version, why=f"take {version}")
        assert result.exit_code == 0, result.output
    assert "demo/production is now demo/baseline version 3; before it was demo/baseline version 2." in result.output
    for version in (2, 1):
        result = folder.ballast("rollback", ALIAS, "--why", "complaints")
        assert f"demo/production is now demo/baseline version {version}" in result.output
    found = history(warehouse_of(folder), ALIAS)
    assert [(u.version, u.way, u.why) for u in found] == [
        (1, "hand", "take 1"), (2, "hand", "take 2"), (3, "hand", "take 3"),
        (2, "rollback", "complaints"), (1, "rollback", "complaints"),
    ]  # fmt: skip
    told = folder.ballast("history", ALIAS).output.splitlines()
    assert len(told) == 6
    assert "rollback" in told[1]
    assert "complaints" in told[1]
    assert "take 1" in told[5]
    assert folder.ballast("rollback", ALIAS).exit_code == 2


def test_load_and_export_when_of_an_alias_then_of_the_version_it_names(folder: Folder):
    assert promote(folder, "--version", "1").exit_code == 0
    loaded = ballast.load(ALIAS, warehouse=warehouse_of(folder))
    assert (loaded.name, loaded.version) == ("demo/baseline", 1)
    result = folder.ballast("export", ALIAS, "model")
    assert result.exit_code == 0, result.output
    test = pd.read_csv(folder.pipeline / "test.csv")
    exported = ballast.load(folder.path / "model")
    own = ballast.load("demo/baseline", warehouse=warehouse_of(folder), version=1)
    later = ballast.load("demo/baseline", warehouse=warehouse_of(folder))
    assert exported.version == 1
    assert (exported.predict_proba(test) == own.predict_proba(test)).all()
    assert (loaded.predict_proba(test) == own.predict_proba(test)).all()
    assert (later.predict_proba(test) != own.predict_proba(test)).any()
    refused = folder.ballast("export", ALIAS, "model", "--version", "1")
    assert "demo/production is an alias, now of demo/baseline version 1" in refused.stderr


def test_prune_when_models_go_then_the_model_in_use_can_still_be_exported(folder: Folder):
    assert promote(folder, "--version", "1").exit_code == 0
    result = folder.ballast("prune", "--keep", "1", "--models")
    assert result.exit_code == 0, result.output
    assert sorted(c.version for c in warehouse_of(folder).commits("demo/baseline")) == [1, 3]
    assert ballast.load(ALIAS, warehouse=warehouse_of(folder)).version == 1
    assert folder.ballast("export", ALIAS, "model").exit_code == 0


def test_model_in_use_when_its_file_was_deleted_then_alias_version_and_remedy_are_named(folder: Folder):
    assert promote(folder, "--version", "2").exit_code == 0
    for file in (folder.home / "models/demo/baseline").glob("2-*"):
        file.unlink()
    with pytest.raises(ModelStoreError, match=r"demo/production names demo/baseline version 2.*ballast rollback"):
        ballast.load(ALIAS, warehouse=warehouse_of(folder))
    result = folder.ballast("export", ALIAS, "model")
    assert result.exit_code == 2
    assert "demo/production names demo/baseline version 2" in result.stderr
    again = promote(folder, "--version", "2")
    assert again.exit_code == 2
    assert "cannot be used" in again.stderr


def test_promote_when_a_gate_is_closed_then_refused_but_by_force_which_is_recorded(folder: Folder):
    closed = Verdict("demo/train", None, 3, "expect_sense", False, "error", message="the labels are upside down")
    warehouse_of(folder).record_verdicts([closed])
    assert promote(folder, "--version", "2").exit_code == 0
    refused = promote(folder)
    assert refused.exit_code == 2
    assert "demo/train (version 3): expect_sense: the labels are upside down" in refused.stderr
    forced = promote(folder, "--force")
    assert forced.exit_code == 0
    assert "Gates are closed behind it, which is recorded" in forced.output
    assert [u.forced for u in history(warehouse_of(folder), ALIAS)] == [False, True]
    assert "hand, forced" in folder.ballast("history", ALIAS).output


WRONG = [
    (("promote", "demo/baseline", "demo/baseline", "--why", "x"), "demo/baseline is a step (learner)"),
    (("promote", "demo/production", "demo/train", "--why", "x"), "demo/train is not a model but of the stage source"),
    (("promote", "demo/production", "demo/basline", "--why", "x"), "did you mean 'demo/baseline'?"),
    (("promote", "demo/production", "demo/baseline", "--version", "9", "--why", "x"), "version 9"),
    (("promote", "demo/production", "demo/baseline", "--why", " "), "--why is empty"),
    (("promote", "other/production", "demo/baseline", "--why", "x"), "is an alias of the pipeline other"),
    (("promote", "production", "demo/baseline", "--why", "x"), "not a valid name"),
    (("promote", "demo/a/b", "demo/baseline", "--why", "x"), "not an alias's name"),
    (("rollback", "demo/prod"), "has no alias 'demo/prod'"),
    (("history", "demo/prod"), "has no alias 'demo/prod'"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=[said for _, said in WRONG])
def test_alias_when_wrong_then_said_and_nothing_is_recorded(of_three: Folder, arguments: tuple[str, ...], said: str):
    result = of_three.ballast(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert history(warehouse_of(of_three), ALIAS) == []
