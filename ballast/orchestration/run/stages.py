"""What each stage does with its inputs: from a node and what it reads to the tables it leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.compute.balance import differences_of_counts
from ballast.compute.threads import threads_for
from ballast.errors import BallastError, DataError, OverlapError, nearest
from ballast.given.scoring import predicted, probability_columns, reasons, unseen
from ballast.methods.common.out_of_sample import cross_fitted
from ballast.methods.common.tasks import check_label_kind
from ballast.methods.common.weighting import fit_with_weights
from ballast.methods.features.encoder import FeatureEncoder
from ballast.methods.frame.base import Weigher
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.orchestration.plan import outside
from ballast.orchestration.plan.plan import ENCODER, PREDICTION, PROMOTION, Node, build_method
from ballast.orchestration.provide.columns import left_out, row_ids
from ballast.orchestration.provide.rows import positions, units_of_parents
from ballast.orchestration.read.sources import conversions, read_role, schema_of
from ballast.orchestration.run import late
from ballast.orchestration.run.apart import features_apart
from ballast.orchestration.run.inputs import Inputs
from ballast.orchestration.run.promotion import decision_of, in_use_when_judged
from ballast.orchestration.run.recent import stored_encoder
from ballast.orchestration.run.streamed import tested
from ballast.warehouse import Commit, matrix_of, matrix_table
from ballast.warehouse.tables.aliases import Use
from ballast.warehouse.tables.frames import PARTITION_COLUMN
from ballast.words import in_words

Given = Mapping[str, Any]
"""The values of the Dagster assets that a unit is handed, each by the data role that it is the source of."""


@dataclass(frozen=True)
class Product:
    """One table that a unit leaves behind, and the model beside it where there is one.

    `use` is what an alias is to name from the moment that the table is stored.
    """

    node: str
    table: pd.DataFrame | pa.Table
    summary: Mapping[str, Any] = field(default_factory=dict)
    model: Any = None
    use: Use | None = None


def source(inputs: Inputs, nodes: list[Node], given: Given) -> list[Product]:
    run, node = inputs.run, nodes[0]
    steps = {role: run.plan.spec.data[role].step for role in dict.fromkeys((node.name, "train"))}
    given = {**given, **{role: inputs.of_another(step) for role, step in steps.items() if step}}
    training = None
    if node.name != "train" and "train" in given:
        where = f"{run.plan.where}: data.train"
        training = schema_of(run.plan.spec.data["train"], where=where, folder=run.folder, given=given["train"])
    table = read_role(
        run.plan, node, folder=run.folder, partition=run.partition, given=given.get(node.name), training=training,
        run_id=run.run_id,
    )  # fmt: skip
    if steps[node.name] and node.partitioned and PARTITION_COLUMN in table.column_names:
        table = table.drop_columns([PARTITION_COLUMN])  # of the other pipeline; this one's own takes its place
    summary = {
        "columns": table.num_columns,
        "missing_values": {name: n for name in table.column_names if (n := table.column(name).null_count)},
        "types": {field.name: str(field.type) for field in table.schema},
        "converted": conversions(table),
        "declared": {key: getattr(run.plan.spec.data[node.name], key) for key in ("id", "label")},
    }
    return [Product(node.name, table.replace_schema_metadata(None), summary)]


def labels(inputs: Inputs, nodes: list[Node], given: Given) -> list[Product]:
    return [Product(nodes[0].name, *late.labels(inputs, given.get(nodes[0].handed_as)))]


def encoder(inputs: Inputs, nodes: list[Node], given: Given) -> list[Product]:
    """Fits the encoder on the training rows."""
    spec = inputs.spec.features
    transformer = build_method(spec.use, spec.params, seed=inputs.spec.seed) if spec.use else None
    made = FeatureEncoder(
        transformer=transformer, text=spec.text, text_method=spec.text_method, embeddings=spec.embeddings
    )
    made.fit(_feature_table(inputs, "train"), sample_weight=_frequencies(inputs))
    return [Product(ENCODER, pd.DataFrame(), {"n_features": len(made.get_feature_names_out())}, model=made)]


def features(inputs: Inputs, nodes: list[Node], given: Given) -> list[Product]:
    """Encodes the rows of one data role."""
    role, fitted = str(nodes[0].role), _fitted_encoder(inputs)
    table = _feature_table(inputs, role)
    matrix = fitted.transform(table, f"data.{role}")
    names = [str(name) for name in fitted.get_feature_names_out()]
    summary = {"names": names, **fitted.report(table, f"data.{role}")}
    return [Product(nodes[0].name, matrix_table(row_ids(inputs, role), {"features": matrix}), summary)]


def _fitted_encoder(inputs: Inputs) -> FeatureEncoder:
    sha256 = str(inputs.frame(ENCODER)["sha256"].iloc[0])
    return stored_encoder(sha256, lambda: inputs.model(ENCODER))


def _frequencies(inputs: Inputs) -> pd.Series | None:
    """Gives the column that says how much each training row counts in fitting the encoder, where one does."""
    name, table = inputs.run.plan.spec.features.weights, inputs.frame("train")
    if name is not None and name not in table:
        raise DataError(
            f"features.weights: column {name!r} is not among the {table.shape[1]} columns of the {len(table)} training "
            f"rows{nearest(name, table.columns)}"
        )
    return None if name is None else table[name]


def _feature_table(inputs: Inputs, role: str) -> pd.DataFrame:
    frame, others = inputs.frame(role), set(left_out(inputs.spec, "train", role))
    return frame[[name for name in frame.columns if name not in others]]


def test(inputs: Inputs, nodes: list[Node], given: Given) -> list[Product]:
    if inputs.rows is not None:
        return [Product(nodes[0].name, *tested(inputs, inputs.rows))]
    report = inputs.run.plan.method_of(nodes[0].name).test(**inputs.arguments("test"))
    return [Product(nodes[0].name, report.table, report.remembered)]


def assess(inputs: Inputs, nodes: list[Node], given: Given) -> list[Product]:
    report = inputs.run.plan.method_of(nodes[0].name).assess(**inputs.arguments("assess"))
    return [Product(nodes[0].name, report.table, {**report.remembered, **in_use_when_judged(inputs)})]


def score(inputs: Inputs, nodes: list[Node], given: Given) -> list[Product]:
    scorer = inputs.run.plan.method_of(nodes[0].name).fit(**inputs.arguments("fit"))
    scores = np.asarray(scorer.score_samples(**inputs.arguments("score_samples")))
    flagged = scorer.flag(scores)
    table = pd.DataFrame({"sample_id": inputs.ids("score_samples"), "score": scores, "flagged": flagged})
    summary = {"higher": scorer.higher, "flagged": int(flagged.sum())}
    if (threshold := getattr(scorer, "threshold_", None)) is not None:
        summary["threshold"] = float(threshold)
    return [Product(nodes[0].name, table, summary)]


def weigh(inputs: Inputs, nodes: list[Node], given: Given) -> list[Product]:
    arguments = inputs.arguments("fit")
    weigher = inputs.run.plan.method_of(nodes[0].name).fit(**arguments)
    table = pd.DataFrame({"sample_id": inputs.ids("fit"), "weight": weigher.weights_})
    summary: dict[str, Any] = _balance(weigher, arguments)
    if (priors := getattr(weigher, "priors_", None)) is not None:
        summary["priors"] = np.asarray(priors).tolist()
    if (at_bound := getattr(weigher, "share_at_bound_", None)) is not None:
        summary["share_at_bound"] = float(at_bound)
    products = [Product(nodes[0].name, table, summary)]
    if len(nodes) > 1:
        found = weigher.influence(**arguments)
        matrices = {"weight_gradient": found.gradient, "weight_influence": found.influence}
        products.append(Product(nodes[1].name, matrix_table(inputs.ids("fit"), matrices)))
    return products


def _balance(weigher: Weigher, given: Mapping[str, Any]) -> dict[str, float]:
    """Gives the largest standardised difference of a column before and after weighing, where it is known.

    Of a weigher of tables that of a count it weighs by, such as a category's share (``compared``).
    """
    differences = weigher.standardized_differences_
    if (compared := getattr(weigher, "compared", None)) is not None:
        counts, counts_target = compared(given["table"], given["table_target"])
        design, design_target = (given.get(name) for name in ("design_weight", "design_weight_target"))
        weights = np.asarray(weigher.weights_, dtype=np.float64)[None]
        differences = differences_of_counts(counts, counts_target, weights, design, design_target)
    if differences is None:
        return {}
    before, after = differences.max(axis=1)
    return {"max_standardized_difference_before": float(before), "max_standardized_difference": float(after)}


def resample(inputs: Inputs, nodes: list[Node], given: Given) -> list[Product]:
    """Gives the dataset's rows by their source ids; where rows were made up, their features too."""
    sampler = inputs.run.plan.method_of(nodes[0].name)
    arguments = inputs.arguments("fit_resample")
    ids = inputs.ids("fit_resample")
    assert ids is not None
    X, y = sampler.fit_resample(**arguments)
    if not hasattr(sampler, "sample_indices_"):
        raise DataError(
            f"{nodes[0].use} does not say which rows it drew (sample_indices_); use a sampler of the catalogue"
        )
    indices = np.asarray(sampler.sample_indices_)
    synthetic = np.asarray(getattr(sampler, "is_synthetic_", np.zeros(len(indices), dtype=bool)))
    columns: dict[str, Any] = {
        "row": np.arange(len(indices)),
        "is_synthetic": synthetic,
        "second_parent_id": _second_parents(sampler, ids, synthetic),
    }
    if y is not None:
        columns["label"] = np.asarray(y)
    matrices = {"features": np.asarray(X)} if synthetic.any() else {}
    table = matrix_table(ids[indices], matrices, columns)
    unique = len(np.unique(indices[~synthetic]))
    return [Product(nodes[0].name, table, {"n_source": len(ids), "n_unique": unique})]


def _second_parents(sampler: Any, ids: np.ndarray, synthetic: np.ndarray) -> pa.Array:
    parents = getattr(sampler, "parents_", None)
    if parents is None:
        return pa.nulls(len(synthetic), pa.array(ids[:1]).type)
    return pa.array(ids[np.asarray(parents)[:, 1]], mask=~synthetic)


def learn(inputs: Inputs, nodes: list[Node], given: Given) -> list[Product]:
    model, (ids, arguments) = _learner(inputs, nodes[0].name), _training_rows(inputs)
    if (y := arguments.get("y")) is not None:
        check_label_kind(model, np.asarray(y), nodes[0].use)
    outside.check_trusted(model)
    fit_with_weights(model, **arguments)
    model = outside.trained(model)
    classes = getattr(model, "classes_", None)
    summary: dict[str, Any] = {} if ids is None else {"n_rows": len(ids)}
    if (X := arguments.get("X", arguments.get("X_target"))) is not None:
        summary["n_features"] = X.shape[1]
    if sampling := getattr(model, "sampling_", None):
        summary["sampling"] = sampling
    if classes is not None:
        summary["classes"] = np.asarray(classes).tolist()
    if (step := nodes[0].step) is not None and step.embed is not None:
        summary["embed"] = step.embed
    products = [Product(nodes[0].name, pd.DataFrame(), summary, model=model)]
    if len(nodes) > 1:
        recorded = model.dynamics_
        assert ids is not None, "what is recorded is recorded of training rows"
        products.append(Product(nodes[1].name, matrix_table(ids, recorded), {"epochs": recorded["losses"].shape[1]}))
    return products


def _learner(inputs: Inputs, name: str) -> Any:
    features = inputs.commits.get("train/features")
    names = features.summary.get("names", ()) if features is not None else ()
    return outside.with_names(inputs.run.plan.method_of(name), names)


def _training_rows(inputs: Inputs) -> tuple[np.ndarray | None, dict[str, Any]]:
    """Gives what a learner step trains on, and the ids of its rows: all of a data role, or a dataset; None for none."""
    step = inputs.node.step
    assert step is not None
    ids, given = inputs.ids("fit"), inputs.arguments("fit")
    if step.rows is None or ids is None:
        return ids, given
    dataset = inputs.arrow(step.rows)
    drawn = dataset.column("sample_id").to_numpy()
    rows = positions(ids, drawn, "train/features")
    by_row = {name for name in given if VOCABULARY[name].rows == "sample"}
    made_up: dict[str, Any] = {}
    if "features" in dataset.column_names:
        made_up = {"X": matrix_of(dataset, "features"), "y": dataset.column("label").to_numpy()}
        made_up["dependence"] = units_of_parents(dataset, given["dependence"], ids)
        if lost := sorted(by_row - {*made_up, "sample_weight"}):
            raise DataError(
                f"{step.rows} creates synthetic rows, which have no {in_words(lost, 'or')}; train {step.use} on rows "
                "that were drawn (importance_resampling) or on all (without `rows:`)"
            )
    return drawn, {**given, **{name: given[name][rows] for name in by_row - made_up.keys()}, **made_up}


def cross_fit(inputs: Inputs, nodes: list[Node], given: Given) -> list[Product]:
    run, name = inputs.run, nodes[0].unit.removesuffix("/out_of_sample")
    ids, arguments = _training_rows(inputs)
    assert ids is not None, "the compiler refuses a learner without training rows"
    X, y, weights = arguments.pop("X"), arguments.pop("y", None), arguments.pop("sample_weight", None)
    fitted = cross_fitted(
        _learner(inputs, name), X, y, sample_weight=weights, random_state=run.plan.spec.seed, others=arguments
    )
    found = fitted.predictions
    matrices = {k: np.asarray(v) for k, v in found.items() if k in ("probs", "logits")}
    if "probs" in found:
        columns = {"prediction": found["classes"][found["probs"].argmax(axis=1)]}
        summary = {"classes": found["classes"].tolist()}
    else:
        columns, summary = {"prediction": found["prediction"]}, {}
    return [Product(nodes[0].name, matrix_table(ids, matrices, columns), {**summary, **fitted.summary})]


def predict(inputs: Inputs, nodes: list[Node], given: Given) -> list[Product]:
    """Gives what a model predicts of a data role's rows, what other steps say of these, and what speaks against it."""
    node, step = nodes[0], nodes[0].step
    assert step is not None
    assert step.predict is not None
    role, where = str(node.role), f"data.{node.role}"
    model, fitted, ask, commit, about = _model_of(inputs, step.predict)
    rows, ids = _feature_table(inputs, role), row_ids(inputs, role)
    classes = getattr(model, "classes_", None) if hasattr(model, "predict_proba") else None
    calls = [model.predict, *([model.predict_proba] if classes is not None else [])]
    found, *probs = ask(calls, rows, where)
    if found.ndim != 1:
        raise DataError(f"{step.predict} gives {found.shape[1:]} values a row, and a prediction is one")
    columns: dict[str, Any] = {"prediction": found}
    if classes is not None:
        columns |= dict(zip(probability_columns(classes), probs[0].T, strict=True))
    doubts = {f"{name} holds a value never seen in training": hit for name, hit in
              unseen(rows, fitted.categories_).items()}  # fmt: skip
    for scorer in step.beside:
        scores = inputs.frame(scorer)
        at = positions(scores["sample_id"].to_numpy(), ids, scorer)
        flags = scores["flagged"].to_numpy()[at]
        columns |= {f"{scorer}_score": scores["score"].to_numpy()[at], f"{scorer}_flagged": flags}
        doubts[f"flagged by {scorer}"] = flags
    doubts |= {reason: np.ones(len(ids), dtype=bool) for reason in inputs.passed}
    columns |= {"flagged": np.logical_or.reduce([np.zeros(len(ids), dtype=bool), *doubts.values()])}
    columns |= {"reason": reasons(doubts, len(ids)), "model_version": np.full(len(ids), commit.version)}
    summary: dict[str, Any] = {
        "model": commit.asset,
        "model_version": commit.version,
        **about,
        "flagged": int(columns["flagged"].sum()),
        "flagged_for": {reason: int(hit.sum()) for reason, hit in doubts.items()},
    }
    if classes is not None:
        summary["classes"] = np.asarray(classes).tolist()
    return [Product(node.name, pa.table({"sample_id": ids, **columns}), summary)]


def _model_of(inputs: Inputs, name: str) -> tuple[Any, FeatureEncoder, Ask, Commit, dict[str, Any]]:
    """Gives a step's model with its encoder, how both are asked, its version, and what to remember of an alias."""
    if not inputs.spec.aliases([name]):
        fitted, embed = _fitted_encoder(inputs), inputs.spec.steps[name].embed
        ask = partial(_asked, encoder=fitted, embedder=inputs.model(embed) if embed else None)
        return inputs.model(name), fitted, ask, inputs.commits[name], {}
    used = inputs.in_use(name)
    if used is None:
        raise DataError(f"{inputs.run.plan.asset(name)} names no model yet, so that nothing can be predicted with it")
    parts, encoder = used.loaded, used.commits["encoder"]
    about = {"alias": used.use.alias, "encoder": encoder.asset, "encoder_version": encoder.version}
    return parts["estimator"], parts["encoder"], used.predicted, used.commits["estimator"], about


Ask = Callable[[list[Any], pd.DataFrame, str], list[np.ndarray]]
"""Gives what calls of an estimator say of rows, which errors name by the text."""


def _asked(calls: list[Any], rows: pd.DataFrame, where: str, *, encoder: Any, embedder: Any) -> list[np.ndarray]:
    return predicted(calls, rows, encoder, embedder, where)


def promote(inputs: Inputs, nodes: list[Node], given: Given) -> list[Product]:
    """Gives the models that were weighed and the one in use, which may be another from then on."""
    decided = decision_of(inputs)
    return [Product(nodes[0].name, decided.table, decided.summary, use=decided.use)]


def metrics(inputs: Inputs, nodes: list[Node], given: Given) -> list[Product]:
    return [Product(nodes[0].name, *late.metrics(inputs))]


Work = Callable[[Inputs, list[Node], Given], list[Product]]
WORK: dict[str, Work] = {
    "source": source,
    "encoder": encoder,
    "features": features,
    "test": test,
    "scorer": score,
    "weigher": weigh,
    "influence": weigh,
    "sampler": resample,
    "learner": learn,
    "dynamics": learn,
    "out_of_sample": cross_fit,
    "assessor": assess,
    PREDICTION: predict,
    PROMOTION: promote,
    "labels": labels,
    "metrics": metrics,
}


def perform(inputs: Inputs, nodes: list[Node], given: Given = MappingProxyType({})) -> list[Product]:
    """Does a unit's work. A BallastError comes out with the unit's name before it."""
    run, node = inputs.run, nodes[0]
    try:
        with threads_for(inputs.n_cells):
            return WORK[node.stage](inputs, nodes, given)
    except BallastError as error:
        apart = features_apart(inputs) if isinstance(error, OverlapError) else ""
        raise type(error)(f"{run.plan.asset(node.unit)}: {error}{apart}") from error
