"""``ballast.Encoder``: a table of mixed columns in, the pipelines' own numbers out, under index and names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest

import ballast
from ballast.errors import DataError
from ballast.methods.features.encoder import FeatureEncoder
from ballast.warehouse import ModelStore

TRAIN = pd.DataFrame(
    {
        "age": [20, 40, None, 80, 60, 33],
        "town": ["Ulm", "Bern", "Bern", "Ulm", None, "Ulm"],
        "since": pd.date_range("2024-01-01", periods=6, freq="40D", tz="UTC"),
        "paid": [True, False, True, True, False, False],
    },
    index=list("abcdef"),
)
TARGET = TRAIN.iloc[[3, 4, 0]].assign(town=["Ulm", "Rome", "Bern"])


def test_encoder_when_tables_are_encoded_then_gives_the_pipelines_bits_under_index_and_names():
    encoder, own = ballast.Encoder().fit(TRAIN), FeatureEncoder().fit(TRAIN)
    for table in (TRAIN, TARGET):
        encoded = encoder.transform(table)
        assert encoded.index.equals(table.index)
        assert list(encoded) == list(own.get_feature_names_out())
        matrix = np.asarray(encoded)
        np.testing.assert_array_equal(matrix, own.transform(table))
        assert (matrix.dtype, matrix.flags.c_contiguous) == (np.float32, True)
    pd.testing.assert_frame_equal(ballast.Encoder().fit_transform(TRAIN), encoder.transform(TRAIN))


def test_encoder_when_its_frames_are_weighed_then_the_summary_names_the_features():
    encoder = ballast.Encoder().fit(TRAIN)
    X, X_target = encoder.transform(TRAIN), encoder.transform(TARGET)
    weigher = ballast.method("entropy_balancing", ridge=1.0).fit(X, X_target)
    assert set(weigher.summary().balance.index) == set(X.columns)
    assert set(ballast.method("kolmogorov_smirnov").test(X, X_target).table["feature"]) == {*X.columns, "(all)"}


def test_encoder_when_a_column_holds_lists_then_refused():
    with pytest.raises(DataError, match="column 'scores' holds lists"):
        ballast.Encoder().fit(TRAIN.assign(scores=[[1], [2], [3], [4], [5], [6]]))


def test_encoder_when_stored_then_comes_back_as_one_that_gives_frames(tmp_path):
    encoder, store = ballast.Encoder().fit(TRAIN), ModelStore(tmp_path)
    restored = store.load(store.save("mine/encoder", 1, encoder))
    pd.testing.assert_frame_equal(restored.transform(TARGET), encoder.transform(TARGET))


def test_lines_of_the_error_when_run_as_they_stand_then_the_method_takes_what_they_give():
    with pytest.raises(DataError) as caught:
        ballast.method("entropy_balancing").fit(TRAIN, TARGET)
    lines = [line.strip() for line in str(caught.value).splitlines()[1:]]
    space = {"ballast": ballast, "X": TRAIN, "X_target": TARGET}
    exec("\n".join(lines), space)
    weights = ballast.method("entropy_balancing", ridge=1.0).fit_weights(space["X"], space["X_target"])
    assert weights.index.equals(TRAIN.index)


def test_encoder_when_a_table_is_of_polars_or_arrow_then_columns_keep_their_names():
    plain = TRAIN.reset_index(drop=True)
    wanted = ballast.Encoder().fit_transform(plain)
    for table in (polars.from_pandas(plain), pa.Table.from_pandas(plain)):
        pd.testing.assert_frame_equal(ballast.Encoder().fit_transform(table), wanted)
