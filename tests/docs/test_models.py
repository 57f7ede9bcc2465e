"""The page on using a model: from a table of one's own to predictions where nothing of its pipeline is installed."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ballast
from tests.docs.shell import ROOT, blocks, outside, run, section

PAGE = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
PATIENCE = 300.0  # seconds, for a server on a loaded machine to answer


def patients(n: int, first: int, age: float) -> pd.DataFrame:
    """Gives rows as a CSV of one's own has them: texts, truths and dates, blanks, ids that are no numbers, a label."""
    rng = np.random.default_rng(first)
    made = pd.DataFrame({"patient": [f"P-{first + i:06d}" for i in range(n)]})
    made["age"] = rng.normal(age, 12, n).clip(18, 95).round()
    made["ward"] = rng.choice(["east", "north", "öst & väst", None], n, p=[0.4, 0.3, 0.2, 0.1])
    made["smoker"] = rng.random(n) < 0.3
    made["visits"] = np.where(rng.random(n) < 0.1, np.nan, rng.poisson(4, n))
    made["pressure"] = np.where(rng.random(n) < 0.05, np.nan, rng.normal(120, 15, n))
    made["since"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, n), unit="D")
    score = 0.05 * (made["age"] - 55) + 0.02 * (made["pressure"].fillna(120) - 120) + made["smoker"]
    made["readmitted"] = np.where(rng.random(n) < 1 / (1 + np.exp(-score)), "yes", "no")
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder: two tables, the project that Ballast makes of them, its predictions, and a wheel of Ballast."""
    folder = tmp_path_factory.mktemp("user")
    patients(1500, 1, 50).to_csv(folder / "patients.csv", index=False)
    new = patients(600, 100_001, 62).drop(columns="readmitted")
    new.assign(ward=new["ward"].where(new.index % 50 != 7, "south")).to_csv(folder / "new.csv", index=False)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    run(f"python -m build --wheel --outdir dist {ROOT}", folder, PATH=path)
    run("ballast init --from patients.csv --label readmitted --id patient --target new.csv", folder, PATH=path)
    pipeline = folder / "patients" / "pipelines" / "patients" / "defs.yaml"
    step = "    scored: {predict: reweighted, on: target, to: ../../../scored.parquet}\n"
    pipeline.write_text(pipeline.read_text("utf-8").replace("  gates:", f"{step}  gates:"), "utf-8")
    assert "Predictions: scored holds 600 rows" in run("ballast run patients", folder / "patients", PATH=path)
    return folder


def stored(folder: Path) -> pd.DataFrame:
    """Gives what the pipeline itself predicted of the new rows, in their order."""
    kept = pd.read_parquet(folder / "scored.parquet").set_index("sample_id")
    return kept.loc[pd.read_csv(folder / "new.csv")["patient"], ["prediction", "p_no", "p_yes"]].reset_index(drop=True)


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Holds predictions to others to the bit, though of those with 32 bits some are kept in 64."""
    pd.testing.assert_frame_equal(found, expected, check_exact=True, check_dtype=False)


def exported(folder: Path, *options: str) -> Path:
    """Writes the model into a new folder, with the wheel beside it, as the page has them; gives the folder of both."""
    place = folder / "-".join(["elsewhere", *options])
    place.mkdir()
    (place / "dist").symlink_to(folder / "dist")
    command = f"ballast export patients/reweighted {place}/model {' '.join(options)}"
    run(command, folder / "patients", PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return place


def environment(place: Path) -> str:
    """Makes an environment with nothing in it; gives the path on which its commands come first."""
    venv.create(place / ".venv", with_pip=True, symlinks=os.name != "nt")
    return f"{place / '.venv' / 'bin'}:{os.environ['PATH']}"


@pytest.mark.full
def test_model_when_in_an_environment_of_its_requirements_alone_then_predicts_raw_rows_as_its_pipeline_did(
    folder: Path,
):
    place = exported(folder)
    path = environment(place)
    (commands,) = blocks(section(PAGE, "What an environment needs"), "sh")
    run(commands, place, PATH=path)
    code = (
        "import ballast, pandas as pd\n"
        "from importlib.util import find_spec\n"
        "others = ('dagster', 'duckdb', 'great_expectations', 'torch', 'typer', 'filelock')\n"
        "assert not [name for name in others if find_spec(name)]\n"
        "model, rows = ballast.load('model/'), pd.read_csv('../new.csv')\n"
        "table = model.predict_table(rows)\n"
        "assert (table['prediction'] == model.predict(rows)).all()\n"
        "assert (table[['p_no', 'p_yes']].to_numpy() == model.predict_proba(rows)).all()\n"
        "table.to_parquet('predicted.parquet')\n"
        "print(*model.check(rows), sep='\\n')"
    )
    remarks = run(f"python -I -c {shlex.quote(code)}", place, PATH=path).splitlines()
    assert remarks == ["ward: 12 of 600 rows hold values never seen in training: 'south' (12)"]
    same(pd.read_parquet(place / "predicted.parquet"), stored(folder))


@contextmanager
def served(command: str, place: Path, path: str) -> Iterator[str]:
    """Starts a server of MLflow's on a free port, and gives its address once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, log = f"http://127.0.0.1:{port}", place / "server.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [*command.replace("5001", str(port)).split(), "--host", "127.0.0.1"], cwd=place, stdout=out, stderr=out,
            env=outside(PATH=path, MLFLOW_DISABLE_TELEMETRY="true"), start_new_session=True,
        )  # fmt: skip
    try:
        until = time.monotonic() + PATIENCE
        while not answers(f"{address}/ping"):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < until, f"no answer in {PATIENCE:g} s:\n{log.read_text()}"
            time.sleep(0.2)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=10) as response:
            return response.status == 200
    except OSError:
        return False


def asked(address: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Gives what a server predicts of rows, which go to it and come back as JSON."""
    values = rows.astype(object).where(rows.notna(), None)
    sent: dict[str, Any] = {"dataframe_split": {"columns": list(values), "data": values.to_numpy().tolist()}}
    return answer(address, json.dumps(sent).encode())


def answer(address: str, sent: bytes) -> pd.DataFrame:
    request = urllib.request.Request(f"{address}/invocations", sent, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return pd.DataFrame(json.load(response)["predictions"])
    except urllib.error.HTTPError as error:
        raise AssertionError(error.read().decode()) from error


@pytest.mark.full
def test_model_when_served_by_all_of_mlflow_then_predicts_rows_in_json_as_its_pipeline_did(folder: Path):
    pytest.importorskip("mlflow")
    place = exported(folder, "--format", "mlflow")
    path = environment(place)
    (commands,) = (block for block in blocks(section(PAGE, "In MLflow"), "sh") if "serve" in block)
    *install, serve = commands.splitlines()
    run("\n".join(install), place, PATH=path)
    rows = pd.read_csv(folder / "new.csv")
    loaded = ballast.load(place / "model" / "data" / "model")
    expected = loaded.predict_table(rows)
    same(expected, stored(folder))
    example = (place / "model" / "serving_input_example.json").read_bytes()
    trained = pd.read_csv(folder / "patients.csv", nrows=5)
    with served(serve, place, path) as address:
        same(answer(address, example), loaded.predict_table(trained))
        same(asked(address, rows), expected)
        same(asked(address, rows.iloc[[7]]), expected.iloc[[7]].reset_index(drop=True))
        with pytest.raises(AssertionError, match="column 'since' is date32"):
            asked(address, rows.assign(since="30.11.2026"))
