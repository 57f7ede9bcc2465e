"""What Dagster and ``ballast explain`` say of each asset: nothing that a factory has made is a riddle."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from ballast.gates import Expectation
from ballast.gates.great_expectations.builtin import builtin_arguments, builtin_names
from ballast.gates.suite import OWN, expectation_arguments
from ballast.gates.wording import sentence_of
from ballast.orchestration.graph.assets import definitions_of
from ballast.orchestration.graph.explained import explained
from ballast.orchestration.graph.keys import assets_of, key_of
from ballast.orchestration.spec.places import Place
from tests.orchestration.projects import Project, spec


def test_every_asset_refers_to_its_line_and_its_methods_source(project: Project):
    lines = {f"steps.{name}": n for n, name in enumerate(project.attributes["steps"], start=20)} | {"data.train": 5}
    place = Place(project.folder / "defs.yaml", lines)
    resources = dg.Definitions(resources={"ballast": project.resource})
    made = dg.Definitions.merge(definitions_of(project.plan, project.folder, place), resources)
    graph = made.resolve_asset_graph()
    for name in project.plan.nodes:
        metadata = graph.get(key_of(f"demo/{name}")).metadata
        found = metadata["dagster/code_references"]
        assert isinstance(found, dg.CodeReferencesMetadataValue)
        declared, *written = found.code_references
        assert isinstance(declared, dg.LocalFileCodeReference)
        assert declared.file_path == str(place.file)
        if name in project.attributes["steps"]:
            assert declared.line_number == lines[f"steps.{name}"]
            (method,) = written
            assert isinstance(method, dg.LocalFileCodeReference)
            line = Path(method.file_path).read_text().splitlines()[(method.line_number or 0) - 1]
            assert line.startswith("class ")


def test_description_says_what_is_read_with_which_columns_and_parameters_and_who_reads_it(project: Project):
    project.attributes = spec(steps__density__params={"n_folds": 3}, gates__density=["expect_mean_weight"])
    told = explained(project.plan, "density")
    assert dict(told.reads) == {"X": "the features of train", "X_target": "the features of target"}
    assert told.columns[0] == "of train every column is a feature but key (id) and kind (label)"
    assert ("n_folds", 3, True) in told.parameters
    assert ("max_ratio", None, False) in told.parameters
    assert ("random_state", 0, False) in told.parameters
    assert told.readers == ("reweighted",)
    assert told.stored == "demo.density"
    shown = project.definitions.resolve_asset_graph().get(key_of("demo/density")).description
    assert shown is not None
    assert shown.startswith("Weighs by the odds")
    for said in ("`X_target`: the features of target", "n_folds = 3", "by default", "**Read by** reweighted"):
        assert said in shown
    weighted = dict(explained(project.plan, "reweighted").reads)
    assert weighted["y"] == "column kind of train (its label)"
    assert weighted["sample_weight"] == "the weights of density"


def test_every_asset_of_every_stage_is_explained(project: Project):
    project.attributes = spec(
        steps__net={"use": "torch_mlp", "params": {"max_epochs": 3}},
        steps__noise={"use": "area_under_margin", "model": "net", "params": {"noise_rate": 0.1}},
        steps__drawn={"use": "importance_resampling", "weights": "density"},
        steps__again={"use": "sklearn.linear_model.LogisticRegression", "rows": "drawn"},
        steps__novelty={"use": "mahalanobis", "embed": "net"},
        steps__foreseen={"use": "average_thresholded_confidence", "model": "baseline"},
        data__target={"query": "SELECT 'secret' AS key", "id": "key"},
    )
    for name in project.plan.nodes:
        told = explained(project.plan, name)
        assert told.reads, name
        assert "secret" not in told.as_markdown()
    assert ("", "of these rows those that drawn drew") in explained(project.plan, "again").reads
    novelty = dict(explained(project.plan, "novelty").reads)
    assert novelty["fit(X)"] == "the features of train as net embeds them"
    assert novelty["score_samples(X)"] == "the features of target as net embeds them"
    assert "out of sample" in dict(explained(project.plan, "foreseen").reads)["probs"]


def test_names_in_the_lineage_tell_matrices_apart_and_find_what_is_stored():
    assert key_of("demo/train/features").path == ["demo", "train_features"]
    assert "demo/train/features" in assets_of(dg.AssetKey(["demo", "train_features"]))
    assert assets_of(dg.AssetKey(["demo", "train", "features"])) == ["demo/train/features"]
    assert assets_of(dg.AssetKey("mine")) == ["raw/mine"]


@pytest.mark.parametrize("name", sorted({*builtin_names(), *OWN}))
def test_gate_is_said_in_words_without_signs_of_code(name: str):
    values = {
        "column": "age",
        "column_A": "a",
        "column_B": "b",
        "column_list": ["x", "y"],
        "min_value": 0,
        "mostly": 0.9,
    }
    values |= {"with": ["train"], "name": "accuracy", "rows": 5, "max": 0.1, "value_set": ["r"], "min_share": 0.2}
    given = {key: value for key, value in values.items() if key in expectation_arguments(name)}
    if name in builtin_names():
        given = {key: value for key, value in given.items() if key in builtin_arguments(name)}
    said = sentence_of(Expectation(name, given))
    assert not set("{}_`") & set(said), said
    assert said[0].isupper()
    assert said.endswith(". A failure closes the gate.")


@pytest.mark.parametrize(
    ("expectation", "said"),
    [
        (Expectation("expect_column_values_to_not_be_null", {"column": "y"}), "The values of column y are not null"),
        (
            Expectation("expect_column_values_to_be_between", {"column": "age", "min_value": 0, "max_value": 120}),
            "The values of column age are from 0 to 120",
        ),
        (
            Expectation("expect_effective_sample_size", {"min_share": 0.2}),
            "The weights' effective sample size is at least 0.2 of all rows",
        ),
        (
            Expectation("expect_metric", {"name": "accuracy", "model": "new", "at_least": {"model": "old"}}),
            "The accuracy of new is at least that of old",
        ),
    ],
)  # fmt: skip
def test_words_of_a_gate(expectation: Expectation, said: str):
    assert sentence_of(expectation) == f"{said}. A failure closes the gate."
    warns = Expectation(expectation.type, expectation.arguments, "warn")
    assert sentence_of(warns) == f"{said}. A failure is a warning."
