"""What a Ray cluster may do: lose a machine, have no memory left, or not be there."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ballast.compute.engines import EngineError, LocalEngine, RayEngine
from ballast.compute.progress import listening
from ballast.compute.rows import Rows
from tests.compute.engines.test_engines import Sums

pytest.importorskip("ray")


class Slow(Sums):
    def add(self, batch: pa.RecordBatch) -> None:
        time.sleep(0.1)
        super().add(batch)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    file = tmp_path_factory.mktemp("rows") / "rows.parquet"
    n = 131_072 * 12
    pq.write_table(
        pa.table({"id": np.arange(n), "x": np.random.default_rng(0).normal(size=n)}), file, row_group_size=131_072
    )
    return Rows.of_files([file])


def test_node_when_removed_in_the_middle_then_the_result_is_the_same(cluster: Any, two_nodes: Any, rows: Rows) -> None:
    node = cluster.add_node(num_cpus=2, object_store_memory=100_000_000)
    assert two_nodes.workers == 4
    begun, removed = threading.Event(), threading.Event()

    def remove() -> None:
        begun.wait()
        cluster.remove_node(node, allow_graceful=False)
        removed.set()

    def hear(_: str, done: int, of: int) -> None:
        if done >= of / 6:
            begun.set()

    thread = threading.Thread(target=remove)
    thread.start()
    with listening(hear):
        folded = two_nodes.fold(rows, Slow())
    thread.join()
    assert removed.is_set()
    assert folded.total.hex() == LocalEngine(1).fold(rows, Sums()).total.hex()


def test_another_address_when_the_process_has_a_cluster_then_it_is_refused(two_nodes: Any, rows: Rows) -> None:
    assert two_nodes.workers  # has begun
    with pytest.raises(EngineError, match=r"not at 127\.0\.0\.1:1; use one address"):
        RayEngine("127.0.0.1:1").fold(rows, Sums())


def run(code: str, tmp_path: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return next((line for line in lines if line.startswith("EngineError")), lines[-1])  # Ray writes beside it


def test_address_when_nobody_answers_then_the_error_says_what_to_do(tmp_path: Path) -> None:
    said = run("from ballast.compute.engines import RayEngine\nRayEngine('127.0.0.1:1').workers", tmp_path)
    assert "no Ray cluster answers at '127.0.0.1:1'" in said
    assert "`ray start --head`" in said


def test_ray_when_it_is_not_installed_then_the_error_names_the_extra(tmp_path: Path) -> None:
    code = "import sys; sys.modules['ray'] = None\nfrom ballast.compute.engines import RayEngine\nRayEngine().workers"
    assert "pip install 'dagster-ballast[ray]'" in run(code, tmp_path)


@pytest.mark.full
def test_worker_when_out_of_memory_then_the_error_says_what_to_do(tmp_path: Path) -> None:
    code = """
import pyarrow as pa
from ray.cluster_utils import Cluster
from ballast.compute.engines import RayEngine
from ballast.compute.rows import Rows
from tests.compute.engines.test_cluster import Slow
least = {"memory_usage_threshold": 0.001, "memory_monitor_refresh_ms": 50, "task_oom_retries": 1}
made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "_system_config": least})
try:
    RayEngine(made.address).fold(Rows.of_table(pa.table({"id": range(300_000), "x": [0.5] * 300_000})), Slow())
except Exception as error:
    said = f"{type(error).__name__}: {error}"
import ray
ray.shutdown()
made.shutdown()
print(said)
"""
    said = run(f"import sys; sys.path.insert(0, {str(Path(__file__).parents[3])!r})\n{code}", tmp_path)
    assert said.startswith("EngineError: a worker of the Ray cluster ran out of memory after 0 of 3 parts")
    assert "fewer cores each" in said
