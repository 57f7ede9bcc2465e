"""Stores one model of each kind, and what it gives for the rows; run with Ballast 0.1.0 in a new folder.

``python make.py FOLDER`` writes the model store, ``stored.json`` with the records of the models, ``rows.npz`` and
``table.parquet`` with the rows that they are asked about, and ``given.npz`` with what they gave for them then.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from ballast.methods.catalogue import method
from ballast.methods.encoding import FeatureEncoder
from ballast.warehouse import ModelStore

rng = np.random.default_rng(0)
N = 48
rows = {"X": rng.normal(size=(N, 2)), "X_target": rng.normal(0.2, 1.0, size=(N, 2))}
rows["y"] = (rows["X"][:, 0] + rng.normal(size=N) > 0).astype(np.int64)
rows["probs"] = np.column_stack([1 - 0.6 * rows["y"] - 0.2, 0.6 * rows["y"] + 0.2])
rows["probs_target"] = rows["probs"][rng.integers(N, size=N)]
rows["real"] = rows["X"][:, 0] + 0.1 * rng.normal(size=N)
rows["groups"] = np.array(["north", "south"])[np.arange(N) % 2]
table = pd.DataFrame(
    {
        "age": rows["X"][:, 0],
        "colour": rng.choice(["red", "green", "blue"], N),
        "day": pd.date_range("2026-01-01", periods=N, freq="D"),
        "member": rng.random(N) > 0.5,
    }
)
given = {**rows, "table": table, "table_target": table.iloc[rng.integers(N, size=N)]}

small = {"hidden": (4,), "max_epochs": 2, "device": "cpu"}
balanced = method("stratified_batches")
# By the model's name: the model, the arguments that it is fitted on, the call to come, the arguments of that.
MODELS = {
    "logistic_regression": (method("logistic_regression"), "X y", "predict_proba", "X"),
    "feature_encoder": (FeatureEncoder(), "table", "transform", "table"),
    "torch_mlp": (method("torch_mlp", **small, sampling=balanced), "X y", "predict_proba", "X"),
    "domain_mlp": (method("domain_mlp", **small), "X y groups", "predict_proba", "X"),
    "logit_adjustment": (
        method("logit_adjustment", classifier=method("torch_mlp", **small)),
        "X y",
        "predict_proba",
        "X",
    ),
    "mahalanobis": (method("mahalanobis"), "X y", "score_samples", "X"),
    "frequency_whitening": (method("frequency_whitening"), "X", "transform", "X"),
    "positive_unlabelled": (method("positive_unlabelled", n_folds=2), "X y", "weigh", "X y"),
    "density_ratio_classifier": (method("density_ratio_classifier", n_folds=2), "X X_target", "weigh", "X"),
    "kernel_balancing": (method("kernel_balancing", n_anchors=5), "X X_target", "weigh", "X"),
    "relative_least_squares": (method("relative_least_squares", n_centers=5), "X X_target", "weigh", "X"),
    "streamed_least_squares": (method("relative_least_squares", n_centers=5), "X X_target", "weigh", "X"),
    "streamed_balancing": (method("entropy_balancing"), "X X_target", "weigh", "X"),
    "kernel_mean_matching": (method("kernel_mean_matching", n_landmarks=5), "X X_target", "weigh", "X"),
    "kernel_density_ratio": (method("kernel_density_ratio"), "X X_target", "weigh", "X"),
    "gaussian_density_ratio": (method("kernel_density_ratio", density="gaussian"), "X X_target", "weigh", "X"),
    "uniform_transformer": (method("uniform_transformer"), "X X_target", "weigh", "X"),
    "raking": (method("raking", columns=["colour"]), "table table_target", "weigh", "table"),
    "black_box_shift": (method("black_box_shift"), "probs y probs_target", "weigh", "y"),
    "density_based_weights": (method("density_based_weights", bandwidth=1e-3), "y=real", "weigh", "y=real"),
    "data_mixing_law": (
        method("data_mixing_law", n_mixtures=5, n_repeats=1, max_steps=3, hidden=(2,), device="cpu"),
        "X y groups",
        "weigh",
        "groups",
    ),
}


def _arguments(names: str) -> dict[str, object]:
    pairs = [name.partition("=")[::2] for name in names.split()]
    return {name: given[of or name] for name, of in pairs}


def main(folder: Path) -> None:
    store, records, results = ModelStore(folder), {}, {}
    for name, (model, fitted_on, call, asked) in MODELS.items():
        if name.startswith("streamed"):
            model.partial_fit(**_arguments(fitted_on)).finalize()
        else:
            model.fit(**_arguments(fitted_on))
        records[name] = asdict(store.save(f"models/{name}", 1, model)) | {"call": call, "arguments": asked}
        results[name] = np.asarray(getattr(model, call)(**_arguments(asked)))
    (folder / "stored.json").write_text(json.dumps(records, indent=1) + "\n")
    table.to_parquet(folder / "table.parquet")
    np.savez_compressed(folder / "rows.npz", **rows)
    np.savez_compressed(folder / "given.npz", **results)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
