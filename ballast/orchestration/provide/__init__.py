"""Where the arguments of methods come from: a source of the vocabulary each, and nothing else knows them apart."""

from ballast.orchestration.provide.columns import Column, Dependence, Treatment
from ballast.orchestration.provide.dynamics import Dynamics
from ballast.orchestration.provide.features import FeatureNames, Features
from ballast.orchestration.provide.late import LateLabel, LateObserved
from ballast.orchestration.provide.models import Classes, Models
from ballast.orchestration.provide.predictions import Predictions
from ballast.orchestration.provide.source import Source
from ballast.orchestration.provide.table import Table
from ballast.orchestration.provide.weights import Influence, Weights

EVERY: tuple[Source, ...] = (
    Dynamics(),
    Predictions(),
    Features(),
    Table(),
    *(Column(name, observed_only=True) for name in ("label", "outcome")),
    LateLabel(),
    *(Column(name) for name in ("groups", "time", "weight")),
    Dependence(),
    Treatment(),
    *(Column(name) for name in ("observed", "true_weight")),
    LateObserved(),
    Weights(),
    Influence(),
    Models(),
    Classes(),
    FeatureNames(),
)
"""Every source. The first of those that a call asks for says which rows it runs over: a model's own training rows
before all of a data role, and weights only where nothing else does."""
SOURCES: dict[str, Source] = {source.name: source for source in EVERY}
