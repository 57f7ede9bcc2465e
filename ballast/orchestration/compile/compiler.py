"""Checks a spec and wires it: every name looked up, every method bound by its signature, every mistake found.

Nothing is read or computed here. What passes can be built into a Dagster graph, run, drawn and reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from sklearn.utils.validation import has_fit_parameter

from ballast.errors import BallastError, SpecError, nearest
from ballast.gates import STAGES, default_suite, mirrored, parse_suite, with_defaults
from ballast.methods.frame.base import Method
from ballast.methods.frame.catalogue import method, resolve, role_of
from ballast.methods.frame.parameters import defaults
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.orchestration.plan.plan import ENCODER, REPORT, Binding, Node, Plan, build_method
from ballast.orchestration.spec.nested import class_of, nested_uses
from ballast.orchestration.spec.pipeline import ROLES, SOURCES, DataSpec, PipelineSpec, StepSpec, listed
from ballast.orchestration.spec.wording import one_line, shown
from ballast.warehouse.names import RESERVED

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
MOST_STEPS = 500
"""Steps of a pipeline, and expectations of a gate: what wires them takes time that grows with the square."""


def compile_plan(spec: PipelineSpec, *, where: str = "pipeline") -> Plan:
    """Checks a spec and gives its plan.

    Raises SpecError naming the file, the key, what was expected and the nearest valid name.
    """
    try:
        return _Compiler(spec, where).compile()
    except SpecError as error:
        raise SpecError(one_line(str(error))) from error


class _Compiler:
    def __init__(self, spec: PipelineSpec, where: str) -> None:
        self.spec = spec
        self.where = where
        self.roles: dict[str, str] = {}
        self.bindings: dict[str, tuple[Binding, ...]] = {}
        self.nodes: dict[str, Node] = {}

    def fail(self, key: str, message: str) -> SpecError:
        return SpecError(f"{self.where}: {key}: {message}")

    def compile(self) -> Plan:
        self.check_names()
        self.check_data()
        self.check_encoder()
        for name, step in self.spec.steps.items():
            self.roles[name] = self.check_method(name, step)
        for name, step in self.spec.steps.items():
            self.check_references(name, step)
        for name, step in self.spec.steps.items():
            self.bindings[name] = tuple(self.bind(name, step))
        self.add_sources()
        self.add_features()
        for name, step in self.spec.steps.items():
            self.add_step(name, step)
        self.add_gates()
        ordered = self.in_order()
        used = {upstream for node in ordered.values() for upstream in node.upstream}
        last = tuple(name for name in ordered if name not in used)
        report = Node(REPORT, "report", "write_report", last, REPORT, description="What the run found, on a page.")
        ordered[REPORT] = replace(report, partitioned=any(n.partitioned for n in ordered.values()))
        return Plan(self.spec, self.where, ordered)

    # -- names and data ------------------------------------------------------------------------------------

    def check_names(self) -> None:
        named = [("name", self.spec.name), *((f"steps.{s}", s) for s in self.spec.steps)]
        for key, name in named:
            if not _NAME.fullmatch(name) or len(name) > 100:
                raise self.fail(
                    one_line(key, 120),
                    f"{shown(name)} is not a valid name: use a letter, then letters, digits or _ (100 at most)",
                )
        if self.spec.name.casefold() in RESERVED:
            raise self.fail("name", f"{self.spec.name!r} is taken by the warehouse itself; choose another name")
        if len(self.spec.steps) > MOST_STEPS:
            raise self.fail("steps", f"{len(self.spec.steps)} steps are more than {MOST_STEPS}; make several pipelines")
        taken = {*ROLES, ENCODER, REPORT, *(f"{r}_features" for r in ROLES)}
        lowered: dict[str, str] = {}
        for name in self.spec.steps:
            if name in taken:
                raise self.fail(f"steps.{name}", f"{name!r} is taken by Ballast itself; choose another name")
            for other in (name, f"{name}_dynamics", f"{name}_out_of_sample"):
                if (clash := lowered.setdefault(other.lower(), name)) != name:
                    raise self.fail(f"steps.{name}", f"its table would have the same name as one of step {clash!r}")
        if not self.spec.steps:
            raise self.fail(
                "steps", "the pipeline has no steps; add at least one, such as `drift: {use: kolmogorov_smirnov}`"
            )

    def check_data(self) -> None:
        for role, data in self.spec.data.items():
            key = f"data.{role}"
            if role not in ROLES:
                raise self.fail(key, f"unknown data role{nearest(role, ROLES)} (the roles: {', '.join(ROLES)})")
            given = [s for s in SOURCES if getattr(data, s)]
            if len(given) != 1:
                empty = [s for s in SOURCES if s in data.model_fields_set and not getattr(data, s)]
                unset = f"none; {', '.join(empty)} is empty: is its environment variable set?" if empty else "none"
                named = " and ".join(given) if given else unset
                raise self.fail(key, f"give exactly one of asset, path, query, loader (given: {named})")
        if "train" not in self.spec.data:
            raise self.fail("data", "the role 'train' is missing: it names the rows to learn from")
        if (partitions := self.spec.partitions) is not None:
            if (partitions.static is None) == (partitions.time is None):
                raise self.fail(
                    "partitions", "give exactly one of static (a list of keys) and time (daily, weekly ...)"
                )
            if partitions.time and not partitions.start:
                raise self.fail("partitions.start", "a time partition needs its first day, as YYYY-MM-DD")
            for role in partitions.roles:
                self.data_role(role, "partitions.roles")

    def check_encoder(self) -> None:
        features = self.spec.features
        if features.use is not None:
            cls = self.check_use(features.use, "features.use")
            if not hasattr(cls, "transform"):
                raise self.fail("features.use", f"{features.use!r} is no transformer: it has no transform")
            if features.weights is not None and not has_fit_parameter(cls, "sample_weight"):
                raise self.fail("features.weights", f"{features.use} takes no weights (sample_weight); leave them out")
            try:
                method(features.use, **features.params)
            except Exception as error:  # a transformer of another package may raise anything of its parameters
                raise self.fail("features.params", str(error) or type(error).__name__) from error
        elif features.weights is not None:
            raise self.fail("features.weights", "weights are for the transformer that `features.use` names; name one")

    def data_role(self, role: str, key: str) -> DataSpec:
        if role not in self.spec.data:
            raise self.fail(
                key,
                f"the pipeline has no data role {role!r}{nearest(role, self.spec.data)}; declare it under `data:` "
                f"(declared: {', '.join(self.spec.data)})",
            )
        return self.spec.data[role]

    # -- steps ---------------------------------------------------------------------------------------------

    def check_method(self, name: str, step: StepSpec) -> str:
        cls = self.check_use(step.use, f"steps.{name}.use")
        try:
            role = role_of(cls)
        except BallastError as error:
            raise self.fail(f"steps.{name}.use", str(error)) from error
        if role == "transformer":
            raise self.fail(
                f"steps.{name}.use",
                f"{step.use} makes features and is no step; name it under `features: use:`",
            )
        for key, nested in nested_uses(step.params, f"steps.{name}.params"):
            if not isinstance(nested.get("params", {}), dict):
                raise self.fail(key, f"a method is {{use: name, params: {{...}}}}, got {shown(nested)}")
            self.check_use(nested["use"], f"{key}.use")
        try:
            build_method(step, seed=self.spec.seed)
        except Exception as error:  # a method of another package may raise anything of its parameters
            raise self.fail(f"steps.{name}.params", str(error) or type(error).__name__) from error
        return role

    def check_use(self, use: Any, key: str) -> type[Any]:
        try:
            return class_of(use)
        except BallastError as error:
            raise self.fail(key, str(error)) from error

    def check_references(self, name: str, step: StepSpec) -> None:
        wanted = (
            ("weights", listed(step.weights), "weigher"),
            ("rows", listed(step.rows), "sampler"),
            ("model", listed(step.model), "learner"),
            ("models", listed(step.models), "learner"),
            ("embed", listed(step.embed), "learner"),
        )
        for key, references, role in wanted:
            for reference in references:
                self.check_reference(f"steps.{name}.{key}", name, reference, role)
        for key in ("on", "against"):
            if (role := getattr(step, key)) is not None:
                self.data_role(role, f"steps.{name}.{key}")
        if step.rows and self.roles[name] != "learner":
            raise self.fail(
                f"steps.{name}.rows", f"only learners train on a dataset; {step.use} is a {self.roles[name]}"
            )
        if step.embed and not hasattr(resolve(self.spec.steps[step.embed].use), "embed"):
            raise self.fail(f"steps.{name}.embed", f"{step.embed!r} has no embedding; use a torch_mlp step")

    def check_reference(self, key: str, name: str, reference: str, role: str) -> None:
        if "/" in reference or "." in reference:
            raise self.fail(
                key,
                f"{reference!r} is not a step of this pipeline. A step uses steps of its own pipeline only; to use "
                "another pipeline's table, declare it as a data role with `query:` or `asset:`",
            )
        if reference not in self.roles:
            raise self.fail(key, f"unknown step {reference!r}{nearest(reference, self.roles)}")
        if reference == name:
            raise self.fail(key, f"step {name!r} refers to itself")
        if self.roles[reference] != role:
            valid = [s for s, r in self.roles.items() if r == role]
            there = f" ({', '.join(valid)})" if valid else " (the pipeline has none)"
            raise self.fail(key, f"{reference!r} is a {self.roles[reference]}, a {role} is needed{there}")

    def bind(self, name: str, step: StepSpec) -> Iterator[Binding]:
        """Wires each argument of the step's calls to its source, by the vocabulary."""
        cls = resolve(step.use)
        role = self.roles[name]
        if not issubclass(cls, Method):
            terms = {"X": True, "y": True, "sample_weight": False} if role == "learner" else {"X": True, "y": True}
            yield from self.bind_call(name, step, "fit", terms, "train")
            return
        if role == "learner" and step.on is not None:
            raise self.fail(
                f"steps.{name}.on", "a learner always trains on 'train'; point it at a dataset with `rows:`"
            )
        if role == "learner" and step.weights and "sample_weight" not in cls.needs():
            raise self.fail(
                f"steps.{name}.weights", f"{step.use} takes no weights; give it rows drawn by them (`rows:`)"
            )
        fit_on, score_on = self.default_roles(name, step, cls)
        yield from self.bind_call(name, step, cls.entry_points[0], cls.needs(), fit_on)
        if role == "scorer":
            yield from self.bind_call(name, step, "score_samples", cls.needs("score_samples"), score_on)

    def default_roles(self, name: str, step: StepSpec, cls: type[Method]) -> tuple[str, str]:
        """Gives the role that a step is fitted on (or judges), and the one that it scores."""
        if cls.role == "scorer":
            recorded = any(VOCABULARY[t].source == "dynamics" for t in cls.needs("score_samples") if t in VOCABULARY)
            fallback = "target" if "target" in self.spec.data and not recorded else "train"
            return "train", step.on or fallback
        if cls.role == "assessor":
            compares = any(t.endswith("_target") or t == "sample_weights" for t in cls.needs())
            role = step.on or ("train" if compares else "test")
        else:
            role = step.on or "train"
        self.data_role(role, f"steps.{name}.on")
        return role, role

    def bind_call(self, name: str, step: StepSpec, entry: str, terms: dict[str, bool], on: str) -> Iterator[Binding]:
        for term, required in terms.items():
            if term not in VOCABULARY:
                if required:
                    raise self.fail(f"steps.{name}.use", f"{step.use} asks for {term!r}, which no pipeline provides")
                continue
            role = (step.against or "target") if term.endswith("_target") else on
            source = VOCABULARY[term].source
            if source == "weights":
                self.check_weights(name, step, term, role)
            missing = self.missing(name, step, source, role)
            if missing is None:
                yield Binding(entry, term, source, role)
            elif required:
                key, message = missing
                raise self.fail(key, f"{step.use} needs {term!r}: {message}")

    def check_weights(self, name: str, step: StepSpec, term: str, role: str) -> None:
        """Refuses several weight steps where one is taken, and weights of other rows."""
        key, references = f"steps.{name}.weights", listed(step.weights)
        if term == "sample_weight" and len(references) > 1:
            raise self.fail(
                key,
                f"{step.use} takes one weight step, got {', '.join(references)}; add a step `use: multiply_weights` "
                "with these weights, and name that step here",
            )
        for reference in references:
            weighed = self.spec.steps[reference].on or "train"
            if weighed != role:
                raise self.fail(
                    key,
                    f"{reference!r} weighs the {weighed} rows, but {name!r} works on the {role} rows; "
                    + ("name weights of those" if self.roles[name] == "learner" else f"set `on: {weighed}`"),
                )

    def missing(self, name: str, step: StepSpec, source: str, role: str) -> tuple[str, str] | None:
        """Says what the step or the data lack for a source; None where it can be provided."""
        here = f"steps.{name}"
        learners = [s for s, r in self.roles.items() if r == "learner"]
        of = f", one of {', '.join(learners)}" if learners else ", and add a learner step"
        if source == "weights":
            return None if step.weights else (here, "name the weight step(s) with `weights:`")
        if source in ("model", "predictions", "classes"):
            if step.model or step.models:
                self.data_role(role, here)
                return self.cannot_cross_fit(here, step) if source == "predictions" and role == "train" else None
            return (here, f"name the learner step with `model:` (or `models:`){of}")
        if source == "dynamics":
            if step.model is None:
                return (here, f"name the learner step that records its training with `model:`{of}")
            if "record_dynamics" not in defaults(resolve(self.spec.steps[step.model].use)):
                return (f"{here}.model", f"{step.model!r} records no training dynamics; use a torch_mlp step")
            if self.spec.steps[step.model].rows:
                return (f"{here}.model", f"{step.model!r} trains on resampled rows; use one that trains on 'train'")
            return None
        if role not in self.spec.data:
            return (here, f"the pipeline has no data role {role!r}; declare it under `data:`")
        column = (
            getattr(self.spec.data[role], source, None)
            if source not in ("features", "feature_names", "table")
            else True
        )
        return None if column else (f"data.{role}", f"declare the column with `{source}:`")

    def cannot_cross_fit(self, here: str, step: StepSpec) -> tuple[str, str] | None:
        for model in [*listed(step.model), *listed(step.models)]:
            if self.spec.steps[model].rows:
                return (
                    f"{here}.model",
                    f"{model!r} trains on resampled rows, so it has no out-of-sample predictions of 'train'; "
                    "use a learner without `rows:`",
                )
        return None

    # -- nodes ---------------------------------------------------------------------------------------------

    def all_bindings(self) -> Iterator[tuple[StepSpec, Binding]]:
        for name, bindings in self.bindings.items():
            for binding in bindings:
                yield self.spec.steps[name], binding

    def add_sources(self) -> None:
        for role, data in self.spec.data.items():
            kind = next(s for s in SOURCES if getattr(data, s))
            self.nodes[role] = Node(
                role,
                "source",
                kind,
                (),
                role,
                role=role,
                description=f"The {role} rows: {kind} {getattr(data, kind)}.",
            )

    def add_features(self) -> None:
        """Adds the encoder and the matrices that some step asks for; those of one partitioning are made together."""
        wanted = {b.role for _, b in self.all_bindings() if b.source == "features"}
        wanted |= {b.role for _, b in self.all_bindings() if b.source == "predictions"}
        if not wanted:
            return
        split = set(self.spec.partitions.roles) if self.spec.partitions else set()
        self.nodes[ENCODER] = Node(
            ENCODER, "encoder", self.spec.features.use or "skrub.TableVectorizer", ("train",), ENCODER,
            description="Turns tables into matrices; fitted on the training rows only.",
        )  # fmt: skip
        for role in (r for r in ROLES if r in wanted or r == "train"):
            together = (role in split) == ("train" in split)
            unit = ENCODER if together else "partitioned_features"
            upstream = (role, ENCODER)
            self.nodes[f"{role}/features"] = Node(
                f"{role}/features", "features", self.nodes[ENCODER].use, upstream, unit, role=role,
                description=f"The {role} rows as a float32 matrix.",
            )  # fmt: skip

    def upstream_of(self, step: StepSpec, binding: Binding) -> Iterator[str]:
        models = [*listed(step.model), *listed(step.models)]
        if binding.source == "features":
            yield from (step.rows,) if step.rows else ()
            yield f"{binding.role}/features"
            yield from (step.embed,) if step.embed else ()
        elif binding.source == "feature_names":
            yield f"{binding.role}/features"
        elif binding.source == "weights":
            yield from listed(step.weights)
        elif binding.source in ("model", "classes"):
            yield from models
        elif binding.source == "predictions":
            for model in models:
                yield from (
                    (f"{model}/out_of_sample",) if binding.role == "train" else (model, f"{binding.role}/features")
                )
        elif binding.source == "dynamics":
            yield f"{step.model}/dynamics"
        else:
            yield binding.role

    def add_step(self, name: str, step: StepSpec) -> None:
        upstream = dict.fromkeys(u for b in self.bindings[name] for u in self.upstream_of(step, b))
        node = Node(
            name, self.roles[name], step.use, tuple(upstream), name, step=step, bindings=self.bindings[name],
            role=self.bindings[name][-1].role if self.roles[name] == "scorer" else None,
            description=step.description or _first_line(resolve(step.use)),
        )  # fmt: skip
        self.nodes[name] = node
        if node.stage != "learner":
            return
        used = {b.source for s, b in self.all_bindings() if name in (*listed(s.model), *listed(s.models))
                and (b.source == "dynamics" or (b.source == "predictions" and b.role == "train"))}  # fmt: skip
        if "dynamics" in used or step.params.get("record_dynamics"):
            self.nodes[f"{name}/dynamics"] = replace(
                node, name=f"{name}/dynamics", stage="dynamics", description="Loss and margin of each row and epoch."
            )
        if "predictions" in used:
            self.nodes[f"{name}/out_of_sample"] = replace(
                node, name=f"{name}/out_of_sample", stage="out_of_sample", unit=f"{name}/out_of_sample",
                description=f"Cross-fitted predictions of {name} for the training rows.",
            )  # fmt: skip

    def add_gates(self) -> None:
        gates = dict(self.spec.gates)
        for name, node in self.nodes.items():
            stage = node.stage if node.stage in STAGES else None
            suite = tuple(e for e in default_suite(stage, node.role) if e.roles <= set(self.spec.data)) if stage else ()
            if name in gates:
                if len(gates[name]) > MOST_STEPS:
                    raise self.fail(f"gates.{name}", f"more than {MOST_STEPS} expectations; keep those that matter")
                own = parse_suite(gates.pop(name), where=f"{self.where}: gates.{name}", stage=stage)
                others = [role for role in self.spec.data if role != name]
                for role in {role for e in own for role in e.roles if role not in others}:
                    raise self.fail(f"gates.{name}", f"there is no other data role {role!r}{nearest(role, others)}")
                suite = with_defaults(suite, own)
            self.nodes[name] = replace(node, suite=suite)
        for name in gates:
            raise self.fail(
                f"gates.{name}", f"no step or data role {name!r}{nearest(name, self.nodes)} to put a gate behind"
            )
        sources = {name: node.suite for name, node in self.nodes.items() if node.stage == "source"}
        for name, suite in mirrored(sources).items():
            self.nodes[name] = replace(self.nodes[name], suite=suite)

    def in_order(self) -> dict[str, Node]:
        graph: dict[str, set[str]] = {}
        for node in self.nodes.values():
            outer = {self.nodes[u].unit for u in node.upstream} - {node.unit}
            graph.setdefault(node.unit, set()).update(outer)
        try:
            units = list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            cycle = " -> ".join(reversed(error.args[1]))
            raise self.fail(
                "steps", f"these steps wait for each other: {cycle}; remove one of the references"
            ) from error
        split = set(self.spec.partitions.roles) if self.spec.partitions else set()
        ordered: dict[str, Node] = {}
        for unit in units:
            members = [n for n in self.nodes.values() if n.unit == unit]
            partitioned = any(n.name in split or any(ordered[u].partitioned for u in n.upstream if u in ordered)
                              for n in members)  # fmt: skip
            for node in members:
                ordered[node.name] = replace(node, partitioned=partitioned)
        return ordered


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().split("\n")[0]
