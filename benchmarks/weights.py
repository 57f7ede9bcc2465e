"""Weight estimators beside their peers: seconds, peak memory and error against the known ratio.

    python benchmarks/weights.py [--rows 1000 10000 100000 1000000] [--columns 10 100] [--methods kliep raking]
                                 [--peers floor adapt] [--limit 45] [--rounds 2] [--device auto]

Every peer gets a virtual environment of its own under ``.benchmarks`` (made on first use) and reads the same data from
a file. Ballast and the peers take turns within a round; the best round counts. A peer that passes the limit, or runs
out of memory, is not asked for more rows. The peers are given a bandwidth; Ballast selects its own. Error is the mean
squared error of mean-1 weights in units of that of uniform ones. Prints a table and writes ``results/weights.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ROOT / ".benchmarks"
WORKER = ROOT / "benchmarks" / "peers" / "weights.py"
RESULTS = ROOT / "benchmarks" / "results" / "weights.json"
START_S = 120
"""What a tool may take to be imported and to work the small problem."""

PEERS = {
    "adapt": ["adapt==0.4.5", "tensorflow==2.21.0", "scikit-learn==1.9.1"],
    "skada": ["skada==0.6.0"],
    "densratio": ["densratio==0.4.0"],
    "balance": ["balance==0.23.0"],
    "quapy": ["quapy==0.2.3"],
}
METHODS = {
    "relative_least_squares": ("gaussian", ["floor", "adapt", "densratio"]),
    "kliep": ("gaussian", ["adapt", "skada"]),
    "kernel_mean_matching": ("gaussian", ["adapt", "skada"]),
    "density_ratio_classifier": ("gaussian", ["skada"]),
    "nearest_neighbor_ratio": ("gaussian", ["skada"]),
    "kernel_density_ratio": ("gaussian", ["skada"]),
    "covariate_balancing_propensity": ("gaussian", ["balance"]),
    "raking": ("categories", ["balance"]),
    "label_shift_em": ("classes", ["quapy"]),
}

Data = dict[str, np.ndarray]


def gaussian(n: int, d: int) -> tuple[Data, np.ndarray]:
    """A standard normal source, and a target whose mean is moved by 1 along the diagonal."""
    rng = np.random.default_rng(0)
    step = np.ones(d) / np.sqrt(d)
    X = rng.standard_normal((n, d))
    return {"X": X, "X_target": rng.standard_normal((n, d)) + step}, np.exp(X @ step - 0.5)


def categories(n: int, d: int) -> tuple[Data, np.ndarray]:
    """Independent columns of four categories; in the target the first four have other shares."""
    rng = np.random.default_rng(0)
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    codes = rng.integers(4, size=(n, d))
    target = rng.integers(4, size=(n, d))
    target[:, :4] = rng.choice(4, (n, 4), p=shares)
    return {"codes": codes, "codes_target": target}, np.prod(shares[codes[:, :4]] / 0.25, axis=1)


def classes(n: int, d: int) -> tuple[Data, np.ndarray]:
    """Ten classes that overlap, equally frequent in the source, with shares 1 to 10 in the target; exact posteriors."""
    rng = np.random.default_rng(0)
    shares = np.arange(1, 11) / 55

    def draw(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        y = rng.choice(10, n, p=p)
        scores = rng.standard_normal((n, 10))
        scores[np.arange(n), y] += 2
        odds = np.exp(2 * (scores - scores.max(axis=1, keepdims=True)))
        return odds / odds.sum(axis=1, keepdims=True), y

    probs, y = draw(np.full(10, 0.1))
    return {"probs": probs, "y": y, "probs_target": draw(shares)[0]}, shares[y] * 10


PROBLEMS: dict[str, Callable[[int, int], tuple[Data, np.ndarray]]] = {
    f.__name__: f for f in (gaussian, categories, classes)
}


@dataclass
class Result:
    """What one tool did on one problem; ``said`` why it did not, where it did not."""

    method: str
    tool: str
    rows: int
    columns: int
    seconds: float | None = None
    megabytes: float | None = None
    error: float | None = None
    said: str = ""


def python_of(tool: str) -> str:
    """Gives the interpreter of a tool's environment, which is made where it is not there."""
    if tool not in PEERS:
        return sys.executable
    home = ENVIRONMENTS / tool
    done = home / ".ready"
    if not done.exists():
        print(f"making the environment of {tool} ({', '.join(PEERS[tool])}) ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(home / "bin" / "pip"), "install", "-q", *PEERS[tool]], check=True)
        done.touch()
    return str(home / "bin" / "python")


def run(tool: str, method: str, data: Path, out: Path, limit: float, device: str) -> dict[str, float] | str:
    """Gives seconds and bytes, or what kept the tool from finishing."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    path = {"PYTHONPATH": os.pathsep.join(paths)} if tool in ("ballast", "floor") else {}
    command = [python_of(tool), str(WORKER), tool, method, str(data), str(out), device]
    environment = {**os.environ, **path, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
        assert process.stdout is not None
        try:
            for deadline in (START_S, limit):
                line = _line(process, deadline)
                if line is None:
                    return f"> {limit:g} s" if deadline == limit else f"not ready after {START_S} s"
                if not line:
                    process.wait()
                    errors.seek(0)
                    last = errors.read().strip().splitlines()[-1:] or [f"ended with {process.returncode}"]
                    return "out of memory" if process.returncode == -9 else last[0][:120]
                if line.startswith("{"):
                    return json.loads(line)
            return "said nothing"
        finally:
            process.kill()
            process.wait()


def _line(process: subprocess.Popen[str], seconds: float) -> str | None:
    """Gives the next line that is ours, "" at the end of the output, None after so many seconds."""
    assert process.stdout is not None
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        while (left := end - time.monotonic()) > 0:
            if waiting.select(left):
                line = process.stdout.readline()
                if not line or line.startswith(("ready", "{")):
                    return line
    return None


def error_of(weights: np.ndarray, ratio: np.ndarray) -> float:
    wanted = ratio / ratio.mean()
    return float(np.mean((weights / weights.mean() - wanted) ** 2) / np.var(wanted))


def compare(method: str, rows: int, columns: int, tools: list[str], options: argparse.Namespace) -> list[Result]:
    """Runs the tools in turn, round by round, on one problem."""
    data, ratio = PROBLEMS[METHODS[method][0]](rows, columns)
    found = {tool: Result(method, tool, rows, columns) for tool in tools}
    with tempfile.TemporaryDirectory() as folder:
        stored, out = Path(folder) / "data.npz", Path(folder) / "weights.npy"
        np.savez(stored, **data)  # type: ignore[arg-type]
        del data
        for _ in range(options.rounds):
            for tool, result in found.items():
                if result.said:
                    continue
                got = run(tool, method, stored, out, options.limit, options.device)
                if isinstance(got, str):
                    result.said = got
                    continue
                result.seconds = min(result.seconds or np.inf, got["seconds"])
                result.megabytes = max(result.megabytes or 0.0, got["bytes"] / 2**20)
                result.error = error_of(np.load(out), ratio)
    return list(found.values())


def show(results: list[Result]) -> None:
    own = next(r for r in results if r.tool == "ballast")
    for r in results:
        place = f"{r.method:32} n={r.rows:<8} d={r.columns:<4} {r.tool:10}"
        if r.seconds is None:
            print(f"{place} {r.said}")
            continue
        beside = ""
        if r is not own and own.seconds:
            beside = f"  {r.seconds / own.seconds:8.2f} x ballast's time"
        print(f"{place} {r.seconds:9.3f} s {r.megabytes:9.1f} MB  error {r.error:.3f}{beside}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--columns", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--peers", nargs="*", choices=["floor", *PEERS], default=["floor", *PEERS])
    parser.add_argument("--limit", type=float, default=45.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    results: list[Result] = []
    for method in options.methods:
        problem, peers = METHODS[method]
        for columns in options.columns[:1] if problem == "classes" else options.columns:
            tools = ["ballast", *(peer for peer in peers if peer in options.peers)]
            for rows in options.rows:
                found = compare(method, rows, columns, tools, options)
                show(found)
                results += found
                tools = [r.tool for r in found if not r.said or r.tool == "ballast"]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    told = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count(), "device": options.device}
    options.out.write_text(json.dumps({**told, "results": [asdict(r) for r in results]}, indent=1) + "\n")
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
