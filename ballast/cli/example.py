"""An example of a method in a pipeline's YAML, made from what its calls ask for."""

from __future__ import annotations

from collections.abc import Iterable

from ballast.methods.frame.base import Method
from ballast.methods.frame.catalogue import methods
from ballast.methods.frame.parameters import defaults
from ballast.methods.frame.vocabulary import VOCABULARY

_COLUMNS = {
    "groups": "groups: domain",
    "time": "time: seen_at",
    "dependence": "dependence: customer",
    "treatment": "treatment: treated",
    "outcome": "outcome: spent",
    "observed": "observed: is_observed",
    "true_weight": "true_weight: weight",
}
"""By source, the key of a data role that says which column provides it."""

_BASELINE = "    baseline: {use: logistic_regression}"
_NETWORK = "    network: {use: torch_mlp}"
_DENSITY = "    density: {use: density_ratio_classifier}"


def example_of(cls: type[Method]) -> str:
    """Gives a pipeline in YAML with a step of the method, which compiles once its files are there."""
    if cls.role == "part":
        learner, parameter = _taker(cls)
        step = f"    network: {{use: {learner.name}, params: {{{parameter}: {{use: {cls.name}}}}}}}"
        return _pipeline([term for term in _takes(learner) if term == "groups"], [step])
    if cls.role == "transformer":
        features = f"  features: {{use: {cls.name}}}\n"
        return _pipeline(["X_target"], [_BASELINE, "    drift: {use: classifier_two_sample_test}"], features)
    terms = {term for term, required in _takes(cls).items() if required}
    sources = {VOCABULARY[term].source for term in terms if term in VOCABULARY}
    steps, keys = [], [f"use: {cls.name}"]
    if sources & {"weights"}:
        steps.append(_DENSITY)
        keys += ["weights: density", *(["on: train"] if cls.role == "assessor" else [])]
    if "dynamics" in sources or cls.model_kind == "network":
        steps.append(_NETWORK)
        keys.append("model: network")
    elif terms & {"predictions", "probabilities", "models"}:
        steps += [_BASELINE, "    other: {use: sklearn.ensemble.HistGradientBoostingClassifier}"]
        keys.append("models: [baseline, other]")
    elif sources & {"predictions", "model"}:
        steps.append(_BASELINE)
        keys.append("model: baseline")
    step = f"    {'step' if cls.role == 'test' else cls.role}: {{{', '.join(keys)}}}"
    return _pipeline([*terms, *_on_test(cls, terms)], [*steps, step])


def _takes(cls: type[Method]) -> dict[str, bool]:
    """Gives the vocabulary that a method's calls ask for in a pipeline, each with whether one of them requires it."""
    taken: dict[str, bool] = {}
    for entry in cls.entry_points if cls.role == "scorer" else cls.entry_points[:1]:
        for term, required in cls.needs(entry).items():
            taken[term] = taken.get(term, False) or required
    return taken


def _on_test(cls: type[Method], terms: set[str]) -> list[str]:
    """Gives "test" where a judgement is of test rows."""
    compares = any(term.endswith("_target") for term in terms) or terms & {"sample_weight", "sample_weights"}
    return ["test"] if cls.role == "assessor" and not compares else []


def _pipeline(terms: Iterable[str], steps: list[str], features: str = "") -> str:
    sources = {VOCABULARY[term].source for term in terms if term in VOCABULARY}
    columns = [key for source, key in _COLUMNS.items() if source in sources]
    label = ["label: y"] if "y_target" in terms else []
    train = ", ".join(["path: train.parquet", "id: id", "label: y", *columns])
    target = ", ".join(["path: target.parquet", "id: id", *label, *columns])
    data = [f"    train: {{{train}}}"]
    if any(term.endswith("_target") for term in terms) or _DENSITY in steps:
        data.append(f"    target: {{{target}}}")
    if "test" in terms:
        data.append(f"    test: {{{train.replace('train.', 'test.')}}}")
    head = ["type: ballast.Pipeline", "attributes:", "  name: example", "  data:"]
    return "\n".join([*head, *data, *features.splitlines(), "  steps:", *steps])


def _taker(part: type[Method]) -> tuple[type[Method], str]:
    """Gives a learner, and its parameter that a part of training is named under."""
    parameter = "sampling" if ".parts.sampling." in part.__module__ else "regularizer"
    learners = [cls for cls in methods().values() if cls.role == "learner" and parameter in defaults(cls)]
    grouped = part.name.startswith("domain")
    return next((cls for cls in learners if grouped == cls.name.startswith("domain")), learners[0]), parameter
