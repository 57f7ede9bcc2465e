"""From a step to the rows that it stands for: its own columns, and those of the source that they were made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ballast.errors import DataError, VersionNotFoundError, WarehouseError, nearest
from ballast.stages import STAGES
from ballast.warehouse.datasets import rows
from ballast.warehouse.datasets.dataset import Dataset
from ballast.warehouse.leaving import behind, checked, closed_behind
from ballast.warehouse.tables.commits import Commit
from ballast.warehouse.tables.matrices import matrix_table
from ballast.words import listed, plural

if TYPE_CHECKING:
    from ballast.warehouse.warehouse import Warehouse

SAMPLE = "sample_id"
WEIGHT = "weight"


def dataset(
    self: Warehouse,
    name: str,
    *,
    join: str | None = None,
    version: int | None = None,
    partition: str | None = None,
    force: bool = False,
) -> Dataset:
    """Gives the rows of a step, ready to train on: weights, drawn rows, features, scores, predictions, a data role.

    Parameters
    ----------
    name
        "digits/density", "digits/resampled", "digits/train/features", "digits/train".
    join
        The data role whose own columns stand beside those of the step, by sample id: "train".
    version, partition
        Which version; default the latest, of a step with partitions the latest of this one.
    force
        Also from behind a closed gate; ``Dataset.notes`` says so.

    Raises
    ------
    VersionNotFoundError
        There is no such step, version or partition.
    GateClosedError
        A gate is closed behind the step, or behind what it was made from, or never judged that.
    DataError
        The step is a model, or not of the rows of `join`; the message says how many are missing on either side.
    """
    with self.reading():
        commit = _commit(self, name, version, partition)
        stage = STAGES.get(commit.kind or "")
        if stage is not None and stage.model:
            remedy = (
                f"export it into a folder (`ballast export {name} model/`), or take ballast.load({name!r}, ...)"
                if commit.kind == "learner"
                else "it leaves with each model; the rows that it encodes are <role>/features"
            )
            raise DataError(f"{name} is a model and has no rows: {remedy}")
        before = behind(self, [(commit.asset, commit.version)])
        verdicts = checked(self, commit, before, force=force)
        made = Making(self, commit, before)
        table, notes = made.table(join)
        if closed := closed_behind(self, before, verdicts):
            notes = [*notes, f"it left though closed is the gate behind {'; '.join(closed)}"]
        return Dataset(name, commit.version, commit.partition, commit.kind or "table", table, tuple(notes), made)


def _commit(warehouse: Warehouse, name: str, version: int | None, partition: str | None) -> Commit:
    if version is not None and partition is not None:
        raise WarehouseError(f"{name}: give a version or a partition, not both; a version is of one partition")
    if version is not None:
        return warehouse.version(name, version)
    keys = [key for _, key in warehouse.partitions([name])]
    if partition is None and keys:
        raise WarehouseError(f"{name} has partitions ({listed(keys)}): name one (--partition, partition=)")
    found = warehouse.latest(name, partition=partition)
    if found is None:
        there = sorted({c.asset for c in warehouse.commits()})
        told = (
            f"has no partition {partition!r} of {name}" if name in there else f"has no {name!r}{nearest(name, there)}"
        )
        choices = f"partitions: {listed(keys)}" if keys else f"stored: {listed(there) if there else 'nothing yet'}"
        raise VersionNotFoundError(f"{warehouse.url} {told} ({choices})")
    return found


@dataclass
class Making:
    """A step's version on the way to its rows, and what it was made from, the nearest first."""

    warehouse: Warehouse
    commit: Commit
    before: Sequence[Commit]

    def __post_init__(self) -> None:
        self.own = self._read(self.commit)
        self.pipeline = self.commit.asset.partition("/")[0]
        self.last = self.commit.asset.rpartition("/")[2]
        self.id = self.commit.summary.get("declared", {}).get("id") if self.commit.kind == "source" else SAMPLE
        self.role = self._role()
        self.source = self._of(f"{self.pipeline}/{self.role}") if self.role else None
        self.encoded = self._encoded()
        self.feature_names = list(self.encoded.summary.get("names", ())) if self.encoded else []
        self._features: tuple[pd.Index, pa.Table] | None = None

    def _read(self, commit: Commit) -> pa.Table:
        return self.warehouse.read_arrow(commit.asset, version=commit.version)

    def _of(self, asset: str) -> Commit | None:
        return next((c for c in self.before if c.asset == asset), None)

    def _role(self) -> str | None:
        """Gives the data role whose rows the step is of; None where it has no rows by id."""
        parts = self.commit.asset.split("/")
        if self.commit.kind == "source":
            return parts[-1]
        if SAMPLE not in self.own.column_names:
            return None
        return str(self.commit.summary.get("rows_of") or (parts[-2] if self.commit.kind == "features" else "train"))

    def _encoded(self) -> Commit | None:
        """Gives the features of the step's rows, of the version of the source that it was made from."""
        if self.commit.kind == "features" or self.source is None:
            return self.commit if self.commit.kind == "features" else None
        asset = f"{self.pipeline}/{self.role}/features"
        if (known := self._of(asset)) is not None:
            return known
        made_from = (self.source.asset, self.source.version)
        found = (c for c in self.warehouse.commits(asset) if c.inputs.get(made_from[0]) == made_from[1])
        return next((c for c in found if not self._is_closed(c)), None)

    def _is_closed(self, commit: Commit) -> bool:
        """Says whether a gate is closed on a version that is not behind the step, and so was not asked for."""
        of = (commit.asset, commit.version)
        return self.warehouse.basis_of(*of) is None or any(v.closes for v in self.warehouse.verdicts_of([of]))

    # -- what a fit takes ----------------------------------------------------------------------------------------

    @property
    def ids(self) -> np.ndarray | None:
        return rows.values_of(self.own, self.id) if self.id in self.own.column_names else None

    def weights(self) -> np.ndarray | None:
        if self.commit.kind != "weigher":
            return None
        return self.own[WEIGHT].to_numpy()

    def matrix(self) -> np.ndarray | None:
        if "features" in self.own.column_names and rows.is_matrix(self.own, "features"):
            return rows.matrix_of(self.own, "features")
        at = self._places_of_features()
        return None if at is None or self._features is None else rows.matrix_of(self._features[1], "features")[at]

    def _places_of_features(self) -> np.ndarray | None:
        if self.encoded is None or self.ids is None:
            return None
        if self._features is None:
            table = self._read(self.encoded)
            self._features = rows.ids_of(table, SAMPLE, self.encoded.asset), table
        return rows.each(self._features[0], self.ids, self.encoded.asset)

    def y(self) -> np.ndarray | None:
        if self.commit.kind == "sampler" and "label" in self.own.column_names:
            return rows.values_of(self.own, "label")
        label = self.source.summary.get("declared", {}).get("label") if self.source else None
        if label is None or self.source is None or self.ids is None:
            return None
        source, ids = self._source()
        return rows.values_of(source, label)[rows.each(ids, self.ids, self.source.asset)]

    def _source(self) -> tuple[pa.Table, pd.Index]:
        assert self.source is not None
        table = self.own if self.source is self.commit else self._read(self.source)
        return table, rows.ids_of(table, str(self.source.summary.get("declared", {}).get("id")), self.source.asset)

    # -- its table -----------------------------------------------------------------------------------------------

    def table(self, join: str | None) -> tuple[pa.Table, list[str]]:
        """Gives the columns of the rows, and what is to be known of them."""
        if self.commit.kind == "sampler":
            return self._drawn(join)
        ours = self.commit.kind in STAGES and self.commit.kind != "source"
        own = rows.spread(self.own, rows.names_in(self.commit)) if ours else self.own
        if join is None:
            return own, []
        source, ids = self._joined(join)
        at = rows.one_to_one(ids, rows.ids_of(own, SAMPLE, self.commit.asset), f"data.{join}", self.commit.asset)
        beside = own.drop_columns([SAMPLE])
        made = rows.beside(source.take(pa.array(at)), beside, self.last)
        return made, _told_of_names(beside.column_names, made.column_names[source.num_columns :], join)

    def _joined(self, join: str) -> tuple[pa.Table, pd.Index]:
        """Gives the rows of the role to join, and their ids."""
        asset = self.commit.asset
        if self.role is None:
            raise DataError(f"{asset} ({self.commit.kind}) has no sample ids to join by; leave the join out")
        if self.commit.kind == "source":
            raise DataError(f"{asset} is a data role itself, and has its columns; leave the join out")
        if join != self.role:
            raise DataError(f"{asset} is of the rows of {self.role!r}, not of {join!r}: join {self.role!r}")
        if self.source is None:
            raise DataError(
                f"{asset} (version {self.commit.version}): the rows of {join!r} that it was made from are no longer "
                "stored; run the pipeline and take the version that this makes"
            )
        return self._source()

    def _drawn(self, join: str | None) -> tuple[pa.Table, list[str]]:
        """Gives the rows of a sampler's dataset: where each is from, how often it is there, and its columns."""
        plain = self.own.drop_columns(["features"]) if "features" in self.own.column_names else self.own
        synthetic = self.own["is_synthetic"].to_numpy()
        drawn = rows.values_of(self.own, SAMPLE)
        columns: dict[str, pa.Array] = {"multiplicity": pa.array(_multiplicity(drawn, synthetic))}
        if (drawn_by := self._drawn_by(drawn)) is not None:
            columns["drawn_by_weight"] = pa.array(drawn_by)
        whole = rows.beside(plain, pa.table(columns), self.last)
        notes = [f"{int(synthetic.sum())} of {plural(len(synthetic), 'row')} are synthetic"] if synthetic.any() else []
        if drawn_by is not None:
            notes.append("drawn_by_weight is what each row was drawn by: train without weights, or it counts twice")
        if join is None:
            made = self._with_features(whole)
            lost = "the features of its rows are no longer stored; run the pipeline for a version that has them"
            return made, [*notes, *([lost] if made is whole else [])]
        source, ids = self._joined(join)
        at = rows.each(ids, drawn, f"data.{join}")
        label = self.source.summary.get("declared", {}).get("label") if self.source else None
        if not synthetic.any():
            kept = whole.drop_columns(["label"]) if label is not None and "label" in whole.column_names else whole
            return rows.beside(source.take(pa.array(at)), kept, self.last), notes
        joined = rows.beside(source.take(pa.array(at, mask=synthetic)), whole, self.last)
        made = self._with_features(joined)
        features = listed(made.column_names[joined.num_columns :], most=8)
        notes.append(f"these have no columns of data.{join} (blank there), but features, as all rows have: {features}")
        return made, notes

    def _with_features(self, table: pa.Table) -> pa.Table:
        X = self.matrix()
        if X is None:
            return table
        matrix = rows.spread(matrix_table(np.arange(len(X)), {"features": X}), {"features": self.feature_names})
        return rows.beside(table, matrix.drop_columns([SAMPLE]), self.last)

    def _drawn_by(self, drawn: np.ndarray) -> np.ndarray | None:
        """Gives (n,) the weight of each row's source, where the sampler drew by weights that are stored."""
        found = (c for c in self.before if c.kind == "weigher" and self.commit.inputs.get(c.asset) == c.version)
        if (weigher := next(found, None)) is None:
            return None
        table = self._read(weigher)
        at = rows.each(rows.ids_of(table, SAMPLE, weigher.asset), drawn, weigher.asset)
        return pc.cast(table[WEIGHT], pa.float64()).to_numpy()[at]


def _multiplicity(drawn: np.ndarray, synthetic: np.ndarray) -> np.ndarray:
    """Gives (n,) how many of the rows are the same source row; 1 for a synthetic one."""
    codes, _ = pd.factorize(drawn)
    counts = np.bincount(codes[~synthetic], minlength=codes.max(initial=-1) + 1)
    return np.where(synthetic, 1, counts[codes])


def _told_of_names(before: Sequence[str], after: Sequence[str], join: str) -> list[str]:
    other = [f"{new} ({old})" for old, new in zip(before, after, strict=True) if old != new]
    return [f"columns named otherwise, since data.{join} has their names already: {listed(other)}"] if other else []
