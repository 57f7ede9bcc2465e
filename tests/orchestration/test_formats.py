"""A model in another's format predicts what the pipeline does, or is refused with the part that would not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import ballast
from ballast.bundles import Model
from ballast.bundles.places import FolderError
from ballast.bundles.schema import Schema
from ballast.bundles.stored import Stored, stored
from ballast.errors import DataError
from ballast.methods.features.encoder import FeatureEncoder
from ballast.warehouse.tables.frames import pandas_frame
from tests.orchestration.projects import Project, rows, spec


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A forest on numbers, a category, and a column of whole numbers that was never blank; judged on the test rows."""
    steps = {
        "forest": {"use": "sklearn.ensemble.RandomForestClassifier", "params": {"n_estimators": 10}},
        "verdict": {"use": "classification_metrics", "model": "forest"},
    }
    made = Project(tmp_path_factory.mktemp("formats"), spec(steps=steps))
    for role, seed in (("train", 1), ("target", 2), ("test", 3)):
        frame = rows(150, seed=seed, start=1000 * seed)
        made.write(role, frame.assign(visits=np.random.default_rng(seed).integers(0, 9, 150)))
    assert made.run().success
    return made


@pytest.fixture(scope="module")
def forest(project: Project) -> Stored:
    return stored("demo/forest", project.warehouse, models=project.resource.model_store())


@pytest.fixture(scope="module")
def judged(project: Project) -> pd.DataFrame:
    return pd.read_csv(project.folder / "test.csv")


@pytest.fixture(scope="module")
def tracked(forest: Stored, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mlflow")
    return forest.write(tmp_path_factory.mktemp("tracked") / "model", "mlflow")


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.mark.parametrize("kind", ["int64", "float64", "Int64", "Int32", "int64[pyarrow]", "object"])
def test_mlflow_when_whole_numbers_come_in_any_form_then_predicts_as_the_pipeline_to_the_bit(
    forest: Stored, tracked: Path, judged: pd.DataFrame, kind: str
):
    pyfunc = pytest.importorskip("mlflow.pyfunc")
    night = judged.assign(visits=judged["visits"].astype(kind))
    if kind != "int64":
        night["visits"] = night["visits"].where(night.index != 3, None).astype(kind)
    given, expected = pyfunc.load_model(str(tracked)).predict(night), forest.model().predict_table(night)
    pd.testing.assert_frame_equal(given, expected, check_exact=True)
    assert list(given) == ["prediction", "p_no", "p_yes"]
    assert np.isfinite(given["p_yes"]).all()


def test_mlflow_when_a_value_is_of_another_type_or_a_column_is_missing_then_refused_in_the_readers_words(
    tracked: Path, judged: pd.DataFrame
):
    model = pytest.importorskip("mlflow.pyfunc").load_model(str(tracked))
    for value in (2.5, "2"):
        with pytest.raises(DataError, match=r"row 1: .*'visits' is int64 in the training rows"):
            model.predict(judged.assign(visits=value))
    with pytest.raises(DataError, match="column 'visits' is missing"):
        model.predict(judged.drop(columns="visits"))


def test_mlflow_when_written_then_every_column_may_be_blank_and_no_file_holds_code(tracked: Path):
    models = pytest.importorskip("mlflow.models")
    found = models.Model.load(str(tracked))
    inputs = found.signature.inputs.input_dict()
    assert list(inputs) == ["height", "width", "colour", "visits"]
    assert not any(column.required for column in inputs.values())
    assert found.metadata["columns"]["visits"] == "int64"
    assert set(found.metadata["metrics"]) >= {"verdict/accuracy"}
    assert found.metadata["tags"]["ballast.model"] == "demo/forest"
    assert len(json.loads((tracked / "input_example.json").read_text())["data"]) == 5
    assert not [file for file in tracked.rglob("*") if file.suffix in (".pkl", ".pickle", ".py")]
    wanted = (tracked / "requirements.txt").read_text().splitlines()
    assert [line for line in wanted if "==" not in line] == ["pyarrow"]


@pytest.mark.full
def test_mlflow_when_logged_then_the_entry_has_the_model_with_its_metrics_and_tags(
    forest: Stored, judged: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    mlflow = pytest.importorskip("mlflow")
    from ballast.bundles.tracked import log

    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/tracked.db")
    address = log(forest, "shift")
    entry = mlflow.get_logged_model(address.rpartition("/")[2])
    assert {metric.key: metric.value for metric in entry.metrics} == forest.metrics
    assert entry.tags["ballast.version"] == "1"
    given = mlflow.pyfunc.load_model(address).predict(judged)
    pd.testing.assert_frame_equal(given, forest.model().predict_table(judged), check_exact=True)


def test_folder_when_it_holds_a_model_in_another_format_then_left_alone(forest: Stored, tracked: Path):
    with pytest.raises(FolderError, match="holds no model"):
        forest.write(tracked)


def test_onnx_when_written_then_predicts_the_test_rows_as_the_pipeline(
    forest: Stored, judged: pd.DataFrame, tmp_path: Path
):
    runtime = pytest.importorskip("onnxruntime")
    folder = forest.write(tmp_path / "model", "onnx")
    assert (folder / "README.md").read_text() == forest.card
    session = runtime.InferenceSession(str(folder / "model.onnx"))
    types = {value.name: value.type for value in session.get_inputs()}
    assert types == {"height": "tensor(double)", "width": "tensor(double)", "colour": "tensor(string)",
                     "visits": "tensor(int64)"}  # fmt: skip
    given = {name: judged[name].to_numpy().reshape(-1, 1) for name in types}
    prediction, probabilities = session.run(["prediction", "probabilities"], given)
    model = forest.model()
    assert np.array_equal(prediction, model.predict(judged))
    assert np.abs(probabilities - model.predict_proba(judged)).max() < 1e-5
    said = session.get_modelmeta().custom_metadata_map
    assert json.loads(said["ballast.classes"]) == ["no", "yes"]
    assert said["ballast.model"] == "demo/forest"


def fitted(frame: pd.DataFrame, y: Any, estimator: Any, **options: Any) -> tuple[Model, pa.Table]:
    """Gives a model of a frame's rows, and these as the schema has them."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    encoder = FeatureEncoder(**options).fit(pandas_frame(table))
    estimator.fit(encoder.transform(pandas_frame(table)), np.asarray(y))
    table = table.select([name for name in encoder.columns_ if name not in encoder.dropped_])
    blank = {name: n for name in table.column_names if (n := table[name].null_count)}
    schema = Schema(table.schema, table.num_rows, blank, encoder.categories_)
    return Model("demo/model", 1, schema, "", encoder, estimator), table


@pytest.fixture(scope="module")
def mixed() -> pd.DataFrame:
    """Columns of every kind that a graph takes: doubles, floats, whole numbers and truths, some blank, and texts."""
    rng = np.random.default_rng(0)
    n = 300
    frame = pd.DataFrame(
        {
            "features": rng.choice(["Ulm", "Bern", "Bonn"], n),
            "height": rng.normal(size=n),
            "visits": rng.integers(0, 100, n),
            "children": pd.array(rng.integers(0, 5, n), "Int64"),
            "width": rng.normal(size=n).astype("float32"),
            "member": rng.random(n) < 0.4,
        }
    )
    return frame.assign(**{name: frame[name].where(rng.random(n) < 0.8) for name in ("features", "children", "height")})


LEARNERS = {
    "logistic regression of three": (lambda: ballast.method("logistic_regression"), "three"),
    "logistic regression of truths": (lambda: ballast.method("logistic_regression"), "truth"),
    "ridge": (lambda: ballast.method("ridge_regression"), "number"),
    "network": (lambda: ballast.method("torch_mlp", max_epochs=2), "three"),
    "tree": (lambda: DecisionTreeClassifier(random_state=0), "text"),
    "tree of numbers": (lambda: DecisionTreeRegressor(random_state=0), "number"),
    "forest": (lambda: RandomForestClassifier(5, random_state=0), "three"),
    "boosted": (lambda: HistGradientBoostingClassifier(max_iter=20), "text"),
    "boosted numbers": (lambda: HistGradientBoostingRegressor(max_iter=20), "number"),
}


@pytest.mark.parametrize("learner", LEARNERS)
def test_onnx_when_rows_hold_blanks_and_values_never_seen_then_predicts_as_the_model(mixed: pd.DataFrame, learner: str):
    runtime = pytest.importorskip("onnxruntime")
    from ballast.bundles.graphs.encoding import fed
    from ballast.bundles.graphs.made import made

    make, kind = LEARNERS[learner]
    score = mixed["height"].fillna(0) + mixed["visits"] / 50
    y = {
        "three": np.digitize(score, [0.5, 1.5]), "truth": score > 1, "number": score,
        "text": np.where(score > 1, "yes", "no"),
    }[kind]  # fmt: skip
    model, table = fitted(mixed, y, make())
    session = runtime.InferenceSession(made(model, table).SerializeToString())
    night = mixed.assign(
        features=np.resize(["Ulm", "Basel", None, "ulm"], len(mixed)),
        height=np.resize([np.nan, np.inf, -1e300, 0.1, 3.0], len(mixed)),
        visits=np.resize([2**40, -7, 50], len(mixed)),
        children=pd.array(np.resize([None, 9, 1], len(mixed)), "Int64"),
    )
    prediction, *probabilities = session.run(None, fed(model.schema, model.schema.read(night)))
    if kind == "number":
        np.testing.assert_allclose(prediction, model.predict(night), rtol=1e-5, atol=1e-5)
    else:
        assert (prediction == model.predict(night)).all()
        np.testing.assert_allclose(probabilities[0], model.predict_proba(night), rtol=0, atol=1e-5)


def test_onnx_when_whole_numbers_are_too_large_for_float32_then_each_row_goes_the_same_way():
    runtime = pytest.importorskip("onnxruntime")
    from ballast.bundles.graphs.made import made

    x, y = 2**24 + np.arange(400), np.arange(400) % 2
    model, table = fitted(pd.DataFrame({"account": x}), y, DecisionTreeClassifier(random_state=0))
    session = runtime.InferenceSession(made(model, table).SerializeToString())
    assert session.get_inputs()[0].type == "tensor(int64)"
    prediction, probabilities = session.run(None, {"account": x.reshape(-1, 1)})
    assert np.array_equal(prediction, y)
    assert np.array_equal(probabilities, np.column_stack([1 - y, y]))


def test_edges_when_trees_see_some_of_the_features_then_each_row_is_at_a_threshold_of_its_own_feature():
    from ballast.bundles.graphs.trees import edges

    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4)).astype(np.float32)
    bagged = BaggingClassifier(DecisionTreeClassifier(max_depth=2), max_features=0.5, random_state=0)
    bagged.fit(X, X[:, 0] + X[:, 3] > 0)
    found = list(edges(bagged, X))
    assert len(found) == len(bagged.estimators_)
    for member, of, (made, at) in zip(bagged.estimators_, bagged.estimators_features_, found, strict=True):
        split = member.tree_.children_left >= 0
        assert np.array_equal(at, np.repeat(np.asarray(of)[member.tree_.feature[split]], 3))
        thresholds = member.tree_.threshold[split].astype(np.float32)
        assert np.array_equal(made[np.arange(len(made)), at][::3], thresholds)
        assert set(made[1::3, 0]) <= {*X[:, 0], *np.nextafter(thresholds, np.float32(-np.inf))}


def test_onnx_when_one_row_in_ten_thousand_would_go_another_way_then_refused_by_name_and_count():
    pytest.importorskip("onnxruntime")
    from ballast.bundles.graphs.estimating import estimating
    from ballast.bundles.graphs.judging import judge_estimating
    from ballast.bundles.graphs.parts import GraphError

    rng = np.random.default_rng(0)
    X = rng.normal(size=(10_000, 2)).astype(np.float32)
    model, _ = fitted(pd.DataFrame(X, columns=["a", "b"]), X[:, 0] > 0, DecisionTreeClassifier(max_depth=1))
    other = DecisionTreeClassifier(max_depth=1).fit(X, X[:, 0] > 0)
    graph = estimating(other, "features", 2)
    model.estimator.fit(X, X[:, 0] > 0)
    edge = np.float32(model.estimator.tree_.threshold[0])
    model.estimator.tree_.threshold[0] = np.nextafter(edge, np.float32(np.inf))
    said = r"estimator DecisionTreeClassifier differs by more than 1e-05 in 1 of 10003 rows .* splits of 'a' \(1\)"
    with pytest.raises(GraphError, match=said):
        judge_estimating(graph, model, X, np.array(["a", "b"], dtype=object))


REFUSED = {
    "words": ({"text": "note"}, {"note": [f"words {i} {i % 7}" for i in range(200)]}, "vectorizer of text .*'note'"),
    "texts equal in any case": (
        {},
        {"device": np.resize([f"{i:08x}-1b9d-4bad-9bdd-2b0d7b3dcb6d" for i in range(10, 14)], 200)},
        r"otherwise, in the column\(s\) 'device'",
    ),
    "long texts": ({}, {"note": [f"words {i}" for i in range(200)]}, "StringEncoder of column 'note'"),
    "column named as an output": ({}, {"prediction": np.arange(200) % 7}, "column 'prediction' has the name of what"),
    "times": ({}, {"seen": pd.date_range("2026", periods=200)}, "DatetimeEncoder of column 'seen'"),
    "own transformer": ({"transformer": OrdinalEncoder()}, {}, r"transformer \(OrdinalEncoder, of `features: use:`\)"),
}


@pytest.mark.parametrize("part", REFUSED)
def test_onnx_when_a_part_of_the_encoder_cannot_be_a_graph_then_refused_by_name(part: str):
    pytest.importorskip("onnxruntime")
    from ballast.bundles.graphs.made import made
    from ballast.bundles.graphs.parts import GraphError

    options, columns, said = REFUSED[part]
    frame = pd.DataFrame({"height": np.arange(200.0), **columns})
    model, table = fitted(frame, np.arange(200) > 90, DecisionTreeClassifier(), **options)
    with pytest.raises(GraphError, match=said):
        made(model, table)


@pytest.mark.parametrize(
    ("learner", "said"),
    [
        (KNeighborsClassifier(), r"the graph of the estimator KNeighborsClassifier differs .* in \d+ of \d+ rows"),
        (ballast.method("logit_adjustment"), "the estimator LogitAdjustment cannot be a graph"),
    ],
)
def test_onnx_when_the_estimator_cannot_be_a_graph_or_differs_then_refused_by_name(
    mixed: pd.DataFrame, learner: Any, said: str
):
    pytest.importorskip("onnxruntime")
    from ballast.bundles.graphs.made import made
    from ballast.bundles.graphs.parts import GraphError

    model, table = fitted(mixed, mixed["visits"] > 40, learner)
    with pytest.raises(GraphError, match=said):
        made(model, table)
