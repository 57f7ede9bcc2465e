"""A model as the warehouse holds it, with all that it needs and all that is known of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from ballast.bundles import folder as folders
from ballast.bundles import graphs, tracked
from ballast.bundles.card import card_of, metrics_of, thresholds_of
from ballast.bundles.model import Model
from ballast.bundles.schema import Schema, Threshold
from ballast.errors import ModelStoreError, VersionNotFoundError, nearest
from ballast.warehouse import Commit, ModelStore, StoredModel, Verdict, Warehouse
from ballast.warehouse.aliases import in_use, parts
from ballast.warehouse.homes.embedded import Embedded
from ballast.warehouse.leaving import behind, checked
from ballast.warehouse.models.store import loads
from ballast.warehouse.tables.aliases import Use
from ballast.words import listed, plural

Form = Literal["ballast", "mlflow", "onnx"]
"""What reads a model's folder."""


@dataclass(frozen=True)
class Stored:
    """A model's version, with the bytes and the words that leave the house with it.

    Attributes
    ----------
    files : the format and bytes of each part of ``ballast.bundles.folder.PARTS``.
    rows : the training rows, in the columns of the schema.
    metrics : what the steps that judged it found of all rows, as "verdict/accuracy".
    tags : what it is and was made from, in short.
    """

    commit: Commit
    schema: Schema
    card: str
    files: dict[str, tuple[str, bytes]]
    rows: pa.Table
    metrics: dict[str, float]
    tags: dict[str, str]

    def model(self) -> Model:
        """Gives the model, ready to predict."""
        made = {part: loads(Path(f"{part}.{kind}"), data) for part, (kind, data) in self.files.items()}
        name, version = self.commit.asset, self.commit.version
        return Model(name, version, self.schema, self.card, **{"embedder": None, **made})

    def write(self, folder: str | Path, form: Form = "ballast") -> Path:
        """Writes the model's folder, whole or not at all, and gives its path."""
        path = Path(folder).expanduser().absolute()
        if form == "mlflow":
            tracked.save(self, path)
        elif form == "onnx":
            graphs.save(self, path)
        else:
            folders.write(path, self.commit.asset, self.commit.version, self.schema, self.card, self.files)
        return path


def stored(
    name: str,
    warehouse: Warehouse | str,
    *,
    version: int | None = None,
    models: ModelStore | str | Path | None = None,
    force: bool = False,
) -> Stored:
    """Gives a learner step's model, or that which an alias names, with its encoder, its schema and its card.

    Raises
    ------
    VersionNotFoundError
        There is no such step or version, or a version is given of an alias.
    ModelStoreError
        The step is not a learner's, what it was made from is gone, or a file is missing or was changed.
    GateClosedError
        A gate is closed behind the model, or behind what it was made from, or never judged that; and `force` is not
        given.
    """
    warehouse = Warehouse(warehouse) if isinstance(warehouse, str) else warehouse
    store = _store(warehouse, models)
    with warehouse.reading():
        if (use := in_use(warehouse, name)) is not None:
            name, version = _named(warehouse, store, use, version)
        commit = warehouse.version(name, version) if version is not None else _latest(warehouse, name)
        if commit.kind != "learner":
            rows = f"; its rows go into a file (`ballast export {name} rows.parquet`, or Warehouse.dataset)"
            raise ModelStoreError(
                f"{name} is not a model but of the stage {commit.kind}{_models(warehouse, name)}"
                f"{rows if commit.kind != 'encoder' else ''}"
            )
        before = behind(warehouse, [(commit.asset, commit.version)])
        verdicts = checked(warehouse, commit, before, force=force)
        encoder = _one(commit, "its encoder", (c for c in before if c.kind == "encoder"))
        train = _one(commit, "the training rows", (c for c in before if encoder.inputs.get(c.asset) == c.version))
        parts = {"estimator": commit, "encoder": encoder}
        _refuse_unknown_features(commit, encoder)
        if (embed := commit.summary.get("embed")) is not None:
            asset = f"{name.partition('/')[0]}/{embed}"
            parts["embedder"] = _one(commit, asset, (c for c in before if c.asset == asset))
        files = {
            part: (found.format, store.data(found))
            for part, c in parts.items()
            for found in [StoredModel.of(warehouse.read(c.asset, version=c.version))]
        }
        kind, data = files["encoder"]
        table = warehouse.read_arrow(train.asset, version=train.version)
        schema = _schema(table, train, loads(Path(f"encoder.{kind}"), data), thresholds_of(warehouse, commit))
        card = card_of(warehouse, commit, before, verdicts, schema)
        metrics = metrics_of(warehouse, commit)
    rows = table.select(schema.types.names)
    return Stored(commit, schema, card, files, rows, metrics, _tags(commit, before, verdicts))


def _store(warehouse: Warehouse, models: ModelStore | str | Path | None) -> ModelStore:
    if isinstance(models, ModelStore):
        return models
    if models is None:
        if not isinstance(warehouse.home, Embedded):
            raise ModelStoreError(f"say with models= in which folder the models of {warehouse.url} are")
        models = warehouse.home.path.parent / "models"
    return ModelStore(models)


def _named(warehouse: Warehouse, store: ModelStore, use: Use, version: int | None) -> tuple[str, int]:
    """Gives the step and the version that an alias names."""
    if version is not None:
        raise VersionNotFoundError(
            f"{use.alias} is an alias, now of {use}; leave the version out, or name the step ({use.model})"
        )
    parts(warehouse, store, use)
    return use.named


def _latest(warehouse: Warehouse, name: str) -> Commit:
    found = warehouse.latest(name)
    if found is None:
        raise VersionNotFoundError(f"{warehouse.url} has no model {name!r}{_models(warehouse, name)}")
    return found


def _models(warehouse: Warehouse, name: str) -> str:
    known = sorted({c.asset for c in warehouse.commits() if c.kind == "learner"})
    return f"{nearest(name, known)} (models: {listed(known) if known else 'none yet'})"


def _one(commit: Commit, what: str, found: Iterator[Commit]) -> Commit:
    if (first := next(found, None)) is None:
        raise ModelStoreError(
            f"{commit.asset} (version {commit.version}) cannot leave: {what} that it was fitted on is no longer stored"
            "; run the pipeline and export the version that this makes"
        )
    return first


def _refuse_unknown_features(commit: Commit, encoder: Commit) -> None:
    """Raises ModelStoreError for a model of an embedding that was stored before it was kept whose embedding that is."""
    took, given = (c.summary.get("n_features") for c in (commit, encoder))
    if "embed" not in commit.summary and took is not None and given is not None and took != given:
        raise ModelStoreError(
            f"{commit.asset} (version {commit.version}) cannot predict: it was fitted on {plural(took, 'feature')}, "
            f"and its encoder gives {given}. An older Ballast stored it, which did not keep that the features were a "
            "network's embedding, nor of which: run the pipeline and use the version that this makes"
        )


def _tags(commit: Commit, before: list[Commit], verdicts: list[Verdict]) -> dict[str, str]:
    sources = {c.asset: c.version for c in before if c.kind == "source"}
    passed, forced = (sum(held) for held in ([v.passed for v in verdicts], [v.forced for v in verdicts]))
    return {
        "ballast.model": commit.asset,
        "ballast.version": str(commit.version),
        "ballast.method": str(commit.method),
        "ballast.run": str(commit.run_id),
        "ballast.sources": json.dumps(sources),
        "ballast.gates": f"{passed} of {len(verdicts)} passed" + (f", {forced} forced" if forced else ""),
    }


def _schema(table: pa.Table, train: Commit, encoder: Any, thresholds: dict[str, Threshold]) -> Schema:
    declared = train.summary.get("declared", {})
    read = [name for name in encoder.columns_ if name not in encoder.dropped_]
    types = table.schema.remove_metadata()
    id_name = declared.get("id")
    return Schema(
        types=pa.schema([types.field(name) for name in read]),
        rows=table.num_rows,
        missing={name: n for name in read if (n := table.column(name).null_count)},
        categories={name: list(values) for name, values in encoder.categories_.items()},
        id=id_name,
        label=declared.get("label"),
        id_type=types.field(id_name).type if id_name in types.names else None,
        thresholds=thresholds,
    )
