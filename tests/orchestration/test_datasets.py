"""Rows that leave the house: each beside its own source row, with the types it had, and weights that count once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from torch.utils.data import DataLoader

from ballast import Warehouse
from ballast.errors import DataError, GateClosedError, ParameterError, VersionNotFoundError, WarehouseError
from ballast.warehouse import matrix_of
from ballast.warehouse.datasets.files import DataFileError, write
from tests.orchestration.projects import Project, spec

STEPS = {
    "density": {"use": "density_ratio_classifier"},
    "drawn": {"use": "importance_resampling", "weights": "density", "params": {"n_samples": 150}},
    "larger": {"use": "smote"},
    "novel": {"use": "mahalanobis"},
    "by_class": {"use": "inverse_class_frequency"},
    "model": {"use": "logistic_regression"},
    "test_of_shift": {"use": "kolmogorov_smirnov"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a step of each kind; tests only read it."""
    project = Project(tmp_path_factory.mktemp("made"), spec(steps=STEPS))
    finished = project.run()
    assert finished.success, finished.messages
    return project


@pytest.fixture(scope="module")
def warehouse(made: Project) -> Warehouse:
    return made.warehouse


@pytest.fixture(scope="module")
def train(made: Project) -> pd.DataFrame:
    return pd.read_csv(made.folder / "train.csv", float_precision="round_trip")


def test_weights_when_joined_then_the_source_rows_with_each_its_own(warehouse, train):
    found = warehouse.dataset("demo/density", join="train")
    pd.testing.assert_frame_equal(found.frame[train.columns], train, check_dtype=False)
    stored = warehouse.read("demo/density").set_index("sample_id")["weight"]
    assert found.frame["weight"].tolist() == stored[train["key"]].tolist()
    assert found.weights is not None
    assert found.weights.tolist() == found.frame["weight"].tolist()
    assert found.X is not None
    features = warehouse.read_arrow("demo/train/features")
    assert np.array_equal(found.X, matrix_of(features, "features"))
    assert found.y is not None
    assert found.y.tolist() == train["kind"].tolist()
    assert list(warehouse.dataset("demo/density").frame) == ["sample_id", "weight"]
    assert warehouse.dataset("demo/by_class").X.shape == (200, 3), "features of the rows, though it asks for none"


def test_drawn_rows_when_joined_then_a_row_a_draw_with_its_source_and_how_often_it_is_there(warehouse, train):
    found = warehouse.dataset("demo/drawn", join="train")
    frame, source = found.frame, train.set_index("key")
    assert len(frame) == 150
    assert frame["kind"].tolist() == source.loc[frame["key"], "kind"].tolist()
    assert frame["height"].tolist() == source.loc[frame["key"], "height"].tolist()
    assert frame["multiplicity"].tolist() == frame["key"].map(frame["key"].value_counts()).tolist()
    assert frame["multiplicity"].max() > 1
    weights = warehouse.read("demo/density").set_index("sample_id")["weight"]
    assert frame["drawn_by_weight"].tolist() == weights[frame["key"]].tolist()
    assert found.weights is None, "the draws carry them"
    assert any("train without weights" in note for note in found.notes)
    bare = warehouse.dataset("demo/drawn")
    assert np.array_equal(bare.frame[["height", "width", "colour_red"]].to_numpy(), bare.X)
    assert bare.frame["label"].tolist() == bare.y.tolist() == frame["kind"].tolist()


def test_made_up_rows_when_joined_then_they_have_features_in_place_of_columns_and_it_is_said(warehouse, train):
    found = warehouse.dataset("demo/larger", join="train")
    frame, synthetic = found.frame, found.frame["is_synthetic"]
    assert 0 < synthetic.sum() < 200
    assert frame.loc[synthetic, ["key", "height", "kind"]].isna().all(axis=None)
    assert frame.loc[~synthetic, "height"].tolist() == train["height"].tolist()
    assert np.array_equal(frame[["larger_height", "larger_width", "colour_red"]].to_numpy(), found.X)
    assert frame["second_parent_id"].notna().tolist() == synthetic.tolist()
    assert found.notes == (
        f"{synthetic.sum()} of {len(frame)} rows are synthetic",
        "these have no columns of data.train (blank there), but features, as all rows have: larger_height, "
        "larger_width, colour_red",
    )


def test_scores_when_of_the_target_then_joined_to_the_target_alone(warehouse, made):
    found = warehouse.dataset("demo/novel", join="target")
    target = pd.read_csv(made.folder / "target.csv")
    assert found.frame["key"].tolist() == target["key"].tolist()
    assert found.X.shape == (120, 3)
    with pytest.raises(DataError, match="of the rows of 'target', not of 'train': join 'target'"):
        warehouse.dataset("demo/novel", join="train")


def test_features_when_taken_then_a_column_a_feature(warehouse):
    assert list(warehouse.dataset("demo/train/features").frame) == ["sample_id", "height", "width", "colour_red"]
    joined = warehouse.dataset("demo/train/features", join="train")
    assert list(joined.frame)[-3:] == ["features_height", "features_width", "colour_red"]
    assert joined.notes == (
        "columns named otherwise, since data.train has their names already: features_height (height), "
        "features_width (width)",
    )


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("demo/model", {}, r"is a model and has no rows: export it into a folder"),
        ("demo/encoder", {}, r"it leaves with each model"),
        ("demo/test_of_shift", {"join": "train"}, r"no sample ids"),
        ("demo/train", {"join": "train"}, r"a data role itself"),
        ("demo/denstiy", {}, r"did you mean 'demo/density'"),
        ("demo/density", {"partition": "a"}, r"no partition 'a' of demo/density"),
        ("demo/density", {"version": 1, "partition": "a"}, r"not both"),
    ],
)
def test_rows_when_there_are_none_such_then_said_what_there_is(warehouse, name, options, said):
    with pytest.raises((DataError, VersionNotFoundError, WarehouseError), match=said):
        warehouse.dataset(name, **options)


def test_rows_when_a_gate_is_closed_behind_them_then_they_leave_only_by_force_and_it_is_said(stopped: Project):
    with pytest.raises(GateClosedError, match=r"demo/density .*expect_effective_sample_size.*--force"):
        stopped.warehouse.dataset("demo/density")
    forced = stopped.warehouse.dataset("demo/density", join="train", force=True)
    (note,) = forced.notes
    assert note.startswith("it left though closed is the gate behind demo/density (version 1): expect_effective_sample")


def test_join_when_rows_are_missing_on_either_side_then_said_how_many(ran: Project):
    warehouse, commit = ran.warehouse, ran.warehouse.latest("demo/density")
    assert commit is not None
    frame = warehouse.read("demo/density")
    frame.loc[:2, "sample_id"] = ["x1", "x2", "x3"]
    warehouse.commit("demo/density", frame[:-1], kind="weigher", inputs=commit.inputs, summary=commit.summary)
    with pytest.raises(
        DataError,
        match=r"3 of 199 rows of demo/density are not in data.train \(such as 'x1', 'x2', 'x3'\) and 4 of 200 rows of "
        r"data.train are not in demo/density \(such as 'r0'",
    ):
        warehouse.dataset("demo/density", join="train", force=True)
    assert len(warehouse.dataset("demo/density", join="train", version=1)) == 200


def test_join_when_weights_are_in_another_order_then_each_row_keeps_its_own(ran: Project):
    warehouse, commit = ran.warehouse, ran.warehouse.latest("demo/density")
    assert commit is not None
    before = warehouse.dataset("demo/density", join="train").frame.set_index("key")
    turned = warehouse.read("demo/density")[::-1]
    warehouse.commit("demo/density", turned, kind="weigher", inputs=commit.inputs, summary=commit.summary)
    found = warehouse.dataset("demo/density", join="train", force=True)
    pd.testing.assert_frame_equal(found.frame.set_index("key").loc[before.index], before)
    assert found.weights.tolist() == found.frame["weight"].tolist()
    assert found.y.tolist() == found.frame["kind"].tolist()
    assert found.ids.tolist() == found.frame["key"].tolist()


# -- torch -------------------------------------------------------------------------------------------------------


def test_torch_rows_when_weights_are_for_the_loss_then_each_row_comes_once_with_its_weight(warehouse):
    found = warehouse.dataset("demo/density")
    rows = found.torch()
    assert rows.weights_are == "loss weights"
    seen = [torch.cat(part) for part in zip(*DataLoader(rows, batch_size=64, sampler=rows.sampler), strict=True)]
    assert sorted(seen[2].tolist()) == sorted(found.weights.astype(np.float32).tolist())
    assert sorted(map(tuple, seen[0].tolist())) == sorted(map(tuple, found.X.tolist()))
    assert rows.classes.tolist() == ["no", "yes"]
    x, y, weight = rows[7]
    assert (x.tolist(), rows.classes[y], weight) == (found.X[7].tolist(), found.y[7], np.float32(found.weights[7]))


def test_torch_rows_when_weights_are_draws_then_rows_come_by_them_and_bring_none(warehouse):
    found = warehouse.dataset("demo/density")
    rows = found.torch(sampler="weights", seed=1)
    assert rows.weights_are == "draws"
    assert "the loss takes none" in repr(rows)
    assert all(len(rows[i]) == 2 for i in range(3))
    drawn = np.bincount([i for _ in range(200) for i in rows.sampler], minlength=200) / 200
    assert np.corrcoef(drawn, found.weights)[0, 1] > 0.98
    assert abs(drawn - found.weights / found.weights.mean()).max() < 0.6, "not by the weights' squares"
    again = found.torch(sampler="weights", seed=1)
    assert list(again.sampler) == list(found.torch(sampler="weights", seed=1).sampler)
    assert list(again.sampler) != list(found.torch(sampler="weights", seed=2).sampler)


def test_torch_rows_when_drawn_already_then_weights_are_not_drawn_by_again(warehouse):
    found = warehouse.dataset("demo/drawn")
    assert found.torch().weights_are == "none"
    assert len(found.torch()[0]) == 2
    with pytest.raises(DataError, match="its rows were drawn already"):
        found.torch(sampler="weights")
    with pytest.raises(DataError, match="it has none"):
        warehouse.dataset("demo/train").torch(sampler="weights")
    with pytest.raises(ParameterError, match="sampler is 'weights' or None"):
        found.torch(sampler="loss")
    with pytest.raises(DataError, match="the labels of its rows are not known"):
        warehouse.dataset("demo/novel").torch()


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (np.zeros(200), "all 200 weights are 0"),
        (np.r_[-1.0, -2.0, np.ones(198)], "0 are not finite and 2 are negative"),
        (np.r_[np.nan, np.inf, np.nan, np.ones(197)], "3 are not finite and 0 are negative"),
    ],
)
def test_torch_rows_when_no_row_can_be_weighed_then_refused_with_counts(ran: Project, weights, said):
    warehouse, commit = ran.warehouse, ran.warehouse.latest("demo/density")
    assert commit is not None
    frame = warehouse.read("demo/density").assign(weight=weights)
    warehouse.commit("demo/density", frame, kind="weigher", inputs=commit.inputs, summary=commit.summary)
    found = warehouse.dataset("demo/density", force=True)
    for sampler in (None, "weights"):
        with pytest.raises(DataError, match=said):
            found.torch(sampler=sampler)


# -- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather", ".csv"])
def test_file_when_written_then_holds_the_rows_and_replaces_its_own_alone(warehouse, tmp_path: Path, suffix):
    found = warehouse.dataset("demo/density", join="train")
    file = tmp_path / "new" / f"weights{suffix}"
    for _ in range(2):
        assert write(found, file) == []
    read = {".parquet": pd.read_parquet, ".csv": pd.read_csv}.get(suffix, pd.read_feather)(file)
    pd.testing.assert_frame_equal(read, found.frame, check_dtype=suffix != ".csv")
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    file.write_text("a,b\n1,2\n")
    with pytest.raises(DataFileError, match="is there and is not of `ballast export`"):
        write(found, file)
    assert file.read_text() == "a,b\n1,2\n"


def test_file_when_it_cannot_be_written_then_what_was_there_stays(warehouse, tmp_path: Path):
    found = warehouse.dataset("demo/density")
    write(found, tmp_path / "w.parquet")
    before = pq.read_table(tmp_path / "w.parquet")
    (tmp_path / "file").write_text("no folder")
    (folder := tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataFileError, match="cannot write"):
        write(found, tmp_path / "file" / "w.parquet")
    with pytest.raises(DataFileError, match="name another file"):
        write(found, folder)
    with pytest.raises(DataError, match="ends in none of"):
        write(found, tmp_path / "w.xlsx")
    assert pq.read_table(tmp_path / "w.parquet").equals(before)


def test_dataset_when_looked_at_then_says_what_it_is(warehouse):
    found = warehouse.dataset("demo/drawn")
    assert repr(found).startswith("demo/drawn, version 1: 150 rows, 10 columns\n  drawn_by_weight is")
    assert found._repr_html_().count("<tr") == 6
