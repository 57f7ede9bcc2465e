"""Work in processes of this machine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ballast.compute.engines.engine import Engine, EngineError, Item, Outcome, alone
from ballast.compute.memory import default_budget, in_words

logger = logging.getLogger("ballast.engine")

WORKER_BYTES = 512 * 2**20
"""What a worker takes for its libraries, a batch, and what becomes of it (measured: 300 to 450 MiB)."""
TRIES = 3
"""How often a pool is made anew after one of its processes was lost."""


class LocalEngine(Engine):
    """Processes of this machine, one thread each; a single one is the process itself.

    Parameters
    ----------
    workers : processes; default one a core that this process may use, but no more than the memory has room for.
    memory : bytes for all of them together; default half of what this process may use.
    """

    name = "local"

    def __init__(self, workers: int | None = None, memory: int | None = None) -> None:
        from joblib import cpu_count

        self.memory = default_budget() if memory is None else memory
        self.workers = workers or max(1, min(cpu_count(), self.memory // WORKER_BYTES - 1))
        self._has_pool = False

    def each(self, work: Callable[[Item], Outcome], items: Sequence[Item]) -> Iterator[Outcome]:
        if self.workers == 1 or len(items) < 2:
            for item in items:
                yield alone(work, item)
            return
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        done = 0
        for attempt in range(1, TRIES + 1):
            try:
                for outcome in self._pooled(work, items[done:]):
                    yield outcome
                    done += 1
            except TerminatedWorkerError as error:
                if attempt == TRIES:
                    raise EngineError(
                        f"a worker process was ended from outside {TRIES} times, the last time after {done} of "
                        f"{len(items)} parts: as a rule there was not enough memory for {self.workers} workers beside "
                        f"what else runs (budget {in_words(self.memory)}); give fewer bytes with `--memory`, which "
                        "starts fewer workers. Nothing was stored"
                    ) from error
                logger.warning("a worker process was lost after %d of %d parts; going on from there", done, len(items))
            else:
                return

    def _pooled(self, work: Callable[[Item], Outcome], items: Sequence[Item]) -> Iterator[Outcome]:
        from joblib import Parallel, delayed, parallel_config

        self._has_pool = True
        with parallel_config("loky", inner_max_num_threads=1):
            settings: Any = {"return_as": "generator", "batch_size": 1, "pre_dispatch": "2*n_jobs"}
            pool: Any = Parallel(self.workers, **settings)
            yield from pool(delayed(alone)(work, item) for item in items)

    def close(self) -> None:
        if self._has_pool:
            self._has_pool = False
            from joblib.externals.loky import get_reusable_executor

            get_reusable_executor(max_workers=self.workers).shutdown(wait=True)
