"""A pipeline's encoder as an ONNX graph, in doubles up to the features, which are float32 to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.bundles.graphs.parts import PREDICTION, PROBABILITIES, GraphError, Piece, needed
from ballast.bundles.schema import Schema
from ballast.columns import numbers_of
from ballast.warehouse.tables.frames import pandas_frame
from ballast.words import listed

FEATURES = "encoder/features"
_LIMIT = float(np.finfo(np.float32).max)


def encoding(encoder: Any, schema: Schema, row: pa.Table) -> Piece:
    """Gives the graph from the schema's columns, each (n, 1), to ``encoder/features`` (n, d).

    A column of whole numbers or truths that was never blank is int64 or bool, and cannot be blank; every other number
    is a double, and blank as NaN; text is blank as "". `row` is a training row. GraphError names what of the encoder
    cannot be a graph.
    """
    refuse(encoder, schema)
    tensor = needed("onnx").TensorProto
    piece, sources = Piece("encoder"), sources_of(encoder)
    texts = [name for name in schema.types.names if name in encoder.categories_]
    of_numbers = np.flatnonzero([name not in texts for name in sources])
    parts, places = [], []
    for name in schema.types.names:
        piece.inputs[name] = (_input_type(schema, name), ["n", 1])
    if len(of_numbers):
        columns = [piece.cast(sources[place], tensor.DOUBLE) for place in of_numbers]
        block = piece.then("Concat", *columns, axis=1)
        parts.append(_scaled(piece, encoder, block, of_numbers))
        places += of_numbers.tolist()
    for name in texts:
        own = np.flatnonzero(sources == name)
        parts.append(_looked_up(piece, encoder, schema, row, name, own))
        places += own.tolist()
    block = piece.then("Concat", *parts, axis=1)
    piece.then("Gather", block, piece.constant(np.argsort(places)), output=FEATURES, axis=1)
    piece.outputs[FEATURES] = (tensor.FLOAT, ["n", len(sources)])
    return piece


def refuse(encoder: Any, schema: Schema) -> None:
    """Raises GraphError for the first part of an encoder that cannot be a graph."""
    if encoder.transformer is not None:
        raise GraphError(
            f"the encoder's transformer ({type(encoder.transformer_).__name__}, of `features: use:`) {_NOT}"
        )
    if encoder.vectorizers_:
        columns = listed(map(repr, encoder.vectorizers_))
        raise GraphError(f"the encoder's vectorizer of text (column(s) {columns}) {_NOT}")
    vectorizer: Any = encoder.transformer_
    for name, kind in getattr(vectorizer, "column_to_kind_", {}).items():
        if kind != "low_cardinality" and name in schema.types.names:
            part = type(vectorizer.transformers_[name]).__name__
            raise GraphError(f"the encoder's {part} of column {name!r} ({kind.replace('_', ' ')}) {_NOT}")
    for field in schema.types:
        if field.name in (PREDICTION, PROBABILITIES):
            raise GraphError(f"column {field.name!r} has the name of what a graph gives; rename it in the data")
        if _kind(field.type) == "other":
            raise GraphError(f"column {field.name!r} is {field.type}, for which a graph has no type; {_DROP}")


_DROP = "drop the column, or export the model in another format"
_NOT = f"cannot be a graph; {_DROP}"


def sources_of(encoder: Any) -> np.ndarray:
    """Gives (d,) the column that each feature is made of."""
    return encoder._sources[encoder.kept_]


def fed(schema: Schema, rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Gives rows, as the schema reads them, as the graph takes them."""
    found = {}
    for field in schema.types:
        name, kind = field.name, _kind(field.type)
        if kind == "text":
            values = rows[name].astype(object).where(rows[name].notna(), "").to_numpy()
        elif name in schema.missing or kind == "number":
            values = numbers_of(rows[name])
        else:
            values = rows[name].to_numpy(dtype=np.int64 if kind == "whole" else np.bool_)
        found[name] = values.reshape(-1, 1)
    return found


def may_be_blank(schema: Schema, name: str) -> bool:
    """Gives whether the graph's input can say that a row has no value."""
    kind = _kind(schema.types.field(name).type)
    return kind == "number" or name in schema.missing or (kind == "text" and "" not in schema.categories.get(name, []))


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_boolean(kind):
        return "truth"
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return "whole"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    return "text" if pa.types.is_string(kind) or pa.types.is_large_string(kind) else "other"


def _input_type(schema: Schema, name: str) -> int:
    tensor, kind = needed("onnx").TensorProto, _kind(schema.types.field(name).type)
    if kind == "text":
        return tensor.STRING
    if name in schema.missing or kind == "number":
        return tensor.DOUBLE
    return tensor.INT64 if kind == "whole" else tensor.BOOL


def _scaled(piece: Piece, encoder: Any, block: str, places: np.ndarray) -> str:
    """Imputes and standardises as the encoder does, in doubles, and rounds to float32 last."""
    tensor = needed("onnx").TensorProto
    mean, scale = np.zeros(len(places)), np.ones(len(places))
    if encoder.scaler_ is not None:
        scaled = places < len(encoder.scaler_.mean_)
        mean[scaled], scale[scaled] = (of[places[scaled]] for of in (encoder.scaler_.mean_, encoder.scaler_.scale_))
    large = piece.then("Greater", piece.then("Abs", block), piece.constant(_LIMIT))
    lacking = piece.then("Or", piece.then("IsNaN", block), large)
    block = piece.then("Where", lacking, piece.constant(encoder.imputer_.statistics_[places][None]), block)
    block = piece.then("Div", piece.then("Sub", block, piece.constant(mean)), piece.constant(scale))
    block = piece.then("Clip", block, piece.constant(-_LIMIT), piece.constant(_LIMIT))
    return piece.cast(block, tensor.FLOAT)


def _looked_up(piece: Piece, encoder: Any, schema: Schema, row: pa.Table, name: str, places: np.ndarray) -> str:
    """Gives a column of categories the features that the encoder gives each, one never seen, and a blank."""
    known = schema.categories[name]
    rows = with_values(schema, row, name, [*known, never_seen(known), None])
    table = encoder.transform(rows)[:, places]
    keys, values = (
        ([*known, ""], [*range(len(known)), len(known) + 1]) if "" not in known else (known, range(len(known)))
    )
    position = piece.then(
        "LabelEncoder", name, keys_strings=list(keys), values_int64s=list(values), default_int64=len(known)
    )
    found = piece.then("Gather", piece.constant(table), position, axis=0)
    return piece.then("Squeeze", found, piece.constant(np.array([1])))


def never_seen(known: list[str]) -> str:
    text = "never seen"
    while text in known:
        text += "_"
    return text


def with_values(schema: Schema, row: pa.Table, name: str, values: list[Any]) -> pd.DataFrame:
    """Gives a row as often as there are values, with these in one column."""
    kind = schema.types.field(name).type
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    made = pa.array(values, plain)
    if pa.types.is_dictionary(kind):
        made = made.dictionary_encode().cast(kind)
    table = pa.table([column.take(pa.array([0] * len(values))) for column in row.columns], schema=row.schema)
    place = table.column_names.index(name)
    return pandas_frame(table.set_column(place, name, made))
