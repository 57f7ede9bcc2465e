"""What a gate may know beyond the table it judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ballast.gates.rows.table import RowTable

LabelKind = Literal["classes", "numbers"]


class Features(NamedTuple):
    """The encoded features of one data role: ids (n,), matrix (n, d), names of the d columns, design weights (n,)."""

    ids: np.ndarray
    matrix: np.ndarray
    names: list[str]
    design_weight: np.ndarray | None = None


class GateContext(Protocol):
    """The stage that is judged, and the stored data of its pipeline; whoever runs the gates provides it.

    Attributes
    ----------
    asset : the stage's key, such as ``"digits/density"``.
    stage : one of ``ballast.stages.STAGES``.
    role : the data role of a source or features stage ("train", "target", ...), else None.
    id : the column of a source stage that holds the sample ids; None for every other stage (there: ``sample_id``).
    label : the column of a source, or of late labels, that holds the labels; None where it has none.
    label_required : whether the stage cannot do without labels.
    observed : the column of a source stage that says whether a row's label was observed; None where all were.
    label_kind : what the pipeline's models take the labels for; None where none of them says.
    may_be_empty : whether a table without rows is as it should be, of which no gate then asks anything.
    """

    @property
    def asset(self) -> str: ...
    @property
    def stage(self) -> str: ...
    @property
    def role(self) -> str | None: ...
    @property
    def id(self) -> str | None: ...
    @property
    def label(self) -> str | None: ...
    @property
    def label_required(self) -> bool: ...
    @property
    def observed(self) -> str | None: ...
    @property
    def label_kind(self) -> LabelKind | None: ...
    @property
    def may_be_empty(self) -> bool: ...

    def ids(self, role: str) -> np.ndarray | None:
        """Gives the sample ids (n,) of a data role; None where the pipeline has none, or it is not stored yet."""
        ...

    def table(self, role: str) -> pd.DataFrame | None:
        """Gives the rows of a data role; None where the pipeline has none, or they are not stored yet."""
        ...

    def label_of(self, role: str) -> str | None:
        """Gives the column that holds the labels of a data role; None where it has none."""
        ...

    def feature_columns(self, columns: Sequence[str], role: str) -> list[str]:
        """Gives those of a data role's columns that describe a row of it and of the stage's own role."""
        ...

    def features(self, role: str) -> Features | None:
        """Gives the encoded features of a data role; None where there are none, or they are not stored yet."""
        ...

    def previous(self) -> tuple[int, pd.DataFrame] | None:
        """Gives the stage's version before the one that is judged, and its table; None where that is the first."""
        ...


@dataclass(frozen=True)
class StaticContext:
    """A GateContext of what is at hand: names of columns, and the ids, tables and features of data roles by role.

    All roles' tables call id, label and observed the same; their other columns are features.
    """

    asset: str = "the table"
    stage: str = "table"
    role: str | None = None
    id: str | None = None
    label: str | None = None
    label_required: bool = False
    observed: str | None = None
    label_kind: LabelKind | None = None
    may_be_empty: bool = False
    stored_ids: Mapping[str, np.ndarray] = field(default_factory=dict)
    stored_tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    stored_features: Mapping[str, Features] = field(default_factory=dict)
    stored_previous: tuple[int, pd.DataFrame] | None = None
    stored_rows: Mapping[str, RowTable] = field(default_factory=dict)
    stored_previous_rows: tuple[int, RowTable] | None = None

    def ids(self, role: str) -> np.ndarray | None:
        if role in self.stored_ids or role not in self.stored_tables:
            return self.stored_ids.get(role)
        return self.stored_tables[role][self.id].to_numpy()

    def table(self, role: str) -> pd.DataFrame | None:
        return self.stored_tables.get(role)

    def label_of(self, role: str) -> str | None:
        rows = self.stored_rows.get(role)
        names = self.stored_tables.get(role, ()) if rows is None else rows.schema.names
        return self.label if self.label in names else None

    def id_of(self, role: str) -> str:
        return self.id or "sample_id"

    def rows(self, role: str) -> RowTable | None:
        return self.stored_rows.get(role)

    def feature_batches(self, role: str) -> Iterator[Features] | None:
        found = self.stored_features.get(role)
        return None if found is None else iter([found])

    def previous_rows(self) -> tuple[int, RowTable] | None:
        return self.stored_previous_rows

    def feature_columns(self, columns: Sequence[str], role: str) -> list[str]:
        return [name for name in columns if name not in (self.id, self.label, self.observed)]

    def features(self, role: str) -> Features | None:
        return self.stored_features.get(role)

    def previous(self) -> tuple[int, pd.DataFrame] | None:
        return self.stored_previous
