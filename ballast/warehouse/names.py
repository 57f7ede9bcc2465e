"""Names: an asset's view for people, and the quoting of everything that enters SQL as text."""

from __future__ import annotations

from ballast.errors import WarehouseError

CATALOG = "ballast_warehouse"  # the name the file is attached under, whatever the file is called
PUBLIC_SCHEMA = "ballast"  # the schema in which people read commits and gate verdicts
STORE = "ballast_store"  # the schema of all tables: what is in them, people read through views
INLINED_ROWS = 64  # fewer rows than these a lake puts into its catalog, not into a Parquet file
RESERVED = frozenset({CATALOG, PUBLIC_SCHEMA, STORE, "temp", "system", "memory", "pg_catalog", "information_schema"})


def quoted(*identifier: str) -> str:
    """Gives an identifier, or the dotted path of several, quoted for SQL."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in identifier)


def literal(text: str) -> str:
    """Gives a text as a SQL literal, for the statements (ATTACH, views) that take no bound values."""
    return "'" + text.replace("'", "''") + "'"


def view_of(asset: str) -> tuple[str, str]:
    """Gives the (schema, view) in which people find an asset: "digits/train/features" -> digits.train_features.

    Raises
    ------
    WarehouseError
        The asset is not "pipeline/step" or "pipeline/step/part", or its pipeline has a reserved name.
    """
    parts = asset.split("/")
    if len(parts) < 2 or not all(part.strip() for part in parts) or "\0" in asset:
        raise WarehouseError(
            f"asset {asset!r} is not a valid name: write it as 'pipeline/step' or 'pipeline/step/part', with no part "
            "empty"
        )
    if parts[0].casefold() in RESERVED:
        raise WarehouseError(
            f"asset {asset!r}: the warehouse needs the name {parts[0]!r} for itself; rename the pipeline "
            f"(reserved: {', '.join(sorted(RESERVED))})"
        )
    return parts[0], "_".join(parts[1:])
