"""How columns of training and target are held against each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import ks_2samp

from ballast.reporting import Node
from ballast.reporting.columns import ColumnShift, compare, sides
from ballast.reporting.columns.shapes import MOST_BARS, shapes
from ballast.reporting.columns.sides import Sides
from ballast.reporting.snapshot import Step
from ballast.warehouse import Warehouse

N, M = 300, 200


def people(n: int, *, start: int, older: float, private: float) -> pd.DataFrame:
    rng = np.random.default_rng(start)
    day = datetime(2026, 1, 1, tzinfo=UTC)
    return pd.DataFrame(
        {
            "id": [f"p{start + j}" for j in range(n)],
            "age": rng.normal(40 + older, 8, n).round(1),
            "workclass": rng.choice(["Private", "State", "None"], n, p=[private, 0.8 - private, 0.2]),
            "seen": [day + timedelta(days=j % 50 + older) for j in range(n)],
            "income": np.where(rng.random(n) < older / 40, np.nan, rng.lognormal(size=n)),
            "tags": [["a"]] * n,
            "shop": [f"shop {(start + j) % 40}" for j in range(n)],
            "note": [f"text {start + j} of {j}" for j in range(n)],
            "same": 1,
        }
    )


def step(warehouse: Warehouse, name: str, table: pd.DataFrame, stage: str = "source") -> Step:
    commit = warehouse.commit(f"demo/{name}", table, kind=stage)
    return Step(Node(name, f"demo/{name}", stage, notes={"id": "id"}), commit, warehouse=warehouse)


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    return people(N, start=0, older=0, private=0.6), people(M, start=5000, older=12, private=0.3)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, tables) -> Sides:
    warehouse = Warehouse(f"duckdb:///{tmp_path_factory.mktemp('columns')}/w.duckdb")
    train, target = tables
    weight = np.exp(train["age"].to_numpy() / 8)
    weights = pd.DataFrame({"sample_id": train["id"], "weight": weight / weight.mean()}).sample(frac=1, random_state=0)
    steps = step(warehouse, "train", train), step(warehouse, "target", target)
    return Sides(*steps, weights=step(warehouse, "density", weights, "weigher"))


@pytest.fixture(scope="module")
def found(both: Sides) -> dict[str, ColumnShift]:
    return {shift.column: shift for shift in compare(both).columns}


def test_numbers_when_compared_then_they_have_the_two_sample_distance_and_the_medians(found, tables):
    train, target = tables
    age = found["age"]
    assert age.distance == pytest.approx(ks_2samp(train["age"], target["age"]).statistic)
    assert age.change == f"median {train['age'].median():.3g} → {target['age'].median():.3g}"
    pooled = np.sqrt((train["age"].var(ddof=0) + target["age"].var(ddof=0)) / 2)
    assert age.standardized == pytest.approx((target["age"].mean() - train["age"].mean()) / pooled)
    assert (found["same"].distance, found["same"].standardized, found["same"].change) == (0, 0, "")


def test_categories_when_compared_then_the_distance_is_the_share_of_rows_that_would_have_to_change(found, tables):
    shares = [side["workclass"].value_counts(normalize=True).sort_index() for side in tables]
    work = found["workclass"]
    assert work.distance == pytest.approx((shares[0] - shares[1]).abs().sum() / 2)
    assert work.change == f"share of 'Private' {shares[0]['Private']:.0%} → {shares[1]['Private']:.0%}"
    assert work.standardized is None


def test_times_when_compared_then_their_middle_is_a_day(found):
    assert found["seen"].kind == "times"
    assert found["seen"].change == "median 2026-01-25 → 2026-02-06"


def test_missing_values_when_they_become_more_then_that_is_told(found, tables):
    share = tables[1]["income"].isna().mean()
    assert found["income"].missing == (0, pytest.approx(share))
    assert found["income"].change.endswith(f", missing 0% → {share:.0%}")


def test_weights_when_they_bring_a_column_nearer_then_its_distance_falls_to_that_of_the_weighted_rows(found, both):
    train, target = both.train.read(), both.target.read()
    assert train is not None
    assert target is not None
    assert both.weights is not None
    assert both.weights.table is not None
    weight = both.weights.table.set_index("sample_id")["weight"].reindex(train["id"]).to_numpy()
    at = np.sort(np.concatenate([train["age"], target["age"]]))
    weighted = [
        (weight * (train["age"] <= value)).sum() / weight.sum() - (target["age"] <= value).mean() for value in at
    ]
    assert found["age"].weighted == pytest.approx(np.abs(weighted).max())
    assert found["age"].weighted < found["age"].distance


def test_weights_when_they_are_of_other_rows_then_nothing_is_weighted(both):
    assert both.weights is not None
    assert both.weights.warehouse is not None
    other = pd.DataFrame({"sample_id": [f"q{j}" for j in range(N)], "weight": 1.0})
    elsewhere = step(both.weights.warehouse, "elsewhere", other, "weigher")
    assert all(c.weighted is None for c in compare(Sides(both.train, both.target, elsewhere)).columns)


def test_columns_when_they_cannot_be_compared_then_the_reason_is_told(both):
    left_out = compare(both).left_out
    assert left_out["tags"] == "it holds list<item: string>"
    assert "id" not in left_out
    mixed = pa.table(
        {"id": ["a"], "age": ["old"], "note": [None]},
        pa.schema({"id": pa.string(), "age": pa.string(), "note": pa.string()}),
    )
    assert both.train.warehouse is not None
    commit = both.train.warehouse.commit("demo/mixed", mixed)
    target = Step(Node("mixed", "demo/mixed", "source"), commit, warehouse=both.train.warehouse)
    assert compare(Sides(both.train, target)).left_out["age"] == (
        "it holds numbers in training and categories in the target"
    )


def test_texts_when_most_rows_have_a_value_of_their_own_then_they_are_left_out(both):
    assert compare(both).left_out["note"] == f"it is a text of {N + M} different values"


def test_columns_when_listed_then_the_farthest_beyond_chance_comes_first(both):
    order = [shift.column for shift in compare(both).columns]
    assert order[:3] == ["age", "workclass", "seen"]
    assert [shift.column for shift in compare(both).standing_out] == ["age", "workclass", "seen"]


def test_chance_when_samples_are_alike_then_the_mean_distance_is_what_is_told(warehouse):
    rng = np.random.default_rng(0)
    draws = []
    for j in range(60):
        rows = [pd.DataFrame({"x": rng.normal(size=n), "c": rng.choice(list("abcdefgh"), n)}) for n in (150, 90)]
        pair = Sides(step(warehouse, f"a{j}", rows[0]), step(warehouse, f"b{j}", rows[1]))
        draws.append({c.column: (c.distance, c.by_chance) for c in compare(pair).columns})
    for name in "xc":
        distance, by_chance = np.mean([draw[name] for draw in draws], axis=0)
        assert distance == pytest.approx(by_chance, rel=0.1)


def test_tables_when_they_are_large_then_the_same_rows_are_compared_each_time(both, monkeypatch):
    monkeypatch.setattr(sides, "MOST_CELLS", 0)
    monkeypatch.setattr(sides, "LEAST_ROWS", 100)
    monkeypatch.setattr(sides, "CELLS_AT_ONCE", 1)
    first, again = compare(both), compare(both)
    assert first.columns == again.columns
    assert (both.one_in(both.train), both.one_in(both.target)) == (3, 2)
    age = next(shift for shift in first.columns if shift.column == "age")
    assert age.weighted is not None
    assert 0.2 < age.distance < 0.9


def test_shapes_when_drawn_then_every_sample_adds_up_and_rare_categories_are_one_bar(both, warehouse):
    drawn = {shift.column: shape for shift, shape in shapes(compare(both), compare(both).columns)}
    assert {name for name, shape in drawn.items() if shape.edges is None} == {"workclass", "shop"}
    assert all(shape.shares.shape[0] == 3 for shape in drawn.values())
    assert all(np.allclose(shape.shares.sum(axis=1), 1) for shape in drawn.values())
    assert drawn["shop"].names[-1] == f"{40 - MOST_BARS} others"
    rows = pd.DataFrame({"n": [0, 1, 2] * 50, "far": [0.0] * 149 + [1e290]})
    pair = Sides(step(warehouse, "a", rows), step(warehouse, "b", rows))
    few = {shift.column: shape for shift, shape in shapes(compare(pair), compare(pair).columns)}
    assert few["n"].edges.tolist() == [-0.5, 0.5, 1.5, 2.5]
    assert few["far"].beyond


def test_store_when_some_columns_or_rows_are_asked_for_then_only_these_are_read(tmp_path: Path):
    warehouse = Warehouse(f"duckdb:///{tmp_path}/w.duckdb")
    warehouse.commit("p/t", pd.DataFrame({"a": range(1000), "B": 1.0, "c": "x"}))
    some = warehouse.read_arrow("p/t", columns=["c", "b"], one_in=10)
    assert some.column_names == ["c", "B"]
    assert 50 < some.num_rows < 200
    assert warehouse.read_arrow("p/t", columns=["a"], one_in=10).equals(
        warehouse.read_arrow("p/t", columns=["a"], one_in=10)
    )
