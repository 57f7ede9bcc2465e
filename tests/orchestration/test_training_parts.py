"""The parts of a network's training, named in a pipeline's YAML, reach the model that is stored."""

from __future__ import annotations

from ballast.methods.learners import CorrelationPenalty, StratifiedBatches
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
