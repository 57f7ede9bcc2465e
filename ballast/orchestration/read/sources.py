"""Reads the raw rows of a data role, from wherever the spec says, and checks them against it."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from ballast.errors import DataError, nearest
from ballast.gates import allows_no_rows
from ballast.given.frames import as_arrow, called
from ballast.given.ids import reconciled, settled
from ballast.given.kinds import depends_on_values, digits_of, narrowed, plain, said, with_durations
from ballast.given.schema import converted
from ballast.orchestration.plan.partitions import Partition, Split, split_of
from ballast.orchestration.plan.plan import Node, Plan
from ballast.orchestration.read.design_weights import check_weights
from ballast.orchestration.read.files import found, is_remote
from ballast.orchestration.read.ids import of_file
from ballast.orchestration.read.opening import opened
from ballast.orchestration.read.reading import Given, Source, Text
from ballast.orchestration.read.told import outside_of, together, told_of
from ballast.orchestration.read.words import in_arrow
from ballast.orchestration.spec.data import DataSpec
from ballast.orchestration.spec.occasions import PartitionsSpec
from ballast.warehouse.tables.frames import pandas_frame
from ballast.words import listed

COLUMN_KEYS = (
    "id", "label", "groups", "time", "dependence", "weight", "treatment", "outcome", "observed", "true_weight",
)  # fmt: skip
_TRAINING = "in the training rows"
CONVERTED = "converted"
"""The key of a read table's schema under which stands what became of the types of its columns."""


def read_table(
    spec: DataSpec,
    *,
    where: str,
    folder: Path,
    given: Any = None,
    like: pa.Schema | None = None,
    partition: Split | None = None,
    declared: PartitionsSpec | None = None,
    expected: Iterable[str] | None = None,
    may_be_empty: bool = False,
) -> pa.Table:
    """Gives the rows of a data role as a table whose columns are those the spec names, and more.

    Parameters
    ----------
    where : ("pipelines/x/defs.yaml: data.train") opens every message. folder : where relative paths start.
    given : the value of the Dagster asset where the source is one.
    like : types of columns, as ``schema_of`` gives those of the training rows, that this table is to have; a column
        of nulls may be of any type.
    partition : columns, each with one of its partitions, whose rows alone are read.
    declared : all partitions, so that rows which are in none are told. expected : columns that some file may have
        though those of the partition lack it; default those of `like`. may_be_empty : whether there may be no rows.

    Raises DataError for a source that is missing, unreadable, empty, lacks a column that the spec names, or holds a
    value that its column's type does not.
    """
    own = {"where": where, "folder": folder, "given": given, "like": like}
    expected = expected if expected is not None else () if like is None else like.names
    with opened(spec, **own, partition=partition, expected=expected) as source:
        _check_columns(source, spec, where)
        table = _typed(source, source.raw(partition=partition), like)
        if len(table) == 0 and not may_be_empty:
            with nullcontext(source) if source.is_whole else opened(spec, **own) as whole:
                raise whole.without_rows(partition, table.column_names)
        check_weights(table, spec, where)
        added = [] if like is None else feature_columns(spec, [n for n in source.kinds if n not in like.names])
        outsiders = {} if declared is None else outside_of(source, declared, lambda: opened(spec, **own))
        told = together(conversions(table), told_of(source, table, added, where), outsiders)
        return table.replace_schema_metadata({CONVERTED: json.dumps(told)} if told else None)


def read_source(spec: DataSpec, *, where: str = "data", folder: Path | None = None, given: Any = None) -> pd.DataFrame:
    """Gives the rows of a data role as ``read_table`` does, as a DataFrame; relative paths start here by default."""
    return pandas_frame(read_table(spec, where=where, folder=folder or Path.cwd(), given=given))


def schema_of(spec: DataSpec, *, where: str, folder: Path, given: Any = None) -> pa.Schema:
    """Gives the types of a source's columns as ``read_table`` gives them, without keeping its rows.

    Those of Parquet and of queries are described, those of CSV and JSON sniffed over all rows.
    """
    with opened(spec, where=where, folder=folder, given=given) as source:
        _check_columns(source, spec, where)
        return _schema(source, list(source.kinds), None)


def _schema(source: Source, names: Sequence[str], like: pa.Schema | None) -> pa.Schema:
    if isinstance(source, Given):
        return _typed(source, source.raw(names), like).schema
    if isinstance(source, Text):
        source.settle()
    types, decimals = source.kinds, {name for name, word in source.spec.types.items() if word == "decimal"}
    by_values = [n for n in names if depends_on_values(types[n]) or n in decimals]
    by_values += [n for n in names if n == source.spec.id and n not in by_values and types[n] not in _SURE_IDS]
    made = {field.name: field.type for field in _typed(source, source.empty(), like).schema}
    made |= {f.name: f.type for f in _typed(source, source.raw(by_values), like).schema} if by_values else {}
    if isinstance(source, Text) and source.spec.id in names:
        made[source.spec.id] = _written_ids(source, like)
    return pa.schema([(name, made[name]) for name in names])


_SURE_IDS = {"VARCHAR", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
"""DuckDB's types of ids of which each is a text, or fits 64 bits."""


def _written_ids(source: Text, like: pa.Schema | None) -> pa.DataType:
    """Gives the type of ids in a text file: that of whole numbers where all are written as such."""
    name = source.spec.id
    batches = (pa.table(batch) for batch in source.as_read([name]))
    kinds = {_typed(source, b, like).schema.field(name).type for b in batches if b[name].null_count < len(b)}
    return kinds.pop() if len(kinds) == 1 else pa.string()


@contextmanager
def read_batches(
    spec: DataSpec,
    *,
    where: str,
    folder: Path,
    given: Any = None,
    like: pa.Schema | None = None,
    columns: Sequence[str] | None = None,
    partition: Split | None = None,
) -> Iterator[pa.RecordBatchReader]:
    """Gives what ``read_table`` does a batch at a time, of some `columns` where they are named.

    `like` has the types that every batch has; a column that it does not have, or of nulls, has the source's own.
    """
    expected = columns or (() if like is None else like.names)
    with opened(
        spec, where=where, folder=folder, given=given, like=like, streaming=True, partition=partition, expected=expected
    ) as source:
        _check_columns(source, spec, where)
        names = list(source.kinds if columns is None else columns)
        types = {field.name: field.type for field in like or () if not pa.types.is_null(field.type)}
        own = _schema(source, [name for name in names if name not in types], like)
        schema = pa.schema([(name, types[name]) if name in types else own.field(name) for name in names])
        reader = source.raw_batches(names, partition)

        def typed() -> Iterator[pa.RecordBatch]:
            offset = 0
            for batch in reader:
                table = _typed(source, pa.table(batch), schema, offset).replace_schema_metadata(None)
                for field in table.schema:
                    if field.type != (wanted := schema.field(field.name).type):
                        raise DataError(
                            f"{where}: column {field.name!r} holds {said(field.type)} beyond the room of "
                            f"{said(wanted)}, in rows {offset + 1} to {offset + len(table)}; give it one type for all "
                            f"batches, for example with `types: {{{field.name}: ...}}`"
                        )
                offset += len(table)
                yield from table.combine_chunks().to_batches()

        yield pa.RecordBatchReader.from_batches(schema.remove_metadata(), typed())


def _typed(source: Source, table: pa.Table, like: pa.Schema | None, offset: int = 0) -> pa.Table:
    """Gives rows as they are kept: each column in the type that the spec, the training rows or its source give it.

    `offset` is the number of rows before these.
    """
    columns, changed = {}, {}

    def place(name: str, position: int) -> str:
        return source.place(name, position + offset)

    for name, column in zip(table.column_names, table.columns, strict=True):
        made = plain(name, column, source.where)
        came = made.type
        if source.kinds[name] in ("HUGEINT", "UHUGEINT"):
            made = narrowed(name, made, source.where)
        if (hint := source.hint(name)) is not None:
            made = made.cast(with_durations(made.type, hint))
        word = source.spec.types.get(name)
        if word is not None and not isinstance(source, Text):
            wanted = in_arrow(word, digits_of(made) if word == "decimal" else 0)
            made = converted(name, made, wanted, "by `types:`", place, explicit=True)
        wanted = like.field(name).type if like is not None and name in like.names else None
        if name == source.spec.id:
            made = _id(source, made, name, wanted)
        elif wanted is not None and word is None:
            made = converted(name, made, wanted, _TRAINING, place)
        columns[name] = made
        if made.type != came and not isinstance(source, Text):  # what is written in a text file has no type of its own
            changed[name] = f"converted: {said(came)} to {said(made.type)}"
    return pa.table(columns).replace_schema_metadata({CONVERTED: json.dumps(changed)} if changed else None)


def conversions(table: pa.Table) -> dict[str, str]:
    """Gives what became of columns when a table was read: their types before and after, text that looks otherwise."""
    return json.loads((table.schema.metadata or {}).get(CONVERTED.encode(), b"{}"))


def _id(source: Source, column: pa.ChunkedArray, name: str, wanted: pa.DataType | None) -> pa.ChunkedArray:
    here = f"{source.where.rpartition('.')[0]}.id"
    if isinstance(source, Text) and name not in source.spec.types:
        made = of_file(column, source.text.candidates[name], name, here)
    else:
        made = settled(column, name, here)
    return made if wanted is None else reconciled(made, wanted, name, here, written=isinstance(source, Text))


def read_role(
    plan: Plan,
    node: Node,
    *,
    folder: Path,
    partition: Partition | None,
    spec: DataSpec | None = None,
    given: Any = None,
    training: pa.Schema | None = None,
    run_id: str | None = None,
) -> pa.Table:
    """Gives the rows of a source's data role as ``read_table`` does, those of the partition where it is split.

    All roles but train have the types of the training role's source.

    Parameters
    ----------
    spec : stands in for the role's own.
    training : the types of the training rows where a run hands them, which other roles do not have; None
        leaves the others as they are.
    run_id : a loader is called once for all reads of a run.
    """
    where = f"{plan.where}: data.{node.name}"
    own = spec or plan.spec.data[node.name]
    if own.loader and given is None and run_id is not None:
        own, given = _loaded(own, where, run_id)
    like = None
    if node.name != "train" and "train" in plan.spec.data:
        like = _like(plan, own, folder, training, run_id)
    declared = plan.spec.partitions if node.partitioned and partition is not None else None
    split = None if declared is None or partition is None else split_of(declared, partition, own.reach)
    expected = [] if like is None else feature_columns(plan.spec.data["train"], like.names, own.drop)
    return read_table(
        own, where=where, folder=folder, given=given, like=like, partition=split, declared=declared, expected=expected,
        may_be_empty=allows_no_rows(node.suite),
    )  # fmt: skip


def _like(plan: Plan, own: DataSpec, folder: Path, training: pa.Schema | None, run_id: str | None) -> pa.Schema | None:
    """Gives the types that the columns of a role are to have: by name, and by what the spec says that they mean."""
    train, where = plan.spec.data["train"], f"{plan.where}: data.train"
    if train.handed:
        schema = training
    elif train.loader and run_id is not None:
        spec, given = _loaded(train, where, run_id)
        schema = schema_of(spec, where=where, folder=folder, given=given)
    else:
        schema = _remembered(train, where, folder)
    if schema is None:
        return None
    fields = {field.name: field.type for field in schema} | dict.fromkeys((*own.drop, *train.drop), pa.null())
    for key in COLUMN_KEYS:
        ours, theirs = getattr(own, key), getattr(train, key)
        if ours is not None and theirs in schema.names:
            fields[ours] = schema.field(theirs).type
    return pa.schema(fields.items())


_SCHEMAS: OrderedDict[str, pa.Schema] = OrderedDict()
_LOADED: OrderedDict[str, pa.Table] = OrderedDict()


def _remembered(spec: DataSpec, where: str, folder: Path) -> pa.Schema:
    """Gives the schema of a source of files, sniffed once for their present state; that of a query every time."""
    if not spec.path:
        return schema_of(spec, where=where, folder=folder)
    names = [name for name in found(spec.path, f"{where}.path", folder).names if not is_remote(name)]
    states = [(name, Path(name).stat().st_mtime_ns, Path(name).stat().st_size) for name in names]
    key = json.dumps([spec.model_dump(mode="json"), str(folder), states])
    if not names or key not in _SCHEMAS:
        _keep(_SCHEMAS, key, schema_of(spec, where=where, folder=folder))
    return _SCHEMAS[key]


def _loaded(spec: DataSpec, where: str, run_id: str) -> tuple[DataSpec, pa.Table]:
    """Gives a loader's table, as of an asset, which is made once a run."""
    key = json.dumps([run_id, spec.loader, spec.params], default=str)
    if key not in _LOADED:
        assert spec.loader is not None
        _keep(_LOADED, key, as_arrow(called(spec.loader, spec.params, f"{where}.loader"), f"{where}.loader"))
    return spec, _LOADED[key]


def _keep(kept: OrderedDict[str, Any], key: str, value: Any) -> None:
    kept[key] = value
    while len(kept) > _KEPT:
        kept.popitem(last=False)


_KEPT = 4  # schemas, and loaders' tables, that are remembered


def _check_columns(source: Source, spec: DataSpec, where: str) -> None:
    for key in COLUMN_KEYS:
        _check_column(source, name := getattr(spec, key), f"{where}.{key}")
        if source.files is not None and (names := source.absent.get(name)):
            raise DataError(
                f"{where}.{key}: column {name!r} is missing in {len(names)} of {len(source.files.names)} files "
                f"({listed(map(source.files.shown, names), most=3)}), and a column that the pipeline names cannot be "
                "blank there; add it, or leave these files out"
            )
    for name in (*spec.drop, *spec.types):
        _check_column(source, name, f"{where}.{'drop' if name in spec.drop else 'types'}")


def _check_column(source: Source, name: str | None, where: str) -> None:
    if name is not None and name not in source.kinds:
        raise DataError(
            f"{where}: column {name!r} is not among the {len(source.kinds)} columns of the source"
            f"{nearest(name, source.kinds)} (columns: {listed(source.kinds, most=12)})"
        )


def feature_columns(spec: DataSpec, columns: Iterable[str], others: Iterable[str] = ()) -> list[str]:
    """Gives the columns that describe a row: all but id, label, the other declared ones, those dropped and `others`."""
    excluded = not_features(spec).union(others)
    return [c for c in columns if c not in excluded]


def not_features(spec: DataSpec) -> set[str]:
    """Gives the columns that a data role declares to be something else than features, or drops."""
    return {column for key in COLUMN_KEYS if (column := getattr(spec, key)) is not None} | {*spec.drop}


def read_path(path: str, where: str, folder: Path) -> pa.Table:
    """Gives the rows of a CSV, Parquet or JSON file that is not a data role's, such as a weight table."""
    with opened(DataSpec(id="sample_id", path=path), where=where, folder=folder) as source:
        return _typed(source, source.raw(), None)
