"""Labels of a data role's rows that stand in a source of their own, which may not be there yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from ballast.errors import DataError
from ballast.given.frames import as_arrow
from ballast.given.labels import LateLabels, joined
from ballast.orchestration.read.files import format_of, found, is_remote, located
from ballast.orchestration.read.sources import conversions, read_table
from ballast.orchestration.spec.data import DataSpec, as_list
from ballast.orchestration.spec.labels import LabelsSpec


def read_labels(
    spec: LabelsSpec, ids: pa.ChunkedArray, label_type: pa.DataType, *, where: str, folder: Path, given: Any = None
) -> tuple[LateLabels, dict[str, str]]:
    """Gives the rows `ids` their labels, and what became of the columns that hold them ("converted: ...").

    Labels have the training label's type. A file that is not there yet, or is empty, has no labels; `where`
    ("defs.yaml: data.new.labels_from") opens the message of every other fault, which is a DataError.
    """
    if given is not None:
        given = as_arrow(given, f"{where}.asset")
    if not (_is_there(spec, f"{where}.path", folder) if given is None else len(given)):
        return joined(ids, None, label_type, where), {}
    own = DataSpec(**spec.model_dump(exclude_none=True))
    like = pa.schema([(spec.label, label_type)])
    table = read_table(own, where=where, folder=folder, given=given, like=like, may_be_empty=True)
    columns = {"id": spec.id, "label": spec.label, **({"time": spec.time} if spec.time else {})}
    told = {name: why for name, why in conversions(table).items() if name in columns.values()}
    found = pa.table({key: table.column(name) for key, name in columns.items()})
    return joined(ids, found, label_type, where), told


def _is_there(spec: LabelsSpec, where: str, folder: Path) -> bool:
    """Says whether there is anything to read: a file that has not been written yet is not a mistake."""
    paths = as_list(spec.path)
    if not paths or any(map(is_remote, paths)):
        return True
    for path in paths:
        format_of(path, where)
    try:
        return any(Path(name).stat().st_size for name in found(paths, where, folder).names)
    except DataError:
        if any(located(path, folder).exists() for path in paths):
            raise
        return False
