"""What is learnt over the parts of a table is what all of its rows at once would teach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ballast
from ballast.compute.engines import LocalEngine
from ballast.compute.rows import Rows
from ballast.errors import DataError
from ballast.given.over_rows import encoding
from ballast.given.over_rows.encoding import fit_encoder
from ballast.given.over_rows.learning import fit_weigher, weigh
from ballast.methods.features.encoder import FeatureEncoder
from ballast.warehouse.tables.frames import pandas_frame

N = 60_000


def table(n: int = N, shift: float = 0.0) -> pa.Table:
    rng = np.random.default_rng(n)
    last = np.arange(n) == n - 1
    return pa.table(
        {
            "id": np.arange(n),
            "number": pa.array(rng.normal(shift, 1, n), mask=rng.random(n) < 0.08),
            "large": rng.normal(size=n) * 1e3 + 1e6,
            "count": pa.array(rng.poisson(3, n), mask=rng.random(n) < 0.01),
            "letter": pa.array(np.where(last, "rare", rng.choice(list("abc"), n))),
            "truth": rng.random(n) < 0.3,
            "constant": np.ones(n),
            "nothing": pa.nulls(n),
            "day": pa.array(np.datetime64("2026-01-01") + rng.integers(0, 400, n).astype("m8[D]")),
            "once": np.where(last, 2.0, 1.0),
            "hardly": pa.array(np.full(n, "there"), mask=~last),
        }
    )


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    file = tmp_path_factory.mktemp("rows") / "rows.parquet"
    pq.write_table(table(), file, row_group_size=9000)
    return Rows.of_files([file])


@pytest.fixture
def small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "SAMPLE_ROWS", 1000)


def fitted(rows: Rows) -> FeatureEncoder:
    return fit_encoder(FeatureEncoder(), rows, LocalEngine(1), id="id")


def test_encoder_when_rows_are_many_then_it_is_that_of_all_of_them(rows: Rows, small_sample: None) -> None:
    frame = pandas_frame(table().drop_columns(["id"]))
    whole, made = FeatureEncoder().fit(frame), fitted(rows)
    assert made.dropped_ == whole.dropped_ == {"nothing": "no value", "constant": "one value"}
    assert made.categories_ == whole.categories_  # "rare" and "there" stand in one row, which no sample has to hold
    assert list(made.get_feature_names_out()) == list(whole.get_feature_names_out())
    difference = np.abs(made.transform(frame) - whole.transform(frame)).max(axis=0)
    filled = [made.sources[j] in ("number", "count") for j in range(len(difference))]
    assert difference[filled].max() < 0.01  # medians come from sketches
    assert difference[np.logical_not(filled)].max() < 1e-5


def test_encoder_when_rows_are_few_then_it_is_the_same(rows: Rows) -> None:
    few = pa.table({"id": np.arange(500), "x": np.arange(500.0), "c": ["u", "v"] * 250})
    made = fitted(Rows.of_table(few))
    whole = FeatureEncoder().fit(pandas_frame(few.drop_columns(["id"])))
    frame = pandas_frame(few.drop_columns(["id"]))
    assert np.abs(made.transform(frame) - whole.transform(frame)).max() < 1e-6


def test_encoder_when_the_rows_lie_in_other_parts_then_hardly_anything_changes(
    rows: Rows, tmp_path: Path, small_sample: None
) -> None:
    order = np.random.default_rng(1).permutation(N)
    for i, part in enumerate(np.array_split(order, 3)):
        pq.write_table(table().take(pa.array(part)), tmp_path / f"{i}.parquet", row_group_size=2500)
    other = fitted(Rows.of_files(sorted(tmp_path.iterdir())))
    made = fitted(rows)
    assert other.categories_ == made.categories_
    assert np.allclose(other.scaler_.mean_, made.scaler_.mean_, rtol=1e-3, atol=1e-3)
    assert np.allclose(other.scaler_.scale_, made.scaler_.scale_, rtol=1e-3)


def test_encoder_when_there_are_no_rows_then_it_says_so(rows: Rows) -> None:
    with pytest.raises(DataError, match="the table has no rows"):
        fitted(Rows(rows.schema))


@dataclass(frozen=True)
class Features:
    """The features of a batch as an argument of that name."""

    encoder: FeatureEncoder
    term: str

    def __call__(self, batch: pa.RecordBatch) -> Mapping[str, Any]:
        return {self.term: self.encoder.transform(pandas_frame(pa.table(batch.drop_columns(["id"]))))}


@pytest.mark.parametrize("name", ["relative_least_squares", "entropy_balancing"])
def test_weigher_when_it_learns_over_rows_then_its_weights_are_those_of_one_batch(
    rows: Rows, tmp_path: Path, name: str, small_sample: None
) -> None:
    target = table(20_000, shift=0.4)
    pq.write_table(target, tmp_path / "target.parquet", row_group_size=3000)
    of_target = Rows.of_files([tmp_path / "target.parquet"])
    encoder = fitted(rows)
    X, X_target = (encoder.transform(pandas_frame(t.drop_columns(["id"]))) for t in (table(), target))
    pilot = {"X": X[:2000], "X_target": X_target[:2000]}
    engine = LocalEngine(2)
    samples = [(rows, Features(encoder, "X")), (of_target, Features(encoder, "X_target"))]
    with engine:
        learnt = fit_weigher(ballast.method(name), samples, pilot, engine)
        stored = weigh(learnt, rows, Features(encoder, "X"), engine, tmp_path / "weights", id="id")
    one = ballast.method(name).fit(**pilot).empty_copy().partial_fit(X, X_target).finalize()
    found = stored.reader().read_all()
    assert found.column_names == ["sample_id", "weight"]
    assert found.column("sample_id").to_numpy().tolist() == list(range(N))
    assert np.allclose(found.column("weight").to_numpy(), one.weigh(X), rtol=1e-4, atol=1e-5)
    assert abs(found.column("weight").to_numpy().mean() - 1) < 0.02
