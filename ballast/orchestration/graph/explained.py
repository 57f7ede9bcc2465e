"""What an asset of a pipeline will do, in words: with which rows and columns, how, behind which gates, and for whom."""

from __future__ import annotations

import inspect
import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ballast.gates.wording import sentence_of
from ballast.methods.features.encoder import FeatureEncoder
from ballast.methods.frame.parameters import defaults
from ballast.orchestration.plan.outside import resolve
from ballast.orchestration.plan.plan import ENCODER, Binding, Node, Plan
from ballast.orchestration.read.files import is_remote
from ballast.orchestration.read.sources import COLUMN_KEYS
from ballast.orchestration.spec.data import DataSpec, as_list
from ballast.orchestration.spec.pipeline import models_of
from ballast.stages import STAGES
from ballast.warehouse.names import view_of
from ballast.words import in_words, listed, plural, shown, spaced


@dataclass(frozen=True)
class Explained:
    """An asset in words.

    Attributes
    ----------
    title : what it is, in a line.
    reads : each thing that it is made from, with the name under which its method gets it ("" where it has none).
    columns : which columns mean what, and which are features.
    parameters : of its method, each with its value and whether the pipeline gives it; else it is the default.
    gates : what is asked of its table, a sentence a gate.
    readers : the assets that are made from it.
    stored : the view of the warehouse that shows its table, "" where it leaves none.
    """

    title: str
    reads: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    parameters: tuple[tuple[str, Any, bool], ...]
    gates: tuple[str, ...]
    readers: tuple[str, ...]
    stored: str

    def as_markdown(self) -> str:
        """Gives it for Dagster's description of an asset, whose first line is all that the graph has room for."""
        paragraphs = [self.title]
        if self.reads:
            paragraphs.append("**Reads** " + "; ".join(f"`{n}`: {what}" if n else what for n, what in self.reads) + ".")
        if self.columns:
            paragraphs.append("**Columns** " + "; ".join(self.columns) + ".")
        if self.parameters:
            given = [f"{name} = {shown(value)}" for name, value, is_given in self.parameters if is_given]
            others = [f"{name} = {shown(value)}" for name, value, is_given in self.parameters if not is_given]
            told = [", ".join(given), f"{'by default ' if others else ''}{', '.join(others)}"]
            paragraphs.append("**Parameters** " + "; ".join(filter(None, told)) + ".")
        if self.gates:
            paragraphs.append(f"**Gates** {plural(len(self.gates), 'gate')} on its table: see its checks.")
        if self.readers:
            paragraphs.append(f"**Read by** {listed(self.readers, 12)}.")
        if self.stored:
            paragraphs.append(f"**Stored** as `{self.stored}`.")
        return "\n\n".join(paragraphs)


def explained(plan: Plan, name: str) -> Explained:
    """Gives an asset of a pipeline in words."""
    node = plan.nodes[name]
    schema, view = view_of(plan.asset(name))
    return Explained(
        title=node.description.strip().rstrip(".") + ".",
        reads=tuple(_reads(plan, node)),
        columns=tuple(_columns(plan, node)),
        parameters=tuple(_parameters(plan, node)),
        gates=tuple(sentence_of(expectation) for expectation in node.suite),
        readers=tuple(other.name for other in plan.nodes.values() if name in other.upstream),
        stored=f"{schema}.{view}" if STAGES[node.stage].stored else "",
    )


def _reads(plan: Plan, node: Node) -> Iterator[tuple[str, str]]:
    if node.stage == "source":
        yield "", _source(plan.spec.data[node.name])
    elif node.stage == "labels":
        yield "", f"the labels of {_labels(plan.spec.data[str(node.role)])}, joined by id to the table of {node.role}"
        yield "", "the type of the labels of train"
    elif node.bindings:
        several = len({binding.entry for binding in node.bindings}) > 1
        for binding in node.bindings:
            name = f"{binding.entry}({binding.term})" if several else binding.term
            yield name, _argument(plan, node, binding)
        if node.step is not None and node.step.rows:
            yield "", f"of these rows those that {node.step.rows} drew"
        if node.step is not None and node.step.sample:
            yield "", f"of each data role {plural(node.step.sample, 'row')} at most, drawn by their ids"
    else:
        for name in node.upstream:
            yield "", f"the table of {name}"


def _source(data: DataSpec) -> str:
    made = f", after {in_words(f'the asset {key}' for key in data.named)}" if data.named else ""
    return _rows(data) + (made if data.source != "asset" or data.deps else "")


def _rows(data: DataSpec) -> str:
    if data.source == "asset":
        return f"the asset {data.asset} of Dagster"
    if data.path:
        paths = [path for path in as_list(data.path) if not is_remote(path)]
        noun = "file" if len(paths) == 1 and not set("*?[") & set(paths[0]) else "files"
        return f"the {noun} {listed(paths)}" if paths else "files at an address"
    if data.step:
        return f"what the step {data.step} of another pipeline has stored"
    return f"what the function {data.loader} returns" if data.loader else "the rows of a query"


def _labels(data: DataSpec) -> str:
    """Gives where a role's late labels come from."""
    labels = data.labels_from
    assert labels is not None
    return _rows(DataSpec(id=labels.id, path=labels.path, asset=labels.asset, query=labels.query))


def _argument(plan: Plan, node: Node, binding: Binding) -> str:
    """Gives where an argument comes from: of a role's table a column, of other steps what they have made."""
    role, step = binding.role, node.step
    assert step is not None
    models = in_words(models_of(step))
    predict = "predicts" if len(models_of(step)) == 1 else "predict"
    said = {
        "features": f"the features of {role}{f' as {step.embed} embeds them' if step.embed else ''}",
        "feature_names": f"the names of the features of {role}",
        "table": f"the columns of {role} before encoding",
        "weights": f"the weights of {in_words(as_list(step.weights))}",
        "influence": f"how the weights of {in_words(as_list(step.weights))} move with the rows they were fitted to",
        "predictions": f"what {models} {predict} of {role}{', out of sample' if role == 'train' else ''}",
        "dynamics": f"what was recorded of each row while {models} was trained",
        "model": f"the fitted {models}",
        "classes": f"the classes of {models}",
        "late_label": f"the labels of {role} that have come",
        "late_observed": f"which rows of {role} have a label by now",
    }
    if binding.source in said:
        return said[binding.source]
    return f"column {getattr(plan.spec.data[role], binding.source)} of {role} (its {spaced(binding.source)})"


def _columns(plan: Plan, node: Node) -> Iterator[str]:
    """Gives which columns of the data roles are features, for what is made of these, and what the others mean."""
    roles = (
        {node.role} if node.stage == "source" else {b.role for b in node.bindings if b.source in ("features", "table")}
    )
    if node.stage in ("encoder", "features"):
        roles = {"train", *([node.role] if node.role else [])}
    for role in (role for role in plan.spec.data if role in roles):
        data = plan.spec.data[role]
        named = [f"{column} ({spaced(key)})" for key in COLUMN_KEYS if (column := getattr(data, key))]
        named += [f"{column} (dropped)" for column in data.drop]
        named += [f"{column} (not a feature)" for column in plan.spec.control_columns]
        yield f"of {role} every column is a feature but {in_words(dict.fromkeys(named))}"
    features = plan.spec.features
    if node.stage == "encoder" and (features.text or features.embeddings):
        yield from (f"{in_words(as_list(c))} as {what}" for c, what in ((features.text, "text"),
                    (features.embeddings, "embeddings")) if c)  # fmt: skip


def _parameters(plan: Plan, node: Node) -> Iterator[tuple[str, Any, bool]]:
    use, params = _use(plan, node)
    if node.step is not None and node.step.promote is not None:
        rule = {name: getattr(node.step, name) for name in ("metric", "better_by", "not_worse_by", "not_worse_on")}
        yield from ((name, value, True) for name, value in rule.items() if value is not None)
    if use is not None:
        own = defaults(resolve(use))
        if "random_state" in own and "random_state" not in params:
            own = {**own, "random_state": plan.spec.seed}
        for name, value in {**own, **params}.items():
            if value is not inspect.Parameter.empty:
                yield name, value, name in params


def _use(plan: Plan, node: Node) -> tuple[str | None, dict[str, Any]]:
    """Gives the method that a node uses, by name, and the parameters that the pipeline gives it."""
    if node.name == ENCODER:
        return plan.spec.features.use, plan.spec.features.params
    return (node.step.use, node.step.params) if node.step is not None and node.step.use else (None, {})


def source_of(plan: Plan, node: Node) -> tuple[Path, int] | None:
    """Gives the file and line in which a node's method is written; None of one that uses none, or is not of Python."""
    use, _ = _use(plan, node)
    if use is None and node.stage not in ("encoder", "features"):
        return None
    cls = resolve(use) if use is not None else FeatureEncoder
    try:
        file = inspect.getsourcefile(cls)
    except TypeError:
        return None
    if file is None:
        return None
    begins = re.compile(rf"(class|def) {re.escape(cls.__name__)}\b")
    lines = linecache.getlines(file)
    return Path(file), next((n for n, line in enumerate(lines, start=1) if begins.match(line)), 1)
