"""The parts of a network's training, named in a pipeline's YAML, reach the model that is stored."""

from __future__ import annotations

from ballast.methods.learners import DomainMLP
from ballast.methods.parts import CorrelationPenalty, DomainSchedule, StratifiedBatches
from ballast.reporting import stage_metadata
from ballast.warehouse import StoredModel
from tests.orchestration.projects import Project, rows, spec

QUICK = {"max_epochs": 3, "device": "cpu"}


def stored(project: Project, step: str):
    row = project.warehouse.read(f"demo/{step}").iloc[0]
    return project.resource.model_store().load(StoredModel(**{str(key): str(value) for key, value in row.items()}))


def test_run_when_a_network_names_its_parts_then_the_stored_one_was_trained_with_them(project: Project):
    for name, n in (("train", 200), ("target", 120), ("test", 100)):
        project.write(name, rows(n, seed=n, start=1000 * n).assign(kind=lambda t: 2 * t["height"] - t["width"]))
    parts = {
        "sampling": {"use": "stratified_batches"},
        "regularizer": {"use": "correlation_penalty", "params": {"strength": 0.3}},
    }
    project.attributes = spec(
        steps={
            "density": {"use": "density_ratio_classifier"},
            "net": {"use": "torch_mlp", "weights": "density", "params": {**QUICK, **parts}},
        }
    )
    finished = project.run()
    assert finished.success, finished.messages
    model = stored(project, "net")
    assert (model.sampling, model.regularizer) == (StratifiedBatches(), CorrelationPenalty(0.3))


def test_run_when_domains_are_scheduled_then_the_network_gets_them_and_its_repetitions_are_kept(project: Project):
    schedule = {"use": "domain_schedule", "params": {"temperature": 3, "shares": {"red": 3, "green": 1}}}
    params = {**QUICK, "batch_size": 16, "patience": None, "sampling": schedule}
    project.attributes = spec(
        data__train__groups="colour",
        steps={
            "net": {"use": "domain_mlp", "params": params},
            "shift": {"use": "label_shift_em", "model": "net"},
            "shifted": {"use": "domain_mlp", "weights": "shift", "params": params},
        },
    )
    finished = project.run()
    assert finished.success, finished.messages
    model = stored(project, "net")
    assert isinstance(model, DomainMLP)
    assert model.sampling == DomainSchedule(temperature=3, shares={"red": 3, "green": 1})
    commit = project.warehouse.latest("demo/net")
    assert commit is not None
    assert commit.summary["sampling"]["domains"] == ["green", "red"]
    shown = stage_metadata("learner", project.warehouse.read("demo/net"), commit.summary)
    assert shown["most_repetitions"] > 1
    assert shown["variance_ratio"] >= 1
