"""Whatever value stands at a key, it is refused at that key, or means what it says."""

from __future__ import annotations

import copy
import os
import re
import time
import typing
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import ResolutionContext
from pydantic import BaseModel

from ballast.errors import DataError
from ballast.methods.frame.catalogue import methods
from ballast.methods.frame.parameters import defaults
from ballast.orchestration.compile.compiler import compile_plan
from ballast.orchestration.read.sources import read_table
from ballast.orchestration.spec.data import DataSpec
from ballast.orchestration.spec.pipeline import PipelineSpec
from tests.orchestration.projects import spec
from tests.orchestration.spec.hostile import SOON, check_message, declare, document, planned, refusal, told

FOREIGN: dict[str, Any] = {
    "text": "foreign",
    "number": 7,
    "negative": -1,
    "fraction": 0.5,
    "infinity": float("inf"),
    "NaN": float("nan"),
    "truth": True,
    "nothing": None,
    "list": ["a", 1],
    "nested list": [[[["a"]]]],
    "mapping": {"a": 1},
    "nested mapping": {"a": {"b": {"c": []}}},
    "empty text": "",
    "empty list": [],
    "empty mapping": {},
    "large number": 10**90,
    "long text": "x" * 100_000,
    "control characters": "a\x1b[2Jb\x7f",
    "lines": "a\nb",
    "direction marks": "a\u202eb",
    "markup": "[red]a[/]",
    "quotes": "a'\"; DROP TABLE x; --",
    "folders above": "../../etc/passwd",
}
"""A value of every type that YAML has, and texts that somebody might not expect."""


def keys(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Gives the way to every key of a spec, through the models of its values."""
    for name, field in model.model_fields.items():
        yield (*path, name)
        for nested in models_in(field.annotation):
            inner = (*path, name)
            if typing.get_origin(field.annotation) is dict:
                inner = (*inner, {"data": "train", "steps": "density"}[name])
            yield from keys(nested, inner)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in models_in(part)]


WHOLE = spec(
    partitions={"column": "colour", "static": ["red"]},
    schedule={"cron": "0 6 * * 1"},
    sensor={"every": 60},
    features={"use": "sklearn.preprocessing.StandardScaler"},
)


def with_value(way: tuple[str, ...], value: Any) -> dict[str, Any]:
    made = copy.deepcopy(WHOLE)
    place = made
    for key in way[:-1]:
        place = place.setdefault(key, {})
    place[way[-1]] = value
    return made


@pytest.mark.parametrize("way", list(keys(PipelineSpec)), ids=".".join)
def test_value_of_a_foreign_type_at_any_key_is_refused_or_means_what_it_says(root: Path, way: tuple[str, ...]):
    file = declare(root, "")
    accepted = []
    for name, value in FOREIGN.items():
        file.write_text(
            yaml.safe_dump({"type": "ballast.Pipeline", "attributes": with_value(way, value)}), encoding="utf-8"
        )
        start = time.process_time()
        message = told(lambda: planned(file))
        if message is None:
            accepted.append(name)
        else:
            assert way[0] in message, message
            check_message(message)
        assert time.process_time() - start < SOON
    assert len(accepted) < len(FOREIGN), accepted
    assert not {"nested list", "nested mapping"} & set(accepted) or way[-1] in ("params", "op_tags")


def test_keys_of_the_whole_schema_are_tried():
    ways = {".".join(way) for way in keys(PipelineSpec)}
    assert {"data.train.id", "steps.density.params", "features.text", "partitions.static", "sensor.every"} <= ways
    assert len(ways) >= 50


COLUMNS = {
    f"data__{role}__{term}": term
    for role in ("train", "target", "test")
    for term in ("groups", "time", "dependence", "weight", "treatment", "outcome", "observed")
} | {"data__target__label": "kind", "data__target__drop": None}
"""Every column that a method may ask for, so that it is the parameter that is judged."""


@pytest.mark.parametrize("use", sorted(methods()))
def test_parameter_of_a_foreign_type_is_refused_or_means_what_it_says(use: str):
    for parameter in defaults(methods()[use]):
        for value in FOREIGN.values():
            attributes = spec(steps={"step": {"use": use, "params": {parameter: value}}}, **COLUMNS)
            declared = partial(PipelineSpec.declared, attributes, ResolutionContext.default(), "defs.yaml")
            message = told(lambda declared=declared: compile_plan(declared(), where="defs.yaml"))
            if message is not None:
                assert message.startswith("defs.yaml: steps.step")
                check_message(message)


def test_text_in_quotes_stays_text_and_dates_are_text(root: Path):
    text = document(partitions={"column": "2024", "static": ["2023", "2024", "[1]"]}, description="None")
    found = planned(declare(root, text.replace("name: demo", "name: demo\n  tags: {since: 2024-01-01}"))).spec
    assert found.partitions is not None
    assert (found.partitions.column, found.partitions.static) == ("2024", ["2023", "2024", "[1]"])
    assert (found.description, found.tags) == ("None", {"since": "2024-01-01"})


VALUES = {
    "no schedule": ({"schedule": {"cron": "every day"}}, "schedule.cron: "),
    "no time zone": ({"schedule": {"cron": "@daily", "timezone": "../../etc/passwd"}}, "schedule.timezone: "),
    "no day": ({"partitions": {"column": "day", "time": "daily", "start": "2024-13-01"}}, "partitions.start: "),
    "too many hours": ({"partitions": {"column": "day", "time": "hourly", "start": "0001-01-01"}}, "partitions.start"),
    "same key twice": ({"partitions": {"column": "day", "static": ["a", "a"]}}, "partitions.static: "),
    "no owner": ({"owners": ["somebody"]}, "owners: "),
    "no tag": ({"tags": {"a b": "c"}}, "tags: "),
    "negative seed": ({"seed": -1}, "seed: a whole number from 0"),
    "truth for a number": ({"seed": True}, "seed: a whole number is needed"),
    "name with a line's end": ({"name": "demo\n"}, "name: 'demo\\n' is not a valid name"),
    "step's name with a line's end": ({"steps__a\n": {"use": "mahalanobis"}}, "is not a valid name"),
    "name of the warehouse": ({"name": "Temp"}, "name: 'Temp' is taken by the warehouse"),
    "no transformer": ({"features": {"use": "sklearn.preprocessing.Scaler"}}, "features.use: "),
    "no parameter": (
        {"features": {"use": "sklearn.preprocessing.StandardScaler", "params": {"mean": 1}}},
        "features.params: ",
    ),
    "no transformer but a weigher": ({"features": {"use": "kliep"}}, "features.use: 'kliep' is not a transformer"),
    "a transformer as a step": (
        {"steps__density": {"use": "frequency_whitening"}},
        "steps.density.use: frequency_whitening makes features, which is not a step; name it under `features: use:`",
    ),
    "weights of no transformer": ({"features": {"weights": "often"}}, "features.weights: weights are for"),
    "weights that none takes": (
        {"features": {"use": "sklearn.decomposition.PCA", "weights": "often"}},
        "features.weights: sklearn.decomposition.PCA takes no weights",
    ),
    "a program": ({"steps__density__use": "unittest.__main__.TestProgram"}, "steps.density.use: "),
    "a program within": (
        {"steps__baseline__params": {"base": [{"use": "unittest.__main__.TestProgram"}]}},
        "steps.baseline.params.base[0].use: ",
    ),
    "import that ends": ({"steps__density__use": "ends_at_once.Model"}, "steps.density.use: cannot import"),
    "no name of a method": ({"steps__baseline__params": {"base": {"use": 3}}}, "steps.baseline.params.base.use: "),
    "no parameters within": (
        {"steps__baseline__params": {"base": {"use": "kliep", "params": 3}}},
        "steps.baseline.params.base: a method is",
    ),
    "too many steps": (
        {f"steps__s{i}": {"use": "logistic_regression"} for i in range(5_000)},
        "steps: 5005 steps are more than 500",
    ),
    "too many expectations": ({"gates__train": ["expect_mean_weight"] * 5_000}, "gates.train: more than 500"),
}


@pytest.mark.parametrize(("changes", "said"), VALUES.values(), ids=VALUES)
def test_value_that_nothing_can_be_made_of_is_refused_at_its_key(root: Path, monkeypatch, changes, said: str):
    (root / "ends_at_once.py").write_text("raise SystemExit(0)")
    monkeypatch.syspath_prepend(root)
    message = refusal(declare(root, yaml.dump(yaml.safe_load(document(**changes)), Dumper=yaml.CSafeDumper)))
    assert said in message
    assert re.search(r"defs\.yaml:\d+: ", message), "the line is missing"


@pytest.mark.parametrize(
    "path", ["a\0.csv", "x" * 5000 + ".csv", "~nobody_of_that_name/a.csv", "../" * 9000, "[.csv", "**.csv"]
)
def test_path_that_is_none_is_refused_when_it_is_read(root: Path, path: str):
    with pytest.raises(DataError, match=r"^defs.yaml: data.train.path: "):
        read_table(DataSpec(id="key", path=path), where="defs.yaml: data.train", folder=root)
    with pytest.raises(DataError, match=r"^defs.yaml: data.train.query: "):
        read_table(DataSpec(id="key", query="SELECT 1", database=path), where="defs.yaml: data.train", folder=root)


def test_path_of_a_pipe_is_refused_and_not_waited_for(root: Path):
    os.mkfifo(root / "train.csv")
    with pytest.raises(DataError, match=r"data.train.path: 'train.csv' is a pipe or a device"):
        read_table(DataSpec(id="key", path="train.csv"), where="defs.yaml: data.train", folder=root)
