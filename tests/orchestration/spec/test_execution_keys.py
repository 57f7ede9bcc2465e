"""The keys `executor` and `retries`: every form is read, by Dagster too, and what cannot be meant is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from ballast import Pipeline
from ballast.errors import SpecError
from ballast.orchestration.projects.find import find
from ballast.orchestration.spec.execution import ExecutorSpec, RetriesSpec
from ballast.orchestration.spec.pipeline import PipelineSpec
from tests.orchestration.projects import spec

EXECUTORS = {
    "in_process": "in_process",
    "multiprocess": "multiprocess",
    "of two": {"multiprocess": {"max_concurrent": 2}},
    "nothing more": {"multiprocess": None},
}
RETRIES = {
    "number": 2,
    "template": "{{ env.TRIES }}",
    "all": {"max": 2, "delay": 10, "backoff": "exponential", "jitter": "plus_minus"},
}


@pytest.fixture(autouse=True)
def _tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIES", "2")


def written(folder: Path, **keys: Any) -> str:
    file = folder / "defs.yaml"
    file.write_text(yaml.safe_dump(spec(**keys)))
    return str(file)


@pytest.mark.parametrize("form", EXECUTORS)
def test_executor_when_named_in_any_form_then_is_read_and_by_dagster_as_by_ballast(tmp_path: Path, form: str):
    read = find(written(tmp_path, executor=EXECUTORS[form])).plan().spec.executor
    assert read == ExecutorSpec.model_validate(EXECUTORS[form])
    assert read.in_process is None or read.multiprocess is None
    assert read == Pipeline.resolve_from_yaml(Path(written(tmp_path, executor=EXECUTORS[form])).read_text()).executor


@pytest.mark.parametrize("form", RETRIES)
def test_retries_when_given_in_any_form_then_are_read_and_by_dagster_as_by_ballast(tmp_path: Path, form: str):
    file = written(tmp_path, retries=RETRIES[form], steps__density__retries=RETRIES[form])
    mine = find(file).plan().spec
    dagsters = Pipeline.resolve_from_yaml(Path(file).read_text())
    expected = RetriesSpec.model_validate(2 if form == "template" else RETRIES[form])
    for read in (mine, dagsters):
        assert (read.retries, read.steps["density"].retries, read.steps["drift"].retries) == (expected, expected, None)


def test_executor_and_retries_when_left_out_then_are_none():
    made = PipelineSpec(**spec())
    assert (made.executor, made.retries) == (None, None)


REFUSED = [
    ({"executor": "multiproces"}, "executor: it is in_process or multiprocess, did you mean 'multiprocess'?"),
    ({"executor": {"multiproces": {}}}, "executor.multiproces: unknown key, did you mean 'multiprocess'?"),
    ({"executor": {}}, "executor: exactly one of in_process and multiprocess is needed"),
    ({"executor": {"in_process": {}, "multiprocess": {}}}, "executor: exactly one of"),
    ({"executor": 2}, "executor: exactly one of"),
    ({"executor": {"in_process": {"max_concurrent": 2}}}, "executor.in_process.max_concurrent: unknown key"),
    ({"executor": {"multiprocess": {"max": 2}}}, "executor.multiprocess.max: unknown key"),
    ({"executor": {"multiprocess": {"max_concurrent": 0}}}, "max_concurrent: a whole number from 1 to 1000"),
    ({"executor": {"multiprocess": {"max_concurrent": True}}}, "max_concurrent: a whole number is needed"),
    ({"retries": -1}, "retries.max: a whole number from 0 to 100"),
    ({"retries": True}, "retries.max: a whole number is needed"),
    ({"retries": 1.5}, "retries.max: "),
    ({"retries": {}}, "retries.max: this key is missing"),
    ({"retries": {"max": 1, "backof": "linear", "delay": 1}}, "retries.backof: unknown key, did you mean 'backoff'?"),
    ({"retries": {"max": 1, "backoff": "cubic", "delay": 1}}, "retries.backoff: input should be 'linear' or"),
    ({"retries": {"max": 1, "backoff": "linear"}}, "retries: delay: linear changes the delay, and there is none"),
    ({"retries": {"max": 1, "jitter": "full"}}, "retries: delay: full changes the delay, and there is none"),
    ({"retries": {"max": 1, "delay": -1}}, "retries: delay: seconds from 0 on"),
    ({"retries": {"max": 1, "delay": math.nan}}, "retries: delay: seconds from 0 on"),
    ({"retries": {"max": 1, "delay": True}}, "retries.delay: a number of seconds is needed"),
    ({"retries": {"max": 60, "delay": 10, "backoff": "exponential"}}, "the longest wait at most 31622400 (a year)"),
    ({"steps__density__retries": 101}, "steps.density.retries.max: a whole number from 0 to 100"),
    ({"steps__density__retries": {"max": 1, "dely": 1}}, "steps.density.retries.dely: unknown key"),
]


@pytest.mark.parametrize(("keys", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_executor_and_retries_when_they_cannot_be_meant_then_are_refused_with_their_line(tmp_path: Path, keys, said):
    file = written(tmp_path, **keys)
    with pytest.raises(SpecError) as refused:
        find(file).plan()
    assert said in str(refused.value)
    (key,) = keys
    line = next(
        n for n, text in enumerate(Path(file).read_text().splitlines(), 1) if key.rpartition("_")[2] + ":" in text
    )
    assert int(str(refused.value).split("defs.yaml:")[1].partition(":")[0]) >= line
