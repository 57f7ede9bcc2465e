"""All mistakes of a file are told at once, each in a line with its place, and none that follows from another."""

from __future__ import annotations

from pathlib import Path

import pytest

from ballast.errors import SpecError
from ballast.orchestration.projects.find import find

HEAD = """type: ballast.Pipeline
attributes:
  name: demo
"""
DATA = """  data:
    train: {path: train.csv, id: key, label: kind}
    target: {path: target.csv, id: key}
"""


def told(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "defs.yaml"
    file.write_text(HEAD + text)
    with pytest.raises(SpecError) as refused:
        find(str(file)).plan()
    return [line.removeprefix("defs.yaml:").removeprefix(str(file)) for line in str(refused.value).split("\n")]


def test_mistakes_of_keys_methods_references_and_gates_are_told_together_in_the_order_of_lines(tmp_path: Path):
    lines = told(
        tmp_path,
        f"""  seeds: 5
{DATA}    tset: {{path: test.csv, id: key}}
  steps:
    drift: {{use: kolmogorow}}
    density: {{use: kliep, params: {{n_center: 5}}}}
    model: {{use: logistic_regression, weights: denisty}}
    other: {{usee: kliep}}
  gates:
    density: [expect_foo, {{expect_effective_sample_size: {{min_shar: 3}}}}]
    modle: [expect_foo]
""",
    )
    assert [line.partition(": ")[0] for line in lines] == ["4", "8", "10", "11", "12", "13", "13", "15", "15", "16"]
    assert lines[3].startswith("11: steps.density.params: kliep has no parameter 'n_center'")
    assert lines[4] == "12: steps.model.weights: unknown step 'denisty', did you mean 'density'?"
    assert lines[-1].startswith("16: gates.modle: no step or data role 'modle', did you mean 'model'?")


def test_what_follows_from_a_mistake_is_not_told_beside_it(tmp_path: Path):
    lines = told(
        tmp_path,
        f"""{DATA}  steps:
    density: {{use: klieb}}
    bounded: {{use: clip_weights, weights: density}}
    model: {{use: logistic_regression, weights: bounded}}
    verdict: {{use: compare_models, models: [model]}}
  gates: {{density: [expect_mean_weight], bounded: [{{expect_effective_sample_size: {{min_share: 0.2}}}}]}}
""",
    )
    assert len(lines) == 1
    assert lines[0].startswith("8: steps.density.use: unknown method 'klieb'")


def test_wrong_data_role_is_told_without_the_steps_that_would_need_it(tmp_path: Path):
    lines = told(
        tmp_path,
        """  data:
    trian: {path: train.csv, id: key, label: kind}
    target: {id: key}
  steps: {drift: {use: kolmogorov_smirnov}, model: {use: logistic_regression}}
""",
    )
    assert [line.partition(" (")[0] for line in lines] == [
        "4: data: the role 'train' is missing: it names the rows to learn from",
        "5: data.trian: unknown data role, did you mean 'train'?",
        "6: data.target: give exactly one of asset, path, query, loader, step",
    ]


def test_templates_without_a_value_are_told_together(tmp_path: Path):
    lines = told(tmp_path, "  description: '{{ nothing }}'\n  tags: {of: '{% x %}'}\n  data: {}\n  steps: {}\n")
    assert [line.partition(": ")[0] for line in lines] == ["4", "5"]


def test_more_mistakes_than_anybody_reads_are_counted(tmp_path: Path):
    steps = "\n".join(f"    s{i}: {{use: nothing{i}}}" for i in range(120))
    lines = told(tmp_path, f"{DATA}  steps:\n{steps}\n")
    assert len(lines) == 51
    assert lines[-1] == "and 70 other mistakes"
