"""Every mistake in a pipeline's YAML is found before anything runs, with a message that says where and what instead."""

from __future__ import annotations

import pytest
import yaml

from ballast.errors import SpecError
from ballast.orchestration.projects.find import Declared, find
from tests.orchestration.projects import Project, spec

STEP = {"use": "logistic_regression"}

MISTAKES = {
    "unknown method": ({"steps__density": {"use": "kliepp"}}, ["steps.density.use", "kliepp", "did you mean 'kliep'"]),
    "unknown import": (
        {"steps__baseline": {"use": "sklearn.linear_model.LogisticRegresion"}},
        ["steps.baseline.use", "did you mean 'LogisticRegression'"],
    ),
    "missing package": ({"steps__baseline": {"use": "nopackage.Model"}}, ["steps.baseline.use", "nopackage"]),
    "not an estimator": ({"steps__baseline": {"use": "pandas.DataFrame"}}, ["get_params"]),
    "unknown parameter": (
        {"steps__density": {"use": "kliep", "params": {"n_centres": 3}}},
        ["steps.density.params", "n_centres", "did you mean 'n_centers'"],
    ),
    "value out of range": (
        {"steps__density": {"use": "kliep", "params": {"n_centers": 0}}},
        ["steps.density.params", "n_centers", ">= 1", "got 0"],
    ),
    "unknown step": ({"steps__reweighted__weights": "densty"}, ["steps.reweighted.weights", "did you mean 'density'"]),
    "part of a learner as a step": (
        {"steps__batches": {"use": "stratified_batches"}},
        ["steps.batches", "part of a learner's training", "sampling: {use: ...}"],
    ),
    "network of domains without a column of them": (
        {"steps__net": {"use": "domain_mlp"}},
        ["data.train", "domain_mlp needs 'groups'", "declare the column with `groups:`"],
    ),
    "part of the wrong kind": (
        {"steps__net": {"use": "torch_mlp", "params": {"sampling": {"use": "correlation_penalty"}}}},
        ["steps.net.params", "torch_mlp", "'sampling' must be a sample policy"],
    ),
    "parameter of a part out of range": (
        {
            "steps__net": {
                "use": "torch_mlp",
                "params": {"regularizer": {"use": "correlation_penalty", "params": {"strength": -1}}},
            }
        },
        ["steps.net.params", "correlation_penalty", "'strength'", ">= 0"],
    ),
    "step of the wrong role": (
        {"steps__reweighted__weights": "baseline"},
        ["is a learner, a weigher is needed", "density"],
    ),
    "step of another pipeline": (
        {"steps__reweighted__weights": "other/density"},
        ["steps.reweighted.weights", "not a step of this pipeline", "`step: pipeline/step`"],
    ),
    "rows drawn by the weights that they are given": (
        {
            "steps__drawn": {"use": "importance_resampling", "weights": "density"},
            "steps__bounded": {"use": "clip_weights", "weights": "density"},
            "steps__twice": {**STEP, "rows": "drawn", "weights": "bounded"},
        },
        ["steps.twice.weights", "the rows of 'drawn' were drawn by 'density' already", "without `rows:`"],
    ),
    "classes evened out by rows and by weights": (
        {
            "steps__even": {"use": "inverse_class_frequency"},
            "steps__made": {"use": "smote"},
            "steps__twice": {**STEP, "rows": "made", "weights": "even"},
        },
        ["steps.twice", "`weights:` ('even') evens the classes out, and so does `rows:` ('made')"],
    ),
    "classes evened out by weights and by the learner": (
        {
            "steps__even": {"use": "effective_number"},
            "steps__twice": {
                "use": "sklearn.linear_model.LogisticRegression",
                "weights": "even",
                "params": {"class_weight": "balanced"},
            },
        },
        ["steps.twice", "`weights:` ('even') evens the classes out, and so does `class_weight`"],
    ),
    "product of weights with what they were made from": (
        {
            "steps__even": {"use": "inverse_class_frequency", "weights": "density"},
            "steps__joint": {"use": "multiply_weights", "weights": ["density", "even"]},
        },
        ["steps.joint.weights", "'even' is made from 'density'", "leave 'density' out"],
    ),
    "step that refers to itself": ({"steps__reweighted": {**STEP, "embed": "reweighted"}}, ["refers to itself"]),
    "unknown gate": (
        {"gates__density": [{"expect_efective_sample_size": {"min_share": 0.1}}]},
        ["gates.density", "did you mean"],
    ),
    "gate without a step": ({"gates__densty": ["expect_mean_weight"]}, ["gates.densty", "did you mean 'density'"]),
    "empty gate": ({"gates__density": []}, ["gates.density", "empty"]),
    "unknown role": ({"data__tset": {"path": "x.csv", "id": "key"}}, ["data.tset", "did you mean 'test'"]),
    "no training rows": ({"data__train": None}, ["'train' is missing"]),
    "two sources": ({"data__train__query": "SELECT 1"}, ["data.train", "path and query"]),
    "role that is not declared": (
        {"steps__drift__against": "reference"},
        ["steps.drift.against", "reference", "train"],
    ),
    "no test rows": ({"data__test": None}, ["steps.verdict", "test"]),
    "label not declared": ({"data__train__label": None}, ["data.train", "declare the column with `label:`"]),
    "weights not named": ({"steps__check": {"use": "weight_diagnostics"}}, ["steps.check", "weights"]),
    "several weights where one is taken": (
        {"steps__again": {"use": "kliep"}, "steps__reweighted__weights": ["density", "again"]},
        ["steps.reweighted.weights", "takes one weight step, got density, again", "multiply_weights"],
    ),
    "weights of other rows": (
        {"steps__density__on": "test"},
        ["steps.reweighted.weights", "'density' weighs the test rows", "works on the train rows"],
    ),
    "weights in a ring": (
        {
            "steps__one": {"use": "clip_weights", "weights": "two"},
            "steps__two": {"use": "temper_weights", "weights": "one"},
        },
        ["wait for each other: one -> two -> one"],
    ),
    "model not named": ({"steps__check": {"use": "classification_metrics"}}, ["steps.check", "model", "baseline"]),
    "no recordings": (
        {"steps__noise": {"use": "area_under_margin", "model": "baseline"}},
        ["steps.noise.model", "torch_mlp"],
    ),
    "no embedding": (
        {"steps__novelty": {"use": "mahalanobis", "embed": "baseline"}},
        ["no embedding", "torch_mlp"],
    ),
    "rows for what is no learner": (
        {"steps__drawn": {"use": "random_subset"}, "steps__drift__rows": "drawn"},
        ["steps.drift.rows", "only learners"],
    ),
    "name that is taken": ({"steps__train": STEP}, ["steps.train", "taken"]),
    "name that is no name": ({"steps__": STEP}, ["not a valid name"]),
    "name of a matrix in Dagster": (
        {"steps": {"train__features": STEP}},
        ["steps.train__features", "taken by Ballast"],
    ),
    "names that differ by case": ({"steps__BASELINE": STEP}, ["same name", "baseline"]),
    "no steps": ({"steps": {}}, ["no steps"]),
    "two kinds of partition": (
        {"partitions": {"column": "colour", "static": ["red"], "time": "daily"}},
        ["partitions", "exactly one"],
    ),
    "time partition without a start": ({"partitions": {"column": "day", "time": "daily"}}, ["partitions.start"]),
}


@pytest.mark.parametrize(("changes", "said"), MISTAKES.values(), ids=MISTAKES)
def test_plan_with_a_mistake_says_where_and_what_instead(project: Project, changes, said):
    project.attributes = spec(**changes)
    with pytest.raises(SpecError) as raised:
        _ = project.plan
    message = str(raised.value)
    assert message.startswith("defs.yaml: ")
    for words in said:
        assert words in message


def test_plan_when_steps_wait_for_each_other_names_the_cycle(project: Project):
    project.attributes = spec(
        steps__a={"use": "torch_mlp", "weights": "w"}, steps__w={"use": "black_box_shift", "model": "a"}
    )
    with pytest.raises(SpecError, match=r"wait for each other: .*w.*->"):
        _ = project.plan


BAD_YAML = {
    "unknown key of a step": ("steps.drift.uze", "did you mean 'use'", {"steps__drift__uze": "x"}),
    "unknown key of data": ("data.train.labl", "did you mean 'label'", {"data__train__labl": "kind"}),
    "unknown key of the pipeline": ("partition", "did you mean 'partitions'", {"partition": 3}),
    "missing key": ("data.train.id", "missing", {"data__train__id": None}),
    "wrong type": ("steps.drift.use", "string", {"steps__drift__use": 3}),
}


@pytest.mark.parametrize(("key", "said", "changes"), BAD_YAML.values(), ids=BAD_YAML)
def test_yaml_with_a_wrong_key_or_type_names_file_and_key(tmp_path, key, said, changes):
    declared = Declared(tmp_path / "defs.yaml", tmp_path, spec(**changes))
    with pytest.raises(SpecError) as raised:
        declared.plan()
    assert str(raised.value).startswith(f"defs.yaml: {key}: ")
    assert said in str(raised.value)


def test_yaml_when_an_environment_variable_is_missing_says_so(tmp_path):
    declared = Declared(tmp_path / "defs.yaml", tmp_path, spec(data__train__path="{{ env.NOWHERE_TO_BE_FOUND }}"))
    with pytest.raises(SpecError, match=r"data\.train: .*path is empty: is its environment variable set"):
        declared.plan()


def test_yaml_when_it_cannot_be_parsed_names_the_file(tmp_path):
    file = tmp_path / "defs.yaml"
    file.write_text("type: ballast.Pipeline\nattributes: {name: [")
    with pytest.raises(SpecError, match=r"defs\.yaml: cannot be read as YAML"):
        find(str(file))


def test_pipeline_when_the_name_is_unknown_names_the_nearest(tmp_path):
    (tmp_path / "workspace.yaml").touch()
    (tmp_path / "defs.yaml").write_text(yaml.safe_dump({"type": "ballast.Pipeline", "attributes": spec()}))
    with pytest.raises(SpecError, match="no pipeline 'demmo', did you mean 'demo'"):
        find("demmo", start=tmp_path)
    assert find("demo", start=tmp_path).name == "demo"


def test_plan_when_rows_and_weights_correct_for_different_things_then_it_is_sound(project: Project):
    steps = {
        "steps__drawn": {"use": "importance_resampling", "weights": "density"},
        "steps__even": {"use": "inverse_class_frequency"},
        "steps__both": {**STEP, "rows": "drawn", "weights": "even"},
        "steps__adjusted": {"use": "logit_adjustment", "weights": "even"},
    }
    project.attributes = spec(**steps)
    assert project.plan.spec.steps["both"].rows == "drawn"
