"""Data roles that declare what their rows depend on, and roles that keep equal numbers in two precisions, in a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.orchestration.projects import Project


def readings(seed: int, dtype: type = np.float64) -> pd.DataFrame:
    """40 sensors of five equal readings each, in any order."""
    rng = np.random.default_rng(seed)
    level, sensor = rng.normal(size=40), rng.permutation(np.repeat(np.arange(40), 5))
    price = rng.choice([0.1, 0.2, 0.3, 0.6, 0.7], 200).astype(dtype)
    return pd.DataFrame({"key": np.arange(200) + 1000 * seed, "sensor": sensor, "level": level[sensor], "price": price})


def project(folder: Path, **tables: pd.DataFrame) -> Project:
    made = Project(
        folder,
        {
            "name": "plant",
            "data": {
                role: {"path": f"{role}.parquet", "id": "key", "dependence": "sensor"} for role in ("train", "target")
            },
            "steps": {"drift": {"use": "kolmogorov_smirnov", "params": {"decide": {"p": 0.05, "effect": 0.1}}}},
        },
    )
    for role, table in tables.items():
        table.to_parquet(folder / f"{role}.parquet", index=False)
    return made


def test_test_when_roles_declare_dependence_then_units_are_dealt_out_and_are_no_feature(tmp_path):
    made = project(tmp_path, train=readings(1), target=readings(2))
    finished = made.run()
    assert finished.success, finished.messages
    report = made.warehouse.read("plant/drift").set_index("feature")
    assert list(report.index) == ["level", "price", "(all)"]
    assert "a change counts where p <= 0.05 and the effect >= 0.1" in report.loc["(all)", "effect"]
    assert report.loc["(all)", "effect"].endswith("rows dealt out by units, 40 and 40 in the target")


def test_target_when_equal_numbers_are_kept_in_another_precision_then_its_gate_closes(tmp_path):
    made = project(tmp_path, train=readings(1), target=readings(2, np.float32))
    assert not made.run().success
    (closed,) = (v for v in made.warehouse.verdicts("plant/target", version=1) if v.closes)
    assert closed.gate == "expect_same_schema__train"
    assert "column 'price' (float64) and train's (float64) are equal as float32 alone in 100 %" in closed.message
    assert "for this one has passed through float32: keep both in one type" in closed.message
