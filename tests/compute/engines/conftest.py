"""A Ray cluster of two nodes on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    quick = {"health_check_period_ms": 500, "health_check_timeout_ms": 2000, "health_check_failure_threshold": 3}
    head = {"num_cpus": 1, "object_store_memory": 100_000_000, "_system_config": quick}
    made = Cluster(initialize_head=True, head_node_args=head)
    made.add_node(num_cpus=1, object_store_memory=100_000_000)
    try:
        yield made
    finally:
        made.shutdown()


@pytest.fixture(scope="session")
def two_nodes(cluster: Any) -> Iterator[Any]:
    import ray

    from ballast.compute.engines import RayEngine

    yield RayEngine(cluster.address)
    ray.shutdown()
