"""Design weights of a data role: numbers, all there, finite, none below 0, and not all 0."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ballast.errors import DataError
from ballast.given.kinds import said
from ballast.orchestration.spec.data import DataSpec
from ballast.words import in_words


def check_weights(table: pa.Table, spec: DataSpec, where: str) -> None:
    """Raises DataError where the column that a data role declares with `weight:` cannot weigh its rows (one at least).

    `where` ("pipelines/x/defs.yaml: data.train") opens the message, which counts the rows of each fault.
    """
    if spec.weight is None:
        return
    column, here = table.column(spec.weight), f"{where}.weight: column {spec.weight!r}"
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise DataError(
            f"{here} holds {said(kind)} in {len(table)} rows, and a design weight is a number; name another column, or "
            f"make it one in the source or with `types: {{{spec.weight}: double}}`"
        )
    values = column.cast(pa.float64(), safe=False).to_numpy()
    missing = np.isnan(values)
    faults = {"missing": missing, "infinite": np.isinf(values), "negative": (values < 0) & ~np.isinf(values)}
    bad = np.flatnonzero(np.any(list(faults.values()), axis=0))
    if len(bad):
        counts = in_words(f"{int(rows.sum())} {fault}" for fault, rows in faults.items() if rows.any())
        first = int(bad[0])
        held = "missing" if missing[first] else f"{values[first]:g}"
        raise DataError(
            f"{here} holds {counts} of {len(table)} weights (the first in the row with the id "
            f"{table.column(spec.id)[first].as_py()!r}: {held}); a design weight is a finite number, 0 or more: "
            "correct them in the source, or leave the rows out of it"
        )
    if not values.any():
        raise DataError(f"{here} is 0 in all {len(table)} rows; at least one needs a weight above 0")
