"""Whatever a pipeline's YAML holds, it is refused with file, key or line and remedy: soon, and with nothing run."""

from __future__ import annotations

import copy
import faulthandler
import os
import re
import shutil
import subprocess
import sys
import time
import typing
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import ResolutionContext
from pydantic import BaseModel

from ballast.cli.init import make_project
from ballast.errors import DataError, SpecError
from ballast.methods.frame.catalogue import methods
from ballast.methods.frame.parameters import defaults
from ballast.orchestration.compile.compiler import compile_plan
from ballast.orchestration.graph.component import Pipeline
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.projects.find import every, find
from ballast.orchestration.read.sources import read_table
from ballast.orchestration.spec.pipeline import DataSpec, PipelineSpec
from tests.orchestration.projects import spec

SOON = 5.0
"""Seconds of the processor that a refusal may take; it takes some tenths of one."""
HANGS = 300
"""Seconds after which a test that hangs ends the process."""
LONGEST_MESSAGE = 700  # a temporary folder's path, and what is said


@pytest.fixture(autouse=True)
def _no_hanging() -> Iterator[None]:
    methods()  # its imports are no part of what is measured
    faulthandler.dump_traceback_later(HANGS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").touch()
    return tmp_path


def declare(root: Path, text: str | bytes, name: str = "demo") -> Path:
    file = root / "pipelines" / name / "defs.yaml"
    file.parent.mkdir(parents=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def document(**changes: Any) -> str:
    return yaml.safe_dump({"type": "ballast.Pipeline", "attributes": spec(**changes)}, sort_keys=False)


def planned(file: Path) -> Plan:
    return find(str(file)).plan()


def refusal(file: Path) -> str:
    """Gives the message with which a file is refused, within SOON, on one line and short."""
    start = time.process_time()
    with pytest.raises(SpecError) as raised:
        planned(file)
    assert time.process_time() - start < SOON
    message = str(raised.value)
    assert "defs.yaml" in message
    assert len(message) < LONGEST_MESSAGE
    assert message.isprintable()
    return message


def told(plan: Callable[[], object]) -> str | None:
    """Gives the message with which a plan is refused, None where it is not."""
    try:
        plan()
    except SpecError as error:
        return str(error)
    return None


def bomb(opened: str, closed: str, first: str, times: int, levels: int) -> str:
    """Gives levels of which each stands for `times` aliases of the one before."""
    lines = [f"a0: &a0 {first}"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} {opened}{', '.join([f'*a{level - 1}'] * times)}{closed}")
    return "\n".join(lines)


TEXTS = {
    "lists of lists": (bomb("[", "]", "[x, x]", 10, 12), "line 6: the file holds more than 50000 keys and values"),
    "mappings of merges": (bomb("{<<: [", "]}", "{x: 1}", 2, 40), "more than 50000 keys and values"),
    "one long list many times": (
        f"a: &a [{'x, ' * 20_000}]\nb: [{'*a, ' * 20_000}]",
        "line 2: the file holds more than 50000 keys and values",
    ),
    "aliases as keys": ("a: &a [x]\n? *a\n: 1", "a key is a list or a mapping"),
    "alias in its own anchor": ("a: &a {b: [*a]}", "'*a' stands within its own anchor"),
    "alias of nothing": ("a: *b", "line 1: found undefined alias"),
    "many values": ("- a\n" * 250_000, "line 49999: the file holds more than 50000"),
    "many documents": ("---\n" * 250_000, "the file holds more than 50000"),
    "deep lists": ("a: " + "[" * 10_000, "line 1: lists and mappings are nested more than 50 levels deep"),
    "deep mappings": ("a: " + "{a: " * 10_000, "nested more than 50 levels deep"),
    "deep blocks": ("\n".join(" " * level + "a:" for level in range(1_000)), "line 51: lists and mappings are nested"),
    "deep dashes": ("- " * 10_000 + "a", "nested more than 50 levels deep"),
    "deep questions": ("? " * 10_000, "nested more than 50 levels deep"),
    "tag of a call": (
        "a: !!python/object/apply:os.system ['touch canary']",
        "the tag '!!python/object/apply:os.system'",
    ),
    "tag of an object": ("a: !!python/object/new:os._exit [1]", "line 1: the tag '!!python/object/new:os._exit'"),
    "tag of a name": ("!!python/name:os.system a: b", "the tag '!!python/name:os.system'"),
    "binary": ("a: !!binary aGVsbG8=", "the tag '!!binary'"),
    "set": ("a: !!set {b, c}", "the tag '!!set'"),
    "unknown tag": ("a:\n  b: !foo bar", "line 2: the tag '!foo' is not allowed"),
    "key twice": ("a:\n  b: 1\n  c: 2\n  b: 3", "line 4: a.b: this key occurs twice, in lines 2 and 4; remove one"),
    "key twice in two spellings": ("a: {b: 1, 'b': 2}", "a.b: this key occurs twice, in lines 1 and 1"),
    "keys that are equal": ("a: {1: 1, 0x1: 2}", "this key occurs twice"),
    "merge twice": ("a: &a {x: 1}\nb: {<<: *a, <<: *a}", "b.<<: this key occurs twice"),
    "null as a key": ("a:\n  null: 1", "line 2: a: a key is null; put it in quotes"),
    "no key": ("{? : 1}", "a key is null"),
    "list as a key": ("[a]: 1", "a key is a list or a mapping"),
    "number of many digits": ("a:\n  b: " + "9" * 5_001, "line 2: a.b: a number of 5001 characters, more than 100"),
    "number of many digits as a key": ("9" * 501 + ": 1", "a number of 501 characters"),
    "half a number": ("a: 0x_", "a: '0x_' is not a value that YAML knows; put it in quotes"),
    "equals sign": ("a: =", "'=' is not a value that YAML knows"),
    "merge of a text": ("a: {<<: b}", "expected a mapping or list of mappings for merging"),
    "control character": ("a: 1\nb: \x07", "line 2: the character U+0007 is not allowed"),
    "escape of half a character": ('a: "\\ud800"', "line 1: "),
    "bracket not closed": ("a: [1, 2", "did not find expected ',' or ']', while parsing a flow sequence"),
    "quote not closed": ("a: 'x", "line 1: "),
    "tab": ("a:\n\tb: 1", "line 2: found character that cannot start any token"),
    "terminal's commands in a key": ('"\\e[2J": 1\n"\\e[2J": 2', "\\x1b[2J: this key occurs twice"),
}


@pytest.mark.parametrize(("text", "said"), TEXTS.values(), ids=TEXTS)
def test_yaml_that_cannot_be_meant_is_refused_with_its_line(root: Path, monkeypatch, text: str, said: str):
    monkeypatch.chdir(root)
    message = refusal(declare(root, text))
    assert said in message
    assert message.startswith("pipelines/demo/defs.yaml: ")
    assert not list(root.rglob("canary"))


def test_anchors_merges_and_several_documents_in_moderation_are_read(root: Path):
    text = document(steps__drift=None)
    text = text.replace(
        "    density:", "    scored: &scored {use: mahalanobis}\n    again: {<<: *scored, on: test}\n    density:"
    )
    file = declare(root, f"type: somebody.Else\nattributes: {{x: y}}\n---\n{text}---\n# nothing\n")
    steps = planned(file).spec.steps
    assert (steps["again"].use, steps["again"].on) == ("mahalanobis", "test")


# -- files ---------------------------------------------------------------------------------------------------


def sparse(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(1 << 40)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "10 MB": (lambda file: file.write_text(document() + "# x" * 3_500_000), "is larger than 1 MiB"),
    "a tebibyte": (sparse, "is larger than 1 MiB"),
    "endless": (lambda file: file.symlink_to("/dev/zero"), "a pipe or a device"),
    "a pipe": (os.mkfifo, "a pipe or a device"),
    "a folder": (Path.mkdir, "must hold one pipeline"),
    "a link to nowhere": (lambda file: file.symlink_to("nowhere"), "No such file"),
    "not to be read": (lambda file: file.symlink_to("/proc/self/mem"), "cannot be read: "),
    "a link to itself": (lambda file: file.symlink_to(file), "symbolic links"),
    "UTF-16": (lambda file: file.write_text(document(), encoding="utf-16"), "line 1: is not UTF-8 text"),
    "Latin-1": (lambda file: file.write_bytes(b"a: 1\nb: \xfcber"), "line 2: is not UTF-8 text (byte 0xfc)"),
    "empty": (Path.touch, "one pipeline is needed, the file has 0"),
    "nothing but comments": (lambda file: file.write_text("# nothing\n"), "one pipeline is needed, the file has 0"),
    "a text": (lambda file: file.write_text("pipeline"), "one pipeline is needed, the file has 0"),
    "two pipelines": (lambda file: file.write_text(f"{document()}---\n{document()}"), "the file has 2"),
}


@pytest.mark.parametrize(("make", "said"), FILES.values(), ids=FILES)
def test_file_that_cannot_be_read_is_refused(root: Path, make: Callable[[Path], object], said: str):
    file = root / "pipelines" / "demo" / "defs.yaml"
    file.parent.mkdir(parents=True)
    make(file)
    assert said in refusal(file)


def test_bounds_hold_without_the_quick_parser_too():
    said = {name: TEXTS[name][1] for name in ("lists of lists", "mappings of merges", "deep lists", "key twice")}
    program = f"""
import yaml
del yaml.CSafeLoader
from ballast.errors import SpecError
from ballast.orchestration.spec.yaml_files import documents
for text, said in {[TEXTS[name] for name in said]!r}:
    try:
        documents(text, "defs.yaml")
    except SpecError as error:
        assert said in str(error), error
    else:
        raise AssertionError(said)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=HANGS - 60)


def test_file_with_a_byte_order_mark_is_read(root: Path):
    assert planned(declare(root, b"\xef\xbb\xbf" + document().encode())).spec.name == "demo"


def test_folders_linked_in_a_ring_are_walked_once(root: Path):
    declare(root, document())
    (root / "pipelines" / "demo" / "again").symlink_to(root / "pipelines")
    assert [declared.name for declared in every(root)] == ["demo"]


def test_name_of_two_pipelines_is_refused_naming_both_files(root: Path):
    declare(root, document())
    declare(root, document(), "other")
    with pytest.raises(SpecError, match=r"2 pipelines are named 'demo': .*/demo/defs.yaml, .*/other/defs.yaml"):
        find("demo", root)


def test_broken_pipeline_is_told_of_and_does_not_stand_in_the_way_of_others(root: Path, monkeypatch):
    monkeypatch.chdir(root)
    declare(root, document())
    declare(root, "steps: [", "broken")
    declare(root, "somebody: [", "elsewhere")  # of another component, which is none of our business
    os.mkfifo(root / "pipelines" / "pipe")
    assert find("demo").plan().spec.name == "demo"
    assert [declared.name for declared in every(root)] == ["broken", "demo"]
    with pytest.raises(SpecError, match=r"pipelines/broken/defs.yaml: .*line 2"):
        find("broken").plan()
    with pytest.raises(SpecError, match=r"no pipeline 'brokn'.*not readable.*pipelines/broken/defs.yaml"):
        find("brokn")


@pytest.mark.parametrize(
    "name", ["x" * 5000, "\0", "../../etc", "-rf", "", " ", "dem\no", "\x1b[2J", "demo; rm -rf", "[red]", "defs.yaml"]
)
def test_name_that_no_pipeline_has_is_refused(root: Path, monkeypatch, name: str):
    monkeypatch.chdir(root)
    with pytest.raises(SpecError) as raised:
        find(name).plan()
    assert len(str(raised.value)) < LONGEST_MESSAGE
    assert str(raised.value).isprintable()


# -- templates -----------------------------------------------------------------------------------------------

TEMPLATES = {
    "a call": "{{ cycler.__init__.__globals__.os.system('touch canary') }}",
    "an attribute": "{{ ''.__class__.__mro__ }}",
    "a long text": "{{ 'a' * 10**9 }}",
    "a long list": "{{ range(10**9) | list }}",
    "a loop": "{% for i in range(10**9) %}x{% endfor %}",
    "a statement": "{% set x = 1 %}",
    "a comment": "{# x #}",
    "after a good one": "{{ env.HOME }}{{ 1 + 1 }}",
    "a call of env": "{{ env.__class__ }}",
    "a default that calls": "{{ env('X', open('canary', 'w')) }}",
    "a filter": "{{ env.HOME | length }}",
    "an unknown variable": "{{ secret }}",
    "no end": "{{ env.HOME",
}


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_template_that_is_more_than_a_variable_is_refused_and_not_evaluated(root: Path, monkeypatch, template: str):
    monkeypatch.chdir(root)
    for changes in ({"description": template}, {"steps__density__params": {"n_folds": [template]}}):
        declared = root / "pipelines"
        if declared.exists():
            shutil.rmtree(declared)
        message = refusal(declare(root, document(**changes)))
        assert next(iter(changes)).split("__")[0] in message
    assert not (root / "canary").exists()


def test_templates_of_the_environment_are_filled_in(root: Path, monkeypatch):
    monkeypatch.setenv("SHIFT_SEED", "7")
    monkeypatch.delenv("SHIFT_NOTHING", raising=False)
    file = declare(
        root,
        document(
            seed="{{ env.SHIFT_SEED }}",
            description="of {{ env('SHIFT_SEED') }} and {{ env('SHIFT_NOTHING', 'none') }}",
            data__train__path="{{ context.project_root }}/train.csv",
        ),
    )
    found = planned(file).spec
    assert (found.seed, found.description) == (7, "of 7 and none")
    assert found.data["train"].path == f"{root}/train.csv"


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_template_in_a_file_that_dagster_reads_is_refused_and_not_evaluated(root: Path, monkeypatch, template: str):
    monkeypatch.chdir(root)
    for changes in ({"description": template}, {"steps__density__params": {"n_folds": [template]}}):
        with pytest.raises(SpecError, match="template"):
            Pipeline.resolve_from_yaml(yaml.safe_dump(spec(**changes)))
    assert not (root / "canary").exists()


def test_template_whose_variable_is_not_set_is_refused_where_text_is_around_it(root: Path, monkeypatch):
    monkeypatch.delenv("SHIFT_NOTHING", raising=False)
    for template in ("{{ env.SHIFT_NOTHING }}/train.csv", "{{ env('SHIFT_NOTHING') }}"):
        declared = yaml.safe_dump(spec(data__train__path=template))
        with pytest.raises(SpecError, match=r"data\.train\.path: .*SHIFT_NOTHING.* has no value"):
            Pipeline.resolve_from_yaml(declared)


# -- values --------------------------------------------------------------------------------------------------

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
            assert len(message) < LONGEST_MESSAGE, message
            assert message.isprintable(), message
        assert time.process_time() - start < SOON
    assert len(accepted) < len(FOREIGN), accepted
    assert not {"nested list", "nested mapping"} & set(accepted) or way[-1] == "params"


def test_keys_of_the_whole_schema_are_tried():
    ways = {".".join(way) for way in keys(PipelineSpec)}
    assert {"data.train.id", "steps.density.params", "features.text", "partitions.static", "sensor.every"} <= ways
    assert len(ways) >= 50


COLUMNS = {
    f"data__{role}__{term}": term
    for role in ("train", "target", "test")
    for term in ("groups", "time", "treatment", "outcome", "observed")
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
                assert len(message) < LONGEST_MESSAGE
                assert message.isprintable()


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


# -- by the commands -----------------------------------------------------------------------------------------


def test_command_tells_of_every_broken_pipeline_and_ends_with_2(root: Path):
    declare(root, document())
    declare(root, f"steps: {'[' * 10_000}", "deep")
    declare(root, document(name="template", description=TEMPLATES["a call"]), "template")
    told = subprocess.run(
        [Path(sys.executable).with_name("ballast"), "check", "--spec-only"],
        cwd=root, capture_output=True, text=True, timeout=HANGS - 60,
    )  # fmt: skip
    assert told.returncode == 2, told.stdout + told.stderr
    assert "sound pipelines/demo/defs.yaml" in told.stdout
    assert "pipelines/deep/defs.yaml: line 1: lists and mappings are nested" in told.stderr
    assert "pipelines/template/defs.yaml" in told.stderr
    assert "Traceback" not in told.stderr
    assert not list(root.rglob("canary"))


def command(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    words = (str(Path(sys.executable).with_name(words[0])), *words[1:])
    return subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=HANGS - 60)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A Dagster project whose definitions hold the pipeline `wine`."""
    make_project(tmp_path / "project")
    return tmp_path / "project"


def test_dagster_tells_of_a_template_and_does_not_evaluate_it(project: Path):
    file = project / "pipelines" / "wine" / "defs.yaml"
    file.write_text(re.sub(r"description: .*", f'description: "{TEMPLATES["a call"]}"', file.read_text(), count=1))
    told = command(project, "dg", "check", "defs")
    assert told.returncode == 1, told.stdout + told.stderr
    assert "description: the template in" in told.stdout + told.stderr
    assert not list(project.rglob("canary"))


@pytest.mark.full
def test_project_with_a_file_that_dagster_would_never_finish_is_refused_before_dagster_reads_it(project: Path):
    declare(project, f"type: ballast.Pipeline\n{TEXTS['lists of lists'][0]}", "bomb")
    told = command(project, "ballast", "run", "wine")
    assert told.returncode == 2, told.stdout + told.stderr
    assert "pipelines/bomb/defs.yaml: line 7: the file holds more than 50000" in told.stderr
    assert "Traceback" not in told.stderr
    sound = command(project, "ballast", "check", "wine", "--spec-only")
    assert sound.returncode == 0, sound.stdout + sound.stderr
