"""A model that leaves the house predicts what the pipeline does, of any table that holds the same values."""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions, requires, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ballast
from ballast.bundles import Model
from ballast.bundles.folder import _seal
from ballast.bundles.places import FolderError
from ballast.bundles.schema import Schema
from ballast.bundles.stored import stored
from ballast.errors import DataError, GateClosedError, ModelStoreError, VersionNotFoundError
from ballast.orchestration.provide.predictions import predict
from ballast.warehouse import ModelStore, StoredModel, matrix_of
from tests.orchestration.projects import Project, rows, spec


def exported(project: Project, step: str = "demo/reweighted", **options) -> Path:
    """Writes a step's model beside the project, and gives its folder."""
    found = stored(step, project.warehouse, models=models_of(project), **options)
    return found.write(project.folder / "model")


def models_of(project: Project) -> ModelStore:
    return project.resource.model_store()


@pytest.fixture
def model(ran: Project) -> Path:
    return exported(ran)


def test_predictions_when_loaded_then_those_of_the_pipeline_to_the_bit(ran: Project, model: Path):
    features = ran.warehouse.read_arrow("demo/test/features")
    own = models_of(ran).load(StoredModel.of(ran.warehouse.read("demo/reweighted")))
    test = pd.read_csv(ran.folder / "test.csv")
    for loaded in (ballast.load(model), ballast.load("demo/reweighted", ran.warehouse, models=models_of(ran).folder)):
        for kind, call in (("probs", loaded.predict_proba), ("prediction", loaded.predict)):
            expected = predict(own, matrix_of(features, "features"), kind)
            assert np.array_equal(call(test), expected)
            assert np.array_equal(call(test.iloc[[7]]), expected[[7]])
            assert np.array_equal(call(test[::-1].assign(more=1)[["more", *test.columns[::-1]]]), expected[::-1])
            assert call(test.iloc[:0]).shape == (0, *expected.shape[1:])


def test_model_when_loaded_elsewhere_then_nothing_of_the_pipeline_is_imported(ran: Project, model: Path):
    code = (
        "import sys, ballast, pandas; m = ballast.load(sys.argv[1]); m.check(f := pandas.read_csv(sys.argv[2]))\n"
        "m.predict(f); print(sorted({n.partition('.')[0] for n in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, model, ran.folder / "test.csv"], capture_output=True, text=True, cwd=model
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.replace("'", '"')))
    assert loaded >= {"sklearn", "skops"}
    assert loaded & {"dagster", "duckdb", "great_expectations", "torch", "sqlalchemy"} == set()


def test_requirements_when_nothing_else_is_installed_then_the_model_loads_and_predicts(ran: Project, model: Path):
    """Hides every package that neither the folder's requirements name nor these require."""
    wanted = [line for line in (model / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(Requirement(line).specifier.contains(version(Requirement(line).name)) for line in wanted)
    there, of = packages_distributions(), brought(wanted)
    hidden = {name for name, found in there.items() if not of & {canonicalize_name(each) for each in found}}
    hidden -= {"ballast"}
    assert not hidden & {"sklearn", "skops", "pandas", "skrub"}
    assert hidden >= {"dagster", "duckdb", "great_expectations", "torch", "polars", "typer"}
    code = (
        "import json, sys; from importlib.abc import MetaPathFinder\n"
        "hidden = {*json.loads(sys.argv[3])}\n"
        "class Hidden(MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in hidden: raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "import ballast, pandas; m = ballast.load(sys.argv[1]); f = pandas.read_csv(sys.argv[2])\n"
        "print(m.check(f), m.predict_table(f).to_json())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, model, ran.folder / "test.csv", json.dumps(sorted(hidden))],
        capture_output=True, text=True, cwd=Path(ballast.__file__).parents[1],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    test = pd.read_csv(ran.folder / "test.csv")
    assert done.stdout.split(" ", 1)[1].strip() == ballast.load(model).predict_table(test).to_json()


def brought(wanted: list[str]) -> set[str]:
    """Gives the distributions that requirements bring into an empty environment."""
    found, waiting = set(), [Requirement(line) for line in wanted]
    while waiting:
        one = waiting.pop()
        if (name := canonicalize_name(one.name)) not in found and (one.marker is None or one.marker.evaluate()):
            found.add(name)
            waiting += map(Requirement, requires(name) or [])
    return found


def test_file_when_a_byte_was_changed_or_it_is_gone_then_refused_by_name(model: Path):
    for file in sorted(model.iterdir()):
        whole = file.read_bytes()
        file.write_bytes(whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:])
        with pytest.raises(ModelStoreError, match=file.name):
            ballast.load(model)
        file.unlink()
        with pytest.raises(ModelStoreError, match=file.name):
            ballast.load(model)
        file.write_bytes(whole)
    assert ballast.load(model).name == "demo/reweighted"


def test_model_when_exported_by_the_warehouse_then_the_folder_is_that_of_the_command(ran: Project, model: Path):
    other = ran.warehouse.export_model("demo/reweighted", ran.folder / "other", version=1)
    assert other == ran.folder / "other"
    files = {file.name: file.read_bytes() for file in model.iterdir()}
    assert {file.name: file.read_bytes() for file in other.iterdir()} == files
    with pytest.raises(ModelStoreError, match="of the stage weigher"):
        ran.warehouse.export_model("demo/density", ran.folder / "another")


def test_place_when_it_holds_no_model_then_said_what_to_name(ran: Project, tmp_path: Path):
    with pytest.raises(ModelStoreError, match="ballast export"):
        ballast.load(tmp_path)
    with pytest.raises(ModelStoreError, match="warehouse="):
        ballast.load("demo/reweighted")
    with pytest.raises(VersionNotFoundError, match="did you mean 'demo/reweighted'"):
        ballast.load("demo/rewieghted", ran.warehouse)
    with pytest.raises(ModelStoreError, match="of the stage weigher"):
        ballast.load("demo/density", ran.warehouse)


def test_folder_when_it_holds_something_else_then_left_alone(ran: Project, model: Path, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(FolderError, match="holds no model"):
        stored("demo/reweighted", ran.warehouse, models=models_of(ran)).write(tmp_path / "mine")
    with pytest.raises(FolderError, match="cannot write"):
        stored("demo/reweighted", ran.warehouse, models=models_of(ran)).write(tmp_path / "mine" / "notes.txt" / "model")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    exported(ran, "demo/baseline")
    assert ballast.load(model).name == "demo/baseline", "a folder with a model in it is replaced"


def test_folder_when_an_export_was_killed_between_its_renames_then_the_former_model_is_found_and_put_back(
    ran: Project, model: Path
):
    expected = ballast.load(model).predict(rows(20, seed=5))
    former = model.rename(model.with_name(f".{model.name}.former"))
    unfinished = model.with_name(f".{model.name}.{'0' * 32}.unfinished")
    unfinished.mkdir()
    os.utime(unfinished, (0, 0))
    with pytest.warns(UserWarning, match=rf"{re.escape(str(former))}; the next export puts it back"):
        loaded = ballast.load(model)
    assert np.array_equal(loaded.predict(rows(20, seed=5)), expected)
    assert exported(ran, "demo/baseline") == model
    assert ballast.load(model).name == "demo/baseline"
    assert sorted(model.parent.glob(f".{model.name}.*")) == []


def test_gate_when_closed_behind_the_model_then_it_leaves_only_by_force_and_the_card_says_so(stopped: Project):
    assert stopped.run("reweighted", force=True).success
    with pytest.raises(GateClosedError, match=r"demo/density .*expect_effective_sample_size.*--force"):
        exported(stopped)
    assert "expect_effective_sample_size | closed, forced past |" in ballast.load(exported(stopped, force=True)).card


def test_model_when_its_gates_never_judged_it_then_it_leaves_only_by_force(ran: Project):
    warehouse, before = ran.warehouse, ran.warehouse.latest("demo/baseline")
    assert before is not None
    table = warehouse.read_arrow("demo/baseline")
    told = {"kind": "learner", "inputs": before.inputs, "summary": before.summary, "method": before.method}
    warehouse.commit("demo/baseline", table, **told)
    with pytest.raises(GateClosedError, match=r"demo/baseline \(version 2\): its gates never judged it"):
        exported(ran, "demo/baseline")
    assert ballast.load(exported(ran, "demo/baseline", version=1)).version == 1
    assert ballast.load(exported(ran, "demo/baseline", force=True)).version == 2


def test_model_when_what_it_was_fitted_on_was_pruned_then_said_what_is_gone(ran: Project):
    commit = ran.warehouse.latest("demo/baseline")
    assert commit is not None
    told = {"kind": "learner", "inputs": {"demo/gone": 1}, "summary": commit.summary, "method": commit.method}
    ran.warehouse.commit("demo/baseline", ran.warehouse.read_arrow("demo/baseline"), **told)
    with pytest.raises(
        ModelStoreError, match="its encoder that it was fitted on is no longer stored; run the pipeline"
    ):
        exported(ran, "demo/baseline", force=True)


@pytest.mark.parametrize("files", [{}, {"README.md": "x"}, {"../other.skops": "x"}])
def test_folder_when_it_names_other_files_than_a_models_then_refused(model: Path, files: dict[str, str]):
    """Even where somebody has sealed it again."""
    about = json.loads((model / "bundle.json").read_text())
    about.pop("sha256")
    about["files"] = files if not any("/" in name for name in files) else {**about["files"], **files}
    (model / "bundle.json").write_text(json.dumps({**about, "sha256": _seal(about)}))
    with pytest.raises(ModelStoreError, match="does not name the files of a model"):
        ballast.load(model)


def test_card_when_written_then_tells_data_weights_figures_and_gates(ran: Project, model: Path):
    card = (model / "README.md").read_text()
    verdict = ran.warehouse.read("demo/verdict")
    accuracy = verdict[(verdict["model"] == "reweighted") & (verdict["metric"] == "accuracy")].iloc[0]
    for said in (
        "# demo/reweighted, version 1",
        "| demo/train | 1 | 200 |",
        "`demo/density` version 1 (`density_ratio_classifier`): worth ",
        f"| accuracy | {accuracy['value']:.4g} | {accuracy['low']:.4g} to {accuracy['high']:.4g} |",
        "| `colour` | text | 0 | 2 |",
        "the id is `key`, the label is `kind`",
    ):
        assert said in card


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A tree on a column of whole numbers that was never blank, and one of categories."""
    v, c = np.repeat(np.arange(5), 40), np.tile(np.repeat(list("abc"), [14, 13, 13]), 5)
    y = (np.arange(200) % 40 < np.array([4, 12, 20, 28, 36])[v]).astype(int)
    frame = pd.DataFrame({"id": np.arange(200), "visits": v, "place": c, "y": y})
    project = Project(
        tmp_path_factory.mktemp("visits"),
        spec(
            data={"train": {"path": "train.csv", "id": "id", "label": "y"}},
            steps={"tree": {"use": "sklearn.tree.DecisionTreeClassifier"}},
        ),
    )
    project.write("train", frame)
    assert project.run().success
    return ballast.load(exported(project, "demo/tree"))


@pytest.mark.parametrize("kind", ["float64", "Int64", "Int32", "int64[pyarrow]", "object"])
def test_whole_numbers_when_one_is_blank_then_the_others_are_what_they_were(visits, kind):
    night = pd.DataFrame({"visits": pd.Series([0, 1, 2, 3, 4, None], dtype="object").astype(kind), "place": "a"})
    whole = visits.predict_proba(night.iloc[:5].astype({"visits": "int64"}))
    found = visits.predict_proba(night)
    assert np.array_equal(found[:5], whole)
    assert np.isfinite(found[5]).all()
    assert [str(remark) for remark in visits.check(night)] == ["visits: 1 of 6 rows blank, none was in training"]


@pytest.mark.parametrize("value", [2.5, "2", True])
def test_value_when_no_whole_number_then_refused_with_row_and_both_types(visits, value):
    night = pd.DataFrame({"visits": pd.Series([value]), "place": "a"})
    (remark,) = visits.check(night)
    assert remark.refused
    assert "the frame, row 1" in str(remark)
    assert "'visits' is int64 in the training rows" in str(remark)
    with pytest.raises(DataError, match="row 1"):
        visits.predict(night)


NOON = datetime.datetime(2026, 11, 30, 12, 5, 7, 250_000)
TIMES = {
    "date": (pa.date32(), ["2026-11-30", None], [NOON.date(), None]),
    "moment": (pa.timestamp("us"), ["2026-11-30 12:05:07.25", "2026-11-30T12:05:07.250000"], [NOON, NOON]),
    "zone": (pa.timestamp("us", "UTC"), ["2026-11-30 12:05:07.25Z", "2026-11-30T13:35:07.25+01:30"], [NOON, NOON]),
    "time of day": (pa.time64("us"), ["12:05:07.25", None], [NOON.time(), None]),
}


@pytest.mark.parametrize("kind", TIMES)
@pytest.mark.parametrize("form", [object, "category", "string[pyarrow]"])
def test_times_when_written_in_iso_8601_then_read_as_the_times_that_they_are(kind: str, form: Any):
    """As JSON has them, and a CSV that pandas was not told of."""
    wanted, written, values = TIMES[kind]
    schema = Schema(pa.schema([("seen", wanted)]), 9)
    frame = pd.DataFrame({"seen": pd.Series(written, dtype=form)})
    given = pa.table({"seen": pa.array(values, wanted)})
    pd.testing.assert_frame_equal(schema.read(frame), schema.read(given), check_exact=True)
    assert not [remark for remark in schema.check(frame) if remark.refused]


@pytest.mark.parametrize("kind", TIMES)
@pytest.mark.parametrize("value", ["30.11.2026", "11/30/2026", "2026-02-30", "14", "24:00:01", "soon", ""])
def test_times_when_written_in_any_other_way_then_refused_with_row_and_remedy(kind: str, value: str):
    wanted, (written, _), _ = TIMES[kind]
    schema = Schema(pa.schema([("seen", wanted)]), 9)
    with pytest.raises(DataError, match=r"row 2: .* is text, and column .* ISO 8601 \(a date as 2026-11-30\)"):
        schema.read(pd.DataFrame({"seen": [written, value]}))


@pytest.mark.parametrize(
    ("wanted", "value"),
    [(pa.timestamp("us"), "2026-11-30T14:05Z"), (pa.timestamp("us", "UTC"), "2026-11-30T14:05"), (pa.int64(), "3")],
)
def test_text_when_the_zone_would_be_a_guess_or_the_column_is_of_numbers_then_refused(wanted: pa.DataType, value: str):
    schema = Schema(pa.schema([("seen", wanted)]), 9)
    with pytest.raises(DataError, match=r"row 1: .* in the training rows; give the column that type"):
        schema.read(pd.DataFrame({"seen": [value]}))


def test_value_when_it_is_a_wide_whole_number_then_predicted(visits):
    assert visits.check(frame := pd.DataFrame({"visits": [2**40], "place": "a"})) == []
    assert visits.predict(frame).shape == (1,)


FORMS = [
    pd.Categorical(["c", "b", "a"], categories=["c", "b", "a"]),
    pd.Categorical(["c", "b", "a"], categories=["c", "b", "a", "zz"], ordered=True),
    np.array(["c", "b", "a"], dtype=object),
    pd.array(["c", "b", "a"], dtype="string[pyarrow]"),
    pa.DictionaryArray.from_arrays([0, 1, 2], ["c", "b", "a"]),
]


@pytest.mark.parametrize("form", range(len(FORMS)))
def test_categories_when_coded_in_any_way_then_predicted_by_their_value(visits, form):
    expected = visits.predict_proba(pd.DataFrame({"visits": [1, 1, 1], "place": ["c", "b", "a"]}))
    table = pa.table({"visits": [1, 1, 1], "place": FORMS[form]})
    frame = table if form == 4 else pd.DataFrame({"visits": [1, 1, 1], "place": FORMS[form]})
    assert np.array_equal(visits.predict_proba(frame), expected)
    one = table.slice(0, 1) if form == 4 else frame.iloc[:1]
    assert np.array_equal(visits.predict_proba(one), expected[:1])


def test_categories_when_never_seen_then_counted_by_value_and_apart_from_blanks(visits):
    frame = pd.DataFrame({"visits": 1, "place": ["d", None, "C", "c ", "d", "a"]})
    told = [str(remark) for remark in visits.check(frame)]
    assert told == [
        "place: 1 of 6 rows blank, none was in training",
        "place: 4 of 6 rows hold values never seen in training: 'd' (2), 'C' (1), 'c ' (1)",
    ]
    assert len(visits.predict(frame)) == 6


def test_check_when_columns_are_missing_or_ids_repeated_then_said(visits):
    frame = pd.DataFrame({"id": [1, 1, 2], "visit": [1, 2, 3]})
    told = [(remark.column, remark.refused) for remark in visits.check(frame)]
    assert told == [("id", False), ("visits", True), ("place", True)]
    assert "did you mean 'visit'" in str(visits.check(frame)[1])


def test_model_when_it_stands_on_a_networks_embedding_then_predicts_as_the_pipeline(project: Project):
    project.attributes = spec(
        steps={
            "net": {"use": "torch_mlp", "params": {"max_epochs": 2}},
            "head": {"use": "logistic_regression", "embed": "net"},
            "verdict": {"use": "compare_models", "models": ["net", "head"]},
        }
    )
    finished = project.run()
    assert finished.success, finished.messages
    loaded = ballast.load(exported(project, "demo/head"))
    test = rows(50, seed=9)
    net = models_of(project).load(StoredModel.of(project.warehouse.read("demo/net")))
    own = models_of(project).load(StoredModel.of(project.warehouse.read("demo/head")))
    X = loaded.encoder.transform(test[loaded.encoder.columns_])
    assert np.array_equal(loaded.predict_proba(test), predict(own, net.embed(X), "probs"))
    judged, verdict = pd.read_csv(project.folder / "test.csv"), project.warehouse.read("demo/verdict")
    found = verdict[(verdict["model"] == "head") & (verdict["metric"] == "accuracy") & (verdict["slice"] == "(all)")]
    assert found["value"].iloc[0] == np.mean(loaded.predict(judged) == judged["kind"])
    older = project.warehouse.latest("demo/head")
    assert older is not None
    table = project.warehouse.read_arrow("demo/head")
    summary = {key: value for key, value in older.summary.items() if key != "embed"}
    told = {"kind": "learner", "inputs": older.inputs, "summary": summary, "method": older.method}
    project.warehouse.commit("demo/head", table, **told)
    with pytest.raises(ModelStoreError, match="did not keep that the features were a network's embedding"):
        exported(project, "demo/head", force=True)
