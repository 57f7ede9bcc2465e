"""Work on the machines of a Ray cluster."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from ballast.compute.engines.engine import Engine, EngineError, Item, Outcome, alone
from ballast.errors import MissingDependencyError

AHEAD = 2
"""Parts that are given to a worker before the first of them has been fetched."""
RETRIES = 3
"""How often Ray does a part again whose machine or process was lost."""

KNOCK = 10.0
"""Seconds within which an address takes a connection."""


class RayEngine(Engine):
    """Tasks on a Ray cluster, one a part and one core each.

    Every machine of it needs Ballast, at the version that is used here, and sees the files that are read and written
    under the same names.

    Parameters
    ----------
    address : of a cluster that exists ("ray://host:10001", "host:6379", "auto"); without one a cluster is started on
        this machine, and ends with the process.
    """

    name = "ray"

    def __init__(self, address: str | None = None) -> None:
        self.address = address
        self._ray: Any = None

    @property
    def workers(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The cores of the cluster, now."""
        return max(1, int(self._begun().cluster_resources().get("CPU", 1)))

    def each(self, work: Callable[[Item], Outcome], items: Sequence[Item]) -> Iterator[Outcome]:
        ray = self._begun()
        task = ray.remote(num_cpus=1, max_retries=RETRIES)(alone)
        shared, left = ray.put(work), iter(items)
        running = [task.remote(shared, item) for item in islice(left, AHEAD * self.workers)]
        done = 0
        try:
            while running:
                outcome = self._fetched(running.pop(0), done, len(items))
                running += [task.remote(shared, item) for item in islice(left, 1)]
                yield outcome
                done += 1
        finally:
            for unwanted in running:
                ray.cancel(unwanted, force=True)

    def _fetched(self, reference: Any, done: int, of: int) -> Any:
        ray = self._ray
        try:
            return ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            raise cause from error
        except ray.exceptions.OutOfMemoryError as error:
            raise EngineError(
                f"a worker of the Ray cluster ran out of memory after {done} of {of} parts ({_first_line(error)}); "
                "give its machines more memory, or fewer cores each (`ray start --num-cpus`). Nothing was stored"
            ) from error
        except ray.exceptions.RayError as error:
            raise EngineError(
                f"the Ray cluster lost its work after {done} of {of} parts, and {RETRIES} tries more "
                f"({type(error).__name__}: {_first_line(error)}); see `ray status`. Nothing was stored"
            ) from error

    def _begun(self) -> Any:
        if self._ray is not None and self._ray.is_initialized():
            return self._ray
        try:
            import ray
        except ImportError as error:
            raise MissingDependencyError(
                "engine: ray needs the package ray; install it with `pip install 'dagster-ballast[ray]'`"
            ) from error
        if not ray.is_initialized():
            try:
                self._knock()
                ray.init(
                    address=self.address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
                )
            except (OSError, RuntimeError, ValueError) as error:
                raise EngineError(
                    f"no Ray cluster answers at {self.address!r} ({_first_line(error)}); start one with `ray start "
                    "--head`, correct the address, or leave it out, which starts one on this machine"
                ) from error
        elif self.address and ":" in self.address and not self.address.endswith(there := _address_of(ray)):
            raise EngineError(
                f"this process works on the Ray cluster at {there} already, and not at {self.address}; use one address "
                "in a process"
            )
        self._ray = ray
        return ray

    def _knock(self) -> None:
        """Raises OSError where nobody listens at the address, which Ray takes minutes to say."""
        host, colon, port = (self.address or "").removeprefix("ray://").rpartition(":")
        if colon and port.isdigit():
            socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK).close()


def _address_of(ray: Any) -> str:
    return str(ray.get_runtime_context().gcs_address)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
