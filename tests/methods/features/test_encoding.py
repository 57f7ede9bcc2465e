"""The feature encoder: what comes out, what it counts, what it refuses."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import skops.io
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from ballast.errors import DataError, ParameterError
from ballast.methods.features import encoder
from ballast.methods.features.encoder import FeatureEncoder


def mixed(n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.normal(50, 10, n),
            "visits": pd.array(rng.integers(0, 9, n), dtype="Int64"),
            "member": rng.random(n) < 0.5,
            "city": rng.choice(["Bern", "Lyon", "Graz"], n),
            "plan": pd.Categorical(rng.choice(["a", "b"], n)),
            "since": pd.Timestamp("2020-03-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "code": pd.Series([1, "x", 2.5, None] * (n // 4), dtype=object),
        }
    )


def test_transform_of_a_mixed_table_gives_finite_contiguous_float32_of_mean_zero_and_spread_one():
    X = FeatureEncoder().fit_transform(mixed())
    assert X.dtype == np.float32
    assert X.flags.c_contiguous
    assert np.isfinite(X).all()
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(X.std(axis=0), 1, atol=1e-5)


def test_feature_names_are_as_many_as_features_and_name_column_and_category():
    encoder = FeatureEncoder()
    X = encoder.fit_transform(mixed())
    names = list(encoder.get_feature_names_out())
    assert len(names) == X.shape[1] == len(set(names))
    assert {"age", "visits", "member", "city_Bern", "plan_b", "since_total_seconds"} <= set(names)


def test_numeric_tables_are_encoded_as_table_vectorizer_would():
    import skrub

    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(3, 2, (200, 12)), columns=[f"x{j}" for j in range(12)])
    frame = frame.mask(rng.random(frame.shape) < 0.05).assign(whole=rng.integers(0, 5, 200), flag=rng.random(200) < 0.3)
    frame["nullable"] = pd.array([None, 1, 2, 3] * 50, dtype="Int32")
    through_skrub = skrub.TableVectorizer().fit_transform(frame).to_numpy()
    expected = StandardScaler().fit_transform(SimpleImputer(strategy="median").fit_transform(through_skrub))
    np.testing.assert_allclose(FeatureEncoder().fit_transform(frame), expected, atol=1e-5)


def test_numbers_far_from_zero_keep_their_differences():
    seconds = pd.DataFrame({"unix_time": 1.7e9 + np.arange(100.0)})
    assert len(np.unique(FeatureEncoder().fit_transform(seconds))) == 100


def test_fit_on_training_rows_only_sets_what_later_rows_are_measured_by():
    encoder = FeatureEncoder().fit(pd.DataFrame({"a": [0.0, 2.0], "b": [1.0, 3.0]}))
    np.testing.assert_allclose(encoder.transform(pd.DataFrame({"a": [5.0], "b": [np.nan]})), [[4.0, 0.0]])


def test_missing_infinite_and_too_large_numbers_are_imputed_by_the_training_median_and_counted():
    train = pd.DataFrame({"a": [1.0, 2.0, 9.0, np.nan], "b": [1.0, 2.0, 3.0, 4.0]})
    later = pd.DataFrame({"a": [np.inf, np.nan, -np.inf, 2.0], "b": [1e300, 1.0, 2.0, 3.0]})
    encoder = FeatureEncoder().fit(train)
    X = encoder.transform(later)
    assert (X[:3, 0] == X[3, 0]).all()  # the median of 1, 2, 9
    assert np.isfinite(X).all()
    report = encoder.report(later)
    assert report["imputed_nan"] == {"a": 1}
    assert report["imputed_inf"] == {"a": 2, "b": 1}
    assert encoder.report(train)["imputed_nan"] == {"a": 1}


def test_unseen_categories_and_new_columns_are_encoded_as_nothing_and_counted():
    encoder = FeatureEncoder().fit(mixed())
    later = mixed().assign(city=["Oslo"] * 3 + ["Bern"] * 37, plan=pd.Categorical(["c"] + ["a"] * 39), extra=1)
    report = encoder.report(later)
    assert report["unseen_categories"] == {"city": 3, "plan": 1}
    assert report["ignored_columns"] == ["extra"]
    of_city = [j for j, n in enumerate(encoder.get_feature_names_out()) if n.startswith("city_")]
    raw = encoder.transform(later)[:, of_city] * encoder.scaler_.scale_[of_city] + encoder.scaler_.mean_[of_city]
    np.testing.assert_allclose(raw[:3], 0, atol=1e-6)
    assert encoder.report(mixed())["unseen_categories"] == {}


def test_columns_without_values_or_with_one_value_are_dropped_and_named():
    frame = mixed().assign(empty=None, constant=1.0, same="yes")
    encoder = FeatureEncoder().fit(frame)
    assert encoder.report(frame)["dropped_columns"] == {
        "empty": "no value",
        "constant": "one value",
        "same": "one value",
    }
    np.testing.assert_array_equal(encoder.transform(frame), FeatureEncoder().fit_transform(mixed()))


def test_a_table_with_nothing_that_varies_is_refused_with_the_count():
    with pytest.raises(DataError, match=r"no feature is left of the training table's 2 columns and 3 rows"):
        FeatureEncoder().fit(pd.DataFrame({"a": [1, 1, 1], "b": [None, None, None]}))


def test_a_later_table_without_a_column_is_refused_by_role_rows_and_nearest_name():
    encoder = FeatureEncoder().fit(mixed())
    with pytest.raises(DataError, match=r"target \(40 rows\) lacks column\(s\) 'age'.*did you mean 'ages'"):
        encoder.transform(mixed().rename(columns={"age": "ages"}), "target")


def test_columns_dropped_in_training_may_be_absent_later():
    encoder = FeatureEncoder().fit(mixed().assign(empty=None))
    assert encoder.transform(mixed()).shape[0] == 40


def test_text_where_numbers_were_is_refused_with_an_example_and_digits_as_text_are_read():
    encoder = FeatureEncoder().fit(pd.DataFrame({"a": [1.0, 2.0], "b": [0.0, 1.0]}))
    with pytest.raises(DataError, match=r"column 'a' of test holds 1 value in 2 rows.*'unknown'"):
        encoder.transform(pd.DataFrame({"a": ["unknown", "2"], "b": [0, 1]}), "test")
    np.testing.assert_allclose(encoder.transform(pd.DataFrame({"a": ["1", "2"], "b": [0, 1]})), [[-1, -1], [1, 1]])


def test_duplicated_column_names_are_refused():
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"])
    with pytest.raises(DataError, match=r"column\(s\) 'a' more than once"):
        FeatureEncoder().fit(frame)


def test_an_empty_table_is_refused():
    with pytest.raises(DataError, match="empty"):
        FeatureEncoder().fit(mixed().iloc[:0])


def test_cells_that_hold_lists_are_refused_with_the_remedy():
    with pytest.raises(DataError, match=r"'vector' holds lists.*2 of 2 rows.*embeddings"):
        FeatureEncoder().fit(pd.DataFrame({"vector": [[1, 2], [3, 4]], "a": [1, 2]}))


@pytest.mark.parametrize("method", ["hashing", "tfidf"])
def test_text_columns_become_rows_of_unit_length_each_on_its_own(method):
    frame = pd.DataFrame(
        {"a": [1.0, 2.0, 3.0], "note": ["good tea", "bad coffee", None], "title": ["x ray", "ct", "mr"]}
    )
    encoder = FeatureEncoder(text=["note", "title"], text_method=method, n_text_features=16)
    X = encoder.fit_transform(frame)
    names = encoder.get_feature_names_out()
    of_note = np.array([n.startswith("note_") for n in names])
    np.testing.assert_allclose(np.linalg.norm(X[:, of_note], axis=1), [1, 1, 0], atol=1e-6)
    assert sum(n.startswith("title_") for n in names) <= 16
    if method == "tfidf":
        assert "note_coffee" in names
    assert encoder.transform(frame.assign(note="words never seen")).shape == X.shape


def test_tfidf_of_a_column_without_words_is_refused():
    with pytest.raises(DataError, match="text column 'note' holds no word in 2 rows"):
        FeatureEncoder(text="note", text_method="tfidf").fit(pd.DataFrame({"note": ["?", "!"], "a": [1, 2]}))


def test_embeddings_by_pattern_pass_unscaled_and_keep_constant_ones():
    frame = pd.DataFrame({"emb_0": [5.0, 7.0], "emb_1": [1.0, 1.0], "a": [0.0, 10.0]})
    encoder = FeatureEncoder(embeddings="emb_*")
    np.testing.assert_allclose(encoder.fit_transform(frame), [[-1, 5, 1], [1, 7, 1]])
    assert list(encoder.get_feature_names_out()) == ["a", "emb_0", "emb_1"]


def test_a_text_or_embedding_name_that_matches_nothing_is_refused_with_the_nearest():
    with pytest.raises(DataError, match=r"features.text: no column .* 'nott', did you mean 'note'"):
        FeatureEncoder(text="nott").fit(pd.DataFrame({"note": ["a b"], "x": [1]}))


def test_a_column_given_as_text_and_as_embedding_is_refused():
    with pytest.raises(DataError, match="as text and as embeddings"):
        FeatureEncoder(text="a", embeddings=["a"]).fit(pd.DataFrame({"a": [1.0, 2.0]}))


def test_an_own_transformer_takes_the_whole_default_path_and_is_left_unfitted():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(30, 4)), columns=list("abcd"))
    own = PCA(n_components=2)
    encoder = FeatureEncoder(transformer=own)
    np.testing.assert_allclose(encoder.fit_transform(frame), PCA(n_components=2).fit_transform(frame), atol=1e-5)
    assert list(encoder.get_feature_names_out()) == ["pca0", "pca1"]
    assert not hasattr(own, "components_")


def test_an_own_transformer_that_fails_is_told_with_its_name_and_columns():
    with pytest.raises(DataError, match=r"PCA cannot encode column\(s\) 'a', 'b' of 2 rows"):
        FeatureEncoder(transformer=PCA()).fit(pd.DataFrame({"a": ["x", "y"], "b": [1, 2]}))


def test_an_unknown_text_method_is_refused_with_the_choices():
    with pytest.raises(ParameterError, match=r"one of 'hashing', 'tfidf'.*did you mean 'tfidf'"):
        FeatureEncoder(text="a", text_method="tf-idf").fit(pd.DataFrame({"a": ["x"]}))  # type: ignore[arg-type]


def test_many_distinct_strings_are_encoded_alike_in_every_run():
    rng = np.random.default_rng(0)
    letters = rng.choice(list("abcdefghij"), (200, 9))
    frame = pd.DataFrame({"name": ["".join(row) for row in letters], "a": rng.normal(size=200)})
    first, second = FeatureEncoder().fit_transform(frame), FeatureEncoder().fit_transform(frame)
    assert first.shape[1] == 31  # 30 components of the strings, and the number
    np.testing.assert_array_equal(first, second)


def test_one_later_row_of_numbers_whatever_its_dtype_is_encoded():
    encoder = FeatureEncoder().fit(mixed())
    row = mixed().iloc[[0]]
    np.testing.assert_allclose(encoder.transform(row), encoder.transform(mixed())[:1], atol=1e-6)


def test_columns_in_another_order_and_an_array_are_read_by_name_and_position():
    encoder = FeatureEncoder().fit(mixed())
    reversed_columns = mixed()[mixed().columns[::-1]]
    np.testing.assert_array_equal(encoder.transform(reversed_columns), encoder.transform(mixed()))
    X = np.random.default_rng(0).normal(size=(10, 3))
    assert list(FeatureEncoder().fit(X).get_feature_names_out()) == ["x0", "x1", "x2"]


def test_fit_and_transform_leave_the_table_as_it_was():
    frame = mixed()
    before = frame.copy(deep=True)
    FeatureEncoder(embeddings="age").fit_transform(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_a_clone_has_the_parameters_and_none_of_the_learning():
    encoder = FeatureEncoder(text="city", n_text_features=8).fit(mixed())
    copy = clone(encoder)
    assert copy.get_params() == encoder.get_params()
    assert not hasattr(copy, "imputer_")


def test_a_fitted_encoder_survives_storage_without_pickle():
    encoder = FeatureEncoder(text="city", text_method="tfidf").fit(mixed())
    stored = skops.io.dumps(encoder)
    loaded = skops.io.loads(stored, trusted=skops.io.get_untrusted_types(data=stored))
    np.testing.assert_array_equal(loaded.transform(mixed()), encoder.transform(mixed()))


def test_numeric_tables_are_encoded_without_importing_skrub():
    code = (
        "import sys, numpy as np; from ballast.methods.features.encoder import FeatureEncoder; "
        "FeatureEncoder().fit_transform(np.eye(4)); sys.exit('skrub' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def arrow(values: list, kind: pa.DataType) -> pd.Series:
    return pd.Series(pd.array(pa.array(values, kind), dtype=pd.ArrowDtype(kind)))


STAMPS = [pd.Timestamp("2024-01-30", tz="UTC") + pd.Timedelta(hours=7 * row + row % 3) for row in range(60)]
NAIVE = [stamp.tz_localize(None) for stamp in STAMPS]
NUMBERS = [row % 7 + 0.25 for row in range(60)]
WORDS = [f"word {row % 5}" for row in range(60)]
ALIKE = {
    "decimals": [
        pd.Series(NUMBERS),
        pd.Series([Decimal(str(number)) for number in NUMBERS]),
        pd.Series(NUMBERS, dtype="Float64"),
        arrow([Decimal(str(number)) for number in NUMBERS], pa.decimal128(10, 2)),
        pd.Series(NUMBERS, dtype=object),
    ],
    "integers with gaps": [
        pd.Series([1.0, None, 3.0] * 20),
        pd.Series([1, None, 3] * 20, dtype="Int64"),
        pd.Series([1, None, 3] * 20, dtype=object),
        arrow([1, None, 3] * 20, pa.int16()),
    ],
    "truths with gaps": [
        pd.Series([1.0, None, 0.0] * 20),
        pd.Series([True, None, False] * 20, dtype="boolean"),
        pd.Series([True, None, False] * 20, dtype=object),
        arrow([True, None, False] * 20, pa.bool_()),
    ],
    "timestamps": [
        pd.Series(NAIVE),
        pd.Series(NAIVE).astype("datetime64[s]"),
        pd.Series(STAMPS),
        pd.Series(STAMPS).dt.tz_convert("America/New_York"),
        pd.Series([s.tz_convert(["Asia/Kolkata", "America/New_York"][s.hour % 2]) for s in STAMPS], dtype=object),
        arrow([stamp.to_pydatetime() for stamp in STAMPS], pa.timestamp("us", "Asia/Kolkata")),
    ],
    "dates": [
        pd.Series([stamp.date() for stamp in NAIVE]),
        pd.Series(NAIVE).dt.normalize(),
        arrow([stamp.date() for stamp in NAIVE], pa.date32()),
    ],
    "times of day": [
        pd.Series([stamp.time() for stamp in NAIVE]),
        arrow([stamp.time() for stamp in NAIVE], pa.time64("us")),
    ],
    "durations": [
        pd.Series([dt.timedelta(hours=number) for number in NUMBERS]),
        arrow([dt.timedelta(hours=number) for number in NUMBERS], pa.duration("ms")),
        pd.Series([dt.timedelta(hours=number) for number in NUMBERS], dtype=object),
    ],
    "texts": [
        pd.Series(WORDS),
        pd.Series(WORDS, dtype="string"),
        pd.Series(WORDS, dtype="category"),
        pd.Series([word.encode() for word in WORDS]),
        arrow(WORDS, pa.string()),
        arrow(WORDS, pa.large_string()),
        arrow(WORDS, pa.string_view()),
        arrow(WORDS, pa.dictionary(pa.int8(), pa.string())),
    ],
    "identifiers": [
        pd.Series([uuid.UUID(int=row % 4) for row in range(60)]),
        pd.Series([str(uuid.UUID(int=row % 4)) for row in range(60)]),
    ],
}


@pytest.mark.parametrize("columns", ALIKE.values(), ids=ALIKE)
def test_equal_values_of_any_type_give_the_same_matrix_whichever_was_fitted(columns):
    frames = [pd.DataFrame({"first": range(60), "c": column, "last": NUMBERS}) for column in columns]
    encoder = FeatureEncoder().fit(frames[0])
    expected = encoder.transform(frames[0])
    assert expected.shape[1] >= 3
    for frame in frames[1:]:
        np.testing.assert_allclose(encoder.transform(frame), expected, atol=1e-6)
        np.testing.assert_allclose(FeatureEncoder().fit_transform(frame), expected, atol=1e-6)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_timestamps_give_the_same_features_whatever_the_zone_of_the_machine(zone):
    code = (
        "import pandas as pd; from ballast.methods.features.encoder import FeatureEncoder; "
        "c = pd.Series(pd.date_range('2024-03-09', periods=60, freq='h', tz='America/New_York')); "
        "f = pd.DataFrame({'aware': c, 'naive': c.dt.tz_localize(None), 'mixed': list(c), 'day': c.dt.date}); "
        "print(FeatureEncoder().fit_transform(f).tobytes().hex())"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "TZ": tz}, check=True, capture_output=True
        ).stdout
        for tz in ("UTC", zone)
    }
    assert len(made) == 1


@pytest.mark.parametrize(
    ("trained", "given", "words"),
    [
        (pd.Series(NUMBERS), pd.Series(NAIVE), "holds instants .* and numbers in the training table"),
        (pd.Series(NAIVE), pd.Series(NUMBERS), "holds numbers .* and instants in the training table"),
        (pd.to_timedelta(pd.Series(NUMBERS), unit="h"), pd.Series(NUMBERS), "holds numbers .* and durations"),
        (pd.Series([s.time() for s in NAIVE]), pd.Series(NAIVE), "holds instants .* and times of day"),
        (pd.Series(NUMBERS), pd.Series([1j] * 60), "holds nested values .* and numbers"),
    ],
)
def test_a_later_column_of_another_kind_is_refused_naming_both(trained, given, words):
    encoder = FeatureEncoder().fit(pd.DataFrame({"c": trained, "x": range(60)}))
    with pytest.raises(DataError, match=f"column 'c' of the target {words}"):
        encoder.transform(pd.DataFrame({"c": given, "x": range(60)}), "the target")


def test_infinite_decimals_are_imputed_and_counted():
    frame = pd.DataFrame({"price": [Decimal(1), Decimal(2), Decimal("Infinity")], "x": [1.0, 2.0, 3.0]})
    encoder = FeatureEncoder().fit(frame)
    assert np.isfinite(encoder.transform(frame)).all()
    assert encoder.report(frame)["imputed_inf"] == {"price": 1}


def test_a_transformer_of_yours_gets_numbers_and_datetimes_of_numpy():
    frame = pd.DataFrame({"a": pd.array([1, None, 3] * 4, dtype="Int64"), "b": [Decimal(row) for row in range(12)]})
    plain = pd.DataFrame({"a": [1.0, np.nan, 3.0] * 4, "b": np.arange(12.0)})
    encoder = FeatureEncoder(transformer=StandardScaler())
    np.testing.assert_array_equal(encoder.fit_transform(frame), encoder.fit_transform(plain))


def test_categories_when_each_is_encoded_once_then_the_matrix_is_that_of_every_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def frame(n: int, seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        return pd.DataFrame(
            {
                "number": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
                "huge": rng.normal(size=n) * 1e300,
                "text": rng.choice(["u", "v", "w", None], n),
                "level": pd.Categorical(rng.choice(["x", "y"], n), categories=["x", "y", "z"]),
                "nul": rng.choice(["a\0b", "a\0c", "d"], n),
                "string": pd.array(rng.choice(["p", "q", None], n), dtype="string"),
            }
        )

    train, later = frame(900, 0), frame(500, 1)
    later.loc[3, "text"] = "unseen"
    once = [FeatureEncoder().fit(train).transform(table) for table in (train, later)]
    monkeypatch.setattr(encoder, "FEW", float("inf"))  # no table has so few values
    whole = [FeatureEncoder().fit(train).transform(table) for table in (train, later)]
    assert all(np.array_equal(a, b) for a, b in zip(once, whole, strict=True))
