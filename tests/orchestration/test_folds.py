"""Rows that repeat, in a run: folds and held-out rows keep together what is of one unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ballast.warehouse.models.store import ModelStore, StoredModel
from tests.orchestration.projects import Project

NETWORK = {"use": "torch_mlp", "params": {"max_epochs": 40, "learning_rate": 0.003, "device": "cpu"}}


def visits(n: int, times: int, seed: int = 0, columns: int = 6) -> pd.DataFrame:
    """Each of n persons `times` times, nearly alike, with a label that their columns say nothing of."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(n), times)
    rows = rng.normal(size=(n, columns))[person] + 1e-4 * rng.normal(size=(n * times, columns))
    frame = pd.DataFrame(rows, columns=[f"x{j}" for j in range(columns)])
    return frame.assign(key=np.arange(n * times) + 10_000 * seed, person=person, label=rng.integers(0, 2, n)[person])


def project(folder: Path, steps: dict[str, Any], train: pd.DataFrame, **keys: Any) -> Project:
    role = {"id": "key", "label": "label", **keys}
    target = {"path": "target.parquet", "id": "key", **({} if "dependence" in keys else {"drop": ["person"]})}
    made = Project(
        folder,
        {"name": "visits", "data": {"train": {"path": "train.parquet", **role}, "target": target}, "steps": steps},
    )
    train.to_parquet(folder / "train.parquet", index=False)
    visits(40, 1, seed=1, columns=train.shape[1] - 3).drop(columns="label").to_parquet(
        folder / "target.parquet", index=False
    )
    return made


def confidence(made: Project, step: str) -> float:
    """Gives the mean probability of the more likely class: near 0.5 of a network that has stopped early."""
    row = made.warehouse.read(f"visits/{step}").iloc[0]
    model = ModelStore(made.folder / "home" / "models").load(
        StoredModel(**{str(name): str(value) for name, value in row.items()})
    )
    X = np.stack(made.warehouse.read("visits/train/features")["features"].to_list()).astype(np.float32)
    return float(model.predict_proba(X).max(axis=1).mean())


def test_out_of_sample_when_a_role_declares_its_unit_then_no_model_knows_the_rows_of_it(tmp_path):
    steps = {
        "forest": {"use": "sklearn.ensemble.RandomForestClassifier", "params": {"n_estimators": 20}},
        "estimate": {"use": "average_thresholded_confidence", "model": "forest"},
    }
    made = project(tmp_path, steps, visits(60, 5), dependence="person")
    finished = made.run()
    assert finished.success, finished.messages
    found = made.warehouse.read("visits/forest/out_of_sample").set_index("sample_id")
    train = visits(60, 5).set_index("key")
    assert 0.25 < (found.loc[train.index, "prediction"] == train["label"]).mean() < 0.75  # labels are noise
    assert made.warehouse.latest("visits/forest/out_of_sample").summary["folds"] == 5


def test_learner_when_a_role_declares_its_unit_then_whole_units_are_held_out(tmp_path):
    made = project(tmp_path, {"network": NETWORK}, visits(200, 5, columns=20), dependence="person")
    finished = made.run()
    assert finished.success, finished.messages
    assert confidence(made, "network") < 0.75


def test_learner_when_its_rows_were_drawn_or_made_then_none_of_a_held_out_row_is_trained_on(tmp_path):
    train = visits(200, 1, columns=20)
    train["label"] = (np.arange(200) < 50).astype(int)
    steps = {
        "even": {"use": "inverse_class_frequency"},
        "drawn": {"use": "importance_resampling", "weights": "even", "params": {"n_samples": 1000}},
        "made": {"use": "smote", "params": {"device": "cpu"}},
        "of_drawn": {**NETWORK, "rows": "drawn"},
        "of_made": {**NETWORK, "rows": "made"},
    }
    made = project(tmp_path, steps, train, drop=["person"])
    finished = made.run()
    assert finished.success, finished.messages
    assert confidence(made, "of_drawn") < 0.75
    assert confidence(made, "of_made") < 0.75


def test_learner_when_rows_are_made_of_declared_units_then_it_is_trained(tmp_path):
    steps = {
        "made": {"use": "smote", "params": {"device": "cpu"}},
        "model": {"use": "logistic_regression", "rows": "made"},
    }
    made = project(tmp_path, steps, visits(60, 3), dependence="person")
    finished = made.run()
    assert finished.success, finished.messages


def test_out_of_sample_when_a_class_is_rare_then_the_summary_names_folds_and_what_they_lack(tmp_path):
    train = visits(100, 1)
    train["label"] = np.where(np.arange(100) < 6, "rare", np.where(train["label"] == 1, "yes", "no"))
    train.loc[:5, "person"] = 0
    steps = {
        "model": {"use": "logistic_regression"},
        "estimate": {"use": "average_thresholded_confidence", "model": "model"},
    }
    made = project(tmp_path, steps, train, dependence="person")
    finished = made.run()
    assert finished.success, finished.messages
    summary = made.warehouse.latest("visits/model/out_of_sample").summary
    assert summary["folds"] == 5
    assert summary["unseen_classes"] == {"rare": 6}
