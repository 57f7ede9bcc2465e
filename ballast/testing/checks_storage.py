"""Checks of where a method runs, and of what comes back from a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from unittest import SkipTest

import torch

from ballast.methods.training.part import Part
from ballast.testing.cases import Case
from ballast.testing.contracts import same
from ballast.testing.outcomes import Outcome, later, outcome, shared
from ballast.testing.registry import check
from ballast.testing.world import arguments, as_frames
from ballast.warehouse.models.store import ModelStore
from ballast.warehouse.models.trust import ENVIRONMENT


@check(lambda case: case.cls.entry_points[0] == "fit" and not _with_a_part_of_yours(case))
def check_survives_store(case: Case) -> None:
    before = shared(case, as_frames)
    with TemporaryDirectory() as folder, _trusted(case.cls):
        store = ModelStore(folder)
        restored = store.load(store.save("pipeline/step", 1, before.method))
    assert type(restored) is case.cls, f"the store gives a {type(restored).__name__} back"
    assert restored.get_params() == before.method.get_params(), "the store gives other parameters back"
    same(before, Outcome(restored, rows=later(case, restored, as_frames(arguments(case)))))


def _with_a_part_of_yours(case: Case) -> bool:
    """Says whether a learner is trained with a part that is not Ballast's: its file brings no such part along."""
    return any(isinstance(value, Part) and value.room() == "external" for value in case.parameters.values())


@contextmanager
def _trusted(cls: type) -> Iterator[None]:
    """Lets the store load a class of yours, as you would by the environment variable."""
    before = os.environ.get(ENVIRONMENT)
    os.environ[ENVIRONMENT] = ",".join(filter(None, [before, f"{cls.__module__}.{cls.__qualname__}"]))
    try:
        yield
    finally:
        del os.environ[ENVIRONMENT]
        if before is not None:
            os.environ[ENVIRONMENT] = before


@check(lambda case: "device" in case.takes)
def check_gpu_equals_cpu(case: Case) -> None:
    if not torch.cuda.is_available():
        raise SkipTest("no CUDA device")
    cpu, gpu = shared(case), outcome(case, arguments(case), case.make(device="cuda"))
    same(cpu, gpu, rtol=0.1 if "max_steps" in case.takes else 1e-3)  # a rounding grows over hundreds of steps
