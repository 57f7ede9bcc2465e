"""SQL for people: anything that reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import pandas as pd

from ballast.errors import WarehouseError

_WRITES = frozenset(
    {"INSERT", "UPDATE", "DELETE", "MERGE_INTO", "ALTER", "DROP", "COPY", "EXPORT", "ATTACH", "COPY_DATABASE", "VACUUM"}
)


def answer(
    con: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object] | Mapping[str, object] | None
) -> pd.DataFrame:
    """Gives the answer to a query on a read-only connection.

    Raises
    ------
    WarehouseError
        The query is wrong, empty, or would write.
    """
    try:
        statements = con.extract_statements(query)
        if not statements:
            raise WarehouseError("the query is empty; write for example: SELECT * FROM ballast.commits")
        for statement in statements:
            if statement.type.name in _WRITES:
                raise _refused(statement.type.name)
        return con.execute(query, parameters).df()
    except duckdb.Error as error:
        if "read-only mode" in str(error):  # what no list of statements foresees, the read-only file refuses
            raise _refused(str(error)) from error
        raise WarehouseError(f"the query cannot be run: {error}") from error


def _refused(what: str) -> WarehouseError:
    return WarehouseError(
        f"sql only reads, and this query would write ({what}); tables of the warehouse are written by "
        "Warehouse.commit alone"
    )
