"""``ballast export`` of rows: the suffix says which format, and what does not fit is told with the remedy."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Folder


def test_export_when_to_a_file_then_rows_and_when_to_a_folder_then_a_model(finished: Folder, tmp_path: Path):
    file = tmp_path / "weights.parquet"
    result = finished.ballast("export", "demo/density", str(file), "--join", "train", "--version", "1")
    assert result.exit_code == 0, result.output
    assert f"Wrote demo/density, version 1, to {file}: 200 rows of 6 columns." in result.output
    assert list(pd.read_parquet(file)) == ["key", "height", "width", "colour", "kind", "weight"]
    for options, said in (
        (("demo/density", str(tmp_path / "model")), "ballast export demo/density rows.parquet"),
        (("demo/reweighted", str(file)), "ballast export demo/reweighted model/"),
        (("demo/reweighted", str(tmp_path / "model"), "--join", "train"), "--join is for rows in a file"),
        (("demo/density", str(file), "--join", "test"), "join 'train'"),
    ):
        result = finished.ballast("export", *options)
        assert result.exit_code == 2
        assert said in result.output.replace("\n", " ")
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_export_when_the_format_is_anothers_then_says_what_reads_it_and_an_experiment_is_mlflows(
    finished: Folder, tmp_path: Path
):
    folder = str(tmp_path / "model")
    result = finished.ballast("export", "demo/reweighted", folder, "--experiment", "shift")
    assert result.exit_code == 2
    assert "add --format mlflow" in result.output
    pytest.importorskip("onnxruntime")
    result = finished.ballast("export", "demo/reweighted", folder, "--format", "onnx")
    assert result.exit_code == 0, result.output
    assert f"onnxruntime.InferenceSession({folder!r} + '/model.onnx')" in result.output
    assert sorted(path.name for path in Path(folder).iterdir()) == ["README.md", "model.onnx"]
