"""How much longer a run takes that is launched from Dagster's UI than the same run by `ballast run`.

Each round runs the bundled digits pipeline with the command, and then launches its job in a real `dagster dev` as the
UI's button does (GraphQL, to the queue, to the daemon, to a process of its own); each into an empty home of its own.

    ratio = seconds from the launch to the end of the run / seconds of the command, from its start to its exit

in wall time. Both import all that they need. What the launched run waits for, loads, does and leaves is told apart.

    python benchmarks/ui_runs.py [--rounds 3] [--pipeline digits]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

os.environ["OMP_NUM_THREADS"] = "1"  # as on a machine that has other work too
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ballast.orchestration.projects.instance import instance  # noqa: E402

TARGET = 1.5
PATIENCE = 900.0  # seconds, for a server or a run on a loaded machine
LAUNCH = """
mutation($what: ExecutionParams!) { launchRun(executionParams: $what) {
  __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } }
} }
"""
ENDED = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status creationTime startTime endTime } } }"
STEPS = """
query($run: ID!) { logsForRun(runId: $run, limit: 10000) { ... on EventConnection { events {
  __typename
  ... on MessageEvent { timestamp }
} } } }
"""
UP = "{repositoriesOrError{... on RepositoryConnection{nodes{name}}}}"


def command(pipeline: str, home: Path) -> float:
    """Gives the wall seconds of `ballast run`."""
    began = time.perf_counter()
    subprocess.run(
        [Path(sys.executable).with_name("ballast"), "run", pipeline],
        cwd=ROOT, env=_environment(home), stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    return time.perf_counter() - began


def launched(pipeline: str, home: Path) -> dict[str, float]:
    """Launches the pipeline's job in a `dagster dev` of its own, and gives its wall seconds, whole and by part."""
    with _server(home) as port:
        what = {
            "selector": {
                "repositoryName": "__repository__", "repositoryLocationName": "ballast", "pipelineName": pipeline
            },
            "runConfigData": {}, "mode": "default",
        }  # fmt: skip
        before = time.time()
        answer = _ask(port, LAUNCH, what=what)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        run_id = answer["run"]["runId"]
        found: dict[str, Any] = {}
        _wait_for("the end of the run", lambda: found.update(_ask(port, ENDED, run=run_id)["runOrError"]) or (
            found["status"] in ("SUCCESS", "FAILURE", "CANCELED")
        ))  # fmt: skip
        assert found["status"] == "SUCCESS", found
        events = _ask(port, STEPS, run=run_id)["logsForRun"]["events"]
    at = {name: [float(e["timestamp"]) / 1e3 for e in events if e["__typename"] == name] for name in _MOMENTS}
    began, first, last = (pick(at[name]) for name, pick in _MOMENTS.items())
    return {
        "whole": found["endTime"] - before,
        "in the queue": began - before,
        "its process starts": first - began,
        "its steps": last - first,
        "its end": found["endTime"] - last,
    }


_MOMENTS = {"RunStartingEvent": min, "ExecutionStepStartEvent": min, "ExecutionStepSuccessEvent": max}
"""The events that divide a run, and which of several counts."""


@contextmanager
def _server(home: Path) -> Iterator[int]:
    """Runs `dagster dev` on the project's own kind of instance, on this machine alone, and gives its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ.pop("DAGSTER_HOME", None)
    os.environ["BALLAST_HOME"] = str(home)
    instance().dispose()  # makes the folder with its settings
    with (home / "server.log").open("w+") as log:
        server = subprocess.Popen(
            [Path(sys.executable).with_name("dagster"), "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p",
             str(port)],
            cwd=ROOT, env=_environment(home) | {"DAGSTER_HOME": str(home / "dagster")}, stdout=log,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            _wait_for("the server", lambda: server.poll() is not None or _is_up(port))
            if server.poll() is not None:
                raise RuntimeError(f"the server ended: {(home / 'server.log').read_text()[-2000:]}")
            yield port
        finally:
            server.send_signal(signal.SIGINT)  # as Ctrl-C does; then whatever is left of it
            with suppress(subprocess.TimeoutExpired):
                server.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _environment(home: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "BALLAST_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }


def _is_up(port: int) -> bool:
    try:
        return bool(_ask(port, UP)["repositoriesOrError"].get("nodes"))
    except (URLError, ConnectionError):
        return False


def _ask(port: int, query: str, **variables: Any) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = Request(f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=PATIENCE) as response:
        answer = json.load(response)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


def _wait_for(what: str, happened: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pipeline", default="digits")
    options = parser.parse_args()
    commands, launches = [], []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            commands.append(command(options.pipeline, Path(one)))
            launches.append(launched(options.pipeline, Path(other)))
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in launches[-1].items())
        print(f"  round {number + 1}: ballast run {commands[-1]:.1f} s; launched {parts}", flush=True)
    ratios = [there["whole"] / here for here, there in zip(commands, launches, strict=True)]
    ratio = statistics.median(ratios)
    print(f"{options.pipeline}: a launched run takes {ratio:.2f} times `ballast run`, {options.rounds} rounds")
    print(f"  target {TARGET}: {'met' if ratio <= TARGET else 'missed'}")
    path = ROOT / "benchmarks" / "results" / "ui_runs.json"
    path.parent.mkdir(exist_ok=True)
    told = {"pipeline": options.pipeline, "command_s": commands, "launched_s": launches, "ratio": ratio}
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
