"""An alias and its history: of two moves one wins, a rollback goes back one by one, and prune spares what is named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from ballast import Warehouse
from ballast.errors import OutdatedError, VersionNotFoundError, WarehouseError
from ballast.warehouse.aliases import history, in_use, move, next_use, step_back
from ballast.warehouse.tables.aliases import standing

ALIAS, MODEL = "demo/production", "demo/model"
URLS = ["duckdb:///{}/w.duckdb", "ducklake:sqlite:///{}/w.sqlite"]


def stored(url: str, versions: int = 4) -> Warehouse:
    """Gives a warehouse with versions of a model, each made from an encoder and training rows of its own version."""
    warehouse = Warehouse(url)
    for _ in range(versions):
        train = warehouse.commit("demo/train", pd.DataFrame({"id": [1, 2]}), kind="source")
        of = {"demo/train": train.version}
        encoder = warehouse.commit("demo/encoder", pd.DataFrame({"path": ["e"]}), kind="encoder", inputs=of)
        of = {"demo/encoder": encoder.version}
        features = warehouse.commit("demo/train/features", pd.DataFrame({"x": [1.0]}), kind="features", inputs=of)
        inputs = {**of, "demo/train/features": features.version}
        warehouse.commit(MODEL, pd.DataFrame({"path": ["m"]}), kind="learner", inputs=inputs)
    return warehouse


def use(warehouse: Warehouse, version: int, way: str = "hand"):
    made = next_use(history(warehouse, ALIAS), ALIAS, (MODEL, version), way, f"version {version}")  # type: ignore[arg-type]
    move(warehouse, made)
    return made


def versions(warehouse: Warehouse, asset: str) -> list[int]:
    return sorted(c.version for c in warehouse.commits(asset))


@pytest.mark.parametrize("url", URLS)
def test_history_when_moved_and_rolled_back_twice_then_two_versions_back_and_all_recorded(url: str, tmp_path: Path):
    warehouse = stored(url.format(tmp_path))
    for version in (1, 2, 4):
        use(warehouse, version)
    for expected in (2, 1):
        move(warehouse, step_back(warehouse, ALIAS, "it was wrong"))
        now = in_use(warehouse, ALIAS)
        assert now is not None
        assert now.named == (MODEL, expected)
    with pytest.raises(WarehouseError, match="named nothing before demo/model version 1"):
        step_back(warehouse, ALIAS, "")
    found = history(warehouse, ALIAS)
    assert [(u.number, u.version, u.way) for u in found] == [
        (1, 1, "hand"), (2, 2, "hand"), (3, 4, "hand"), (4, 2, "rollback"), (5, 1, "rollback"),
    ]  # fmt: skip
    assert found[0].why == "version 1"
    assert "@" in found[0].who
    assert found == sorted(found, key=lambda u: u.since)
    rows = warehouse.sql("SELECT number, model, version, way, why FROM ballast.aliases ORDER BY number")
    assert rows["way"].tolist() == ["hand", "hand", "hand", "rollback", "rollback"]
    use(warehouse, 3)
    assert [u.version for u in standing(history(warehouse, ALIAS))] == [1, 3]


@pytest.mark.parametrize("url", URLS)
def test_moves_when_two_follow_one_history_then_one_wins_and_the_other_says_so(url: str, tmp_path: Path):
    warehouse = stored(url.format(tmp_path))
    before = history(warehouse, ALIAS)
    first, second = (next_use(before, ALIAS, (MODEL, v), "hand", f"take {v}") for v in (3, 4))
    move(warehouse, first)
    with pytest.raises(OutdatedError, match=r"moved meanwhile to demo/model version 3 .*take 3.*version 4 stays out"):
        move(warehouse, second)
    assert [u.version for u in history(warehouse, ALIAS)] == [3]


def test_move_when_the_block_fails_then_undone_with_it(tmp_path: Path):
    warehouse = stored(URLS[0].format(tmp_path), 1)
    made = next_use([], ALIAS, (MODEL, 1), "rule", "first")

    def fails() -> None:
        with warehouse.writing():
            move(warehouse, made)
            raise ValueError("the rows could not be stored")

    with pytest.raises(ValueError, match="could not be stored"):
        fails()
    assert history(warehouse, ALIAS) == []


def test_prune_when_models_go_then_what_an_alias_names_or_named_last_stays_with_what_it_was_made_from(tmp_path: Path):
    warehouse = stored(URLS[0].format(tmp_path), 6)
    for version in (1, 2, 3):
        use(warehouse, version)
    move(warehouse, step_back(warehouse, ALIAS, ""))  # names 2; before that 1; last 3
    gone = warehouse.prune(keep=1, models=True)
    assert {(c.asset, c.version) for c in gone} >= {(MODEL, 4), (MODEL, 5), ("demo/encoder", 4)}
    for asset in (MODEL, "demo/encoder", "demo/train", "demo/train/features"):
        assert versions(warehouse, asset) == [1, 2, 3, 6]
    for version in (4, 5):
        with pytest.raises(VersionNotFoundError):
            warehouse.version(MODEL, version)
    assert warehouse.prune(older_than=timedelta(0), models=True) == []


def test_aliases_when_the_file_is_of_an_older_ballast_then_none_and_made_on_first_use(tmp_path: Path):
    warehouse = stored(URLS[0].format(tmp_path), 1)
    with duckdb.connect(str(tmp_path / "w.duckdb")) as con:
        con.execute("DROP VIEW ballast.aliases")
        con.execute("DROP TABLE ballast_store.aliases")
    assert history(warehouse, ALIAS) == []
    assert warehouse.prune(keep=1) == []
    use(warehouse, 1)
    assert [u.version for u in history(warehouse, ALIAS)] == [1]
