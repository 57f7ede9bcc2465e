"""What is learnt over the parts of a table is what all of its rows at once would teach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import accuracy_score, balanced_accuracy_score, brier_score_loss, log_loss

import ballast
from ballast.compute.engines import LocalEngine
from ballast.compute.rows import Rows
from ballast.errors import DataError
from ballast.given.over_rows import dealing, encoding
from ballast.given.over_rows.arguments import Columns, Encoded
from ballast.given.over_rows.dealing import deal
from ballast.given.over_rows.encoding import fit_encoder
from ballast.given.over_rows.judging import Judged
from ballast.given.over_rows.learning import fit_weigher, predict, weigh
from ballast.given.over_rows.training import classes_of, fit_learner
from ballast.methods.common.blocks import in_blocks
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
    samples = [(rows, Encoded(encoder)), (of_target, Encoded(encoder, "X_target"))]
    with engine:
        learnt = fit_weigher(ballast.method(name), samples, pilot, engine)
        stored = weigh(learnt, rows, Encoded(encoder), engine, tmp_path / "weights", id="id")
    one = ballast.method(name).fit(**pilot).empty_copy().partial_fit(X, X_target).finalize()
    found = stored.reader().read_all()
    assert found.column_names == ["sample_id", "weight"]
    assert found.column("sample_id").to_numpy().tolist() == list(range(N))
    assert np.allclose(found.column("weight").to_numpy(), one.weigh(X), rtol=1e-4, atol=1e-5)
    assert abs(found.column("weight").to_numpy().mean() - 1) < 0.02


def labelled(n: int, order: str) -> pa.Table:
    """Gives n rows whose law is known: the best possible accuracy is .735."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n, 5))
    score = X @ [1, -1, 0.5, 0, 0]
    y = (rng.random(n) < 1 / (1 + np.exp(-score))).astype(int)
    by = {"class": y, "score": score, "day": np.arange(n)}[order]
    made = pa.table({"id": np.arange(n), **{f"x{j}": X[:, j] for j in range(5)}, "y": y})
    return made.take(pa.array(np.argsort(by, kind="stable")))


NAMES = [f"x{j}" for j in range(5)]
ARRAYS = Columns({"X": NAMES, "y": "y"})


def trained(folder: Path, order: str, n: int = 60_000) -> tuple[Any, Rows]:
    folder.mkdir()
    pq.write_table(labelled(n, order), folder / "rows.parquet", row_group_size=2000)
    rows = Rows.of_files([folder / "rows.parquet"])
    engine = LocalEngine(1)
    buckets = deal(rows, engine, folder / "dealt", id="id")
    learner = SGDClassifier(loss="log_loss", average=True, random_state=0)
    classes = classes_of(rows, ARRAYS, engine)
    return fit_learner(learner, buckets, ARRAYS, engine, id="id", classes=classes), rows


@pytest.fixture
def small_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dealing, "BUCKET_ROWS", 3000)


def test_learner_when_rows_are_sorted_by_label_or_day_then_it_is_the_same_to_the_bit(
    tmp_path: Path, small_buckets: None
) -> None:
    models = {order: trained(tmp_path / order, order)[0] for order in ("class", "score", "day")}
    assert np.array_equal(models["class"].coef_, models["day"].coef_)
    assert np.array_equal(models["score"].coef_, models["day"].coef_)
    fresh = labelled(100_000, "day").slice(60_000)
    X, y = (ARRAYS(fresh.combine_chunks().to_batches()[0])[name] for name in ("X", "y"))
    own = ARRAYS(labelled(60_000, "day").combine_chunks().to_batches()[0])
    whole = SGDClassifier(loss="log_loss", average=True, random_state=0).fit(own["X"], own["y"])
    assert models["class"].score(X, y) > whole.score(X, y) - 0.01
    assert models["class"].score(X, y) > 0.715


def test_learner_when_it_cannot_learn_in_turns_then_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="LogisticRegression learns from all rows at once"):
        fit_learner(LogisticRegression(), [], ARRAYS, LocalEngine(1), id="id")
    with pytest.raises(DataError, match="is to be told all classes"):
        fit_learner(SGDClassifier(), [], ARRAYS, LocalEngine(1), id="id")


def test_predictions_when_made_by_part_then_they_and_their_metrics_are_those_of_all_rows(
    tmp_path: Path, small_buckets: None
) -> None:
    model, rows = trained(tmp_path / "class", "class")
    engine = LocalEngine(1)
    found = predict(model, rows, ARRAYS, engine, tmp_path / "predictions", id="id", kind=pa.int64())
    assert found.schema.names == ["sample_id", "prediction", "p_0", "p_1"]
    table, whole = found.reader().read_all(), rows.reader().read_all()
    given = ARRAYS(whole.combine_chunks().to_batches()[0])
    probs = np.column_stack([table.column("p_0"), table.column("p_1")])
    assert table.column("sample_id").equals(whole.column("id"))
    assert np.array_equal(table.column("prediction").to_numpy(), in_blocks(model.predict, given["X"]))
    assert np.array_equal(probs, in_blocks(model.predict_proba, given["X"]))
    beside = Columns({"y": "y", "prediction": "prediction", "probs": ["p_0", "p_1"]})
    judged = engine.fold(rows.select(["y"]).beside(found), Judged(np.array([0, 1])), beside).table()
    values = judged.set_index("metric")["value"]
    y, predicted = given["y"], table.column("prediction").to_numpy()
    assert values["accuracy"] == pytest.approx(accuracy_score(y, predicted))
    assert values["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(y, predicted))
    assert values["log_loss"] == pytest.approx(log_loss(y, probs))
    assert values["brier_score"] == pytest.approx(2 * brier_score_loss(y, probs[:, 1]))
    assert (judged["low"] < judged["value"]).all()
    assert (judged["value"] < judged["high"]).all()
    assert set(judged["rows"]) == {60_000}


@pytest.mark.parametrize("weighed", [False, True])
def test_intervals_when_rows_are_drawn_many_times_then_they_hold_the_truth(weighed: bool) -> None:
    rng = np.random.default_rng(0)
    held = dict.fromkeys(("accuracy", "balanced_accuracy", "log_loss", "brier_score"), 0)
    truth = {"accuracy": 0.3 * 0.8 + 0.7 * 0.6, "balanced_accuracy": 0.7}
    right = np.array([0.8, 0.6])
    given_right = np.array([0.75, 0.25])  # the probabilities that are said, of the class that is predicted
    loss, brier = -np.log(given_right), 2 * (1 - given_right) ** 2
    by_class = np.array([0.3, 0.7])
    truth["log_loss"] = float(by_class @ (right * loss[0] + (1 - right) * loss[1]))
    truth["brier_score"] = float(by_class @ (right * brier[0] + (1 - right) * brier[1]))
    for _ in range(400):
        y = (rng.random(2000) < 0.7).astype(int)
        prediction = np.where(rng.random(2000) < right[y], y, 1 - y)
        probs = np.where(np.arange(2) == prediction[:, None], 0.75, 0.25)
        state = Judged(np.array([0, 1]))
        weights = {"sample_weight": rng.lognormal(0, 0.5, 2000)} if weighed else {}
        state.add({"y": y, "prediction": prediction, "probs": probs, **weights})
        for row in state.table().itertuples():
            held[str(row.metric)] += row.low <= truth[str(row.metric)] <= row.high  # type: ignore[operator]
    assert all(368 <= n <= 392 for n in held.values()), held  # 380 expected of 400, within 2.75 standard errors


def test_judged_when_a_label_is_unknown_then_it_is_named() -> None:
    state = Judged(np.array(["a", "b"]))
    with pytest.raises(
        DataError, match=r"1 of 2 rows have a prediction that is none of the classes \(c; classes: a, b"
    ):
        state.add({"y": np.array(["a", "b"]), "prediction": np.array(["a", "c"])})
    with pytest.raises(DataError, match="no rows to judge"):
        state.table()
