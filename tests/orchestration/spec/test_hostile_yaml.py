"""Whatever a pipeline's YAML holds, it is refused with file, key or line and remedy: soon, and with nothing run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ballast.cli.init import make_project
from ballast.errors import SpecError
from ballast.orchestration.graph.component import Pipeline
from ballast.orchestration.projects.find import every, find
from tests.orchestration.projects import spec
from tests.orchestration.spec.hostile import HANGS, LONGEST_MESSAGE, declare, document, planned, refusal


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


# -- by the commands -----------------------------------------------------------------------------------------


def test_command_tells_of_every_broken_pipeline_and_ends_with_2(root: Path):
    sound = declare(root, document())
    for role in ("train", "target", "test"):
        (sound.parent / f"{role}.csv").touch()
    declare(root, f"steps: {'[' * 10_000}", "deep")
    declare(root, document(description=TEMPLATES["a call"]), "template")
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
def test_file_that_dagster_would_never_finish_is_left_out_of_the_runs_of_others(project: Path):
    declare(project, f"type: ballast.Pipeline\n{TEXTS['lists of lists'][0]}", "bomb")
    told = command(project, "ballast", "run", "wine")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "pipelines/bomb/defs.yaml: line 7: the file holds more than 50000" in told.stderr
    assert "Traceback" not in told.stderr
    sound = command(project, "ballast", "check", "wine", "--spec-only")
    assert sound.returncode == 0, sound.stdout + sound.stderr
