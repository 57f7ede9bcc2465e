"""The one feature encoder of a pipeline: tables in, float32 matrices out, fitted on the training rows only."""

from __future__ import annotations

import warnings
from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from ballast.columns import Scale, canonical, scale_of
from ballast.errors import DataError, nearest
from ballast.methods.features._columns import NUMBERS, check_cells, numbers, occurring, prepared, texts
from ballast.methods.frame.parameters import Count, check_values
from ballast.methods.frame.vocabulary import sample_weight as check_weight
from ballast.methods.frame.vocabulary import table as check_table
from ballast.words import listed, plural

FEW = 8
"""Of how many rows a category is one at least, on average, where each is encoded but once."""

if TYPE_CHECKING:
    import pandas as pd

TRAINING = "the training table"


class FeatureEncoder(BaseEstimator):
    """Gives the matrix that every method of a pipeline sees: ``(n, d)`` float32, C-contiguous, finite.

    Columns go, in this order of the output, to: the default path (numbers, truths, and the seconds of times of day and
    durations as they are, then all others through ``skrub.TableVectorizer``), the text vectorizers, the embeddings.
    The default path is imputed by the training median and standardised; text features are rows of unit length and
    embeddings pass unscaled. Infinite values, and those too large for float32, count as missing. Columns without a
    value, and those with only one, in the training rows carry nothing a model could learn and are dropped; ``report``
    names them. Equal values give equal features whatever their type: decimals are numbers, categories are compared by
    their text, and timestamps with a zone are taken in UTC.

    Numbers bypass ``TableVectorizer`` because it would pass them through unchanged at about 2 ms a column.

    Parameters
    ----------
    transformer : any scikit-learn transformer of a DataFrame, in place of the whole default path; its output is
        imputed but neither dropped nor scaled. Default: the path above.
    text : column name(s) of free text to vectorize, each on its own.
    text_method : "hashing" learns nothing and takes any later word; "tfidf" keeps the words most used in training.
    n_text_features : features a text column; 256 keeps the matrix dense at tens of thousands of rows.
    embeddings : numeric column name(s), or patterns such as "emb_*", taken as they are.

    Attributes
    ----------
    columns_ : names of the columns read, in the training table's order.
    scales_ : column -> what it holds ("number", "truth", "instant", "time of day", "duration", "category", "nested" or
        "empty"); later tables must hold the same.
    dropped_ : dropped column -> "no value" or "one value".
    categories_ : one-hot encoded column -> its training values, as strings.
    transformer_, vectorizers_, imputer_, scaler_ : the fitted parts.

    Cost: O(n d) time and 8 n d bytes for numbers (1,500 x 64: 7 ms to fit, 2 ms to transform, on one core).

    Errors: DataError for an empty table, duplicated names, a named column that is missing, a later table that lacks a
    column or holds text where numbers were, cells that hold lists, and when no column is left.

    Examples
    --------
    >>> import pandas as pd
    >>> from ballast.methods.features.encoder import FeatureEncoder
    >>> table = pd.DataFrame({"age": [20, 40], "town": ["Ulm", "Bern"], "country": ["EU", "EU"]})
    >>> encoder = FeatureEncoder().fit(table)
    >>> encoder.transform(table).shape, encoder.dropped_
    ((2, 2), {'country': 'one value'})
    """

    stored_name = "feature_encoder"

    def __init__(
        self,
        transformer: Any = None,
        text: str | list[str] | None = None,
        text_method: Literal["hashing", "tfidf"] = "hashing",
        n_text_features: Count = 256,
        embeddings: str | list[str] | None = None,
    ):
        self.transformer = transformer
        self.text = text
        self.text_method = text_method
        self.n_text_features = n_text_features
        self.embeddings = embeddings

    def fit(self, table: pd.DataFrame, y: Any = None, sample_weight: Any = None) -> Self:
        """Learns the encoding from the training role's table of n rows.

        ``y`` and ``sample_weight`` (n,), where given, reach the transformer alone.
        """
        from sklearn.impute import SimpleImputer
        from sklearn.preprocessing import StandardScaler

        check_values(type(self), self.get_params(deep=False), "features")
        frame = _named(table, TRAINING)
        self.columns_ = list(frame.columns)
        self.scales_: dict[str, Scale] = {c: scale_of(frame[c]) for c in self.columns_}
        self.dropped_ = {c: "no value" for c, scale in self.scales_.items() if scale == "empty"}
        self._divide(frame)
        weights = {} if sample_weight is None else {"sample_weight": check_weight(sample_weight, "features.weights")}
        self._fit_parts(frame, y, weights)
        block = self._block(frame, TRAINING)
        constant = _constant(block) & (np.arange(block.shape[1]) < self._n_scaled)
        left = set(self._sources[~constant])
        self.dropped_ |= {c: "one value" for c in dict.fromkeys(self._sources) if c not in left}
        self.kept_ = np.flatnonzero(~constant)
        if not len(self.kept_):
            raise DataError(
                f"no feature is left of the training table's {plural(len(self.columns_), 'column')} and {len(frame)} "
                f"rows: {_counted(self.dropped_)}; give columns that vary"
            )
        block = block[:, self.kept_]
        self.imputer_: Any = SimpleImputer(strategy="median", keep_empty_features=True, copy=False).fit(block)
        self._n_scaled = int((self.kept_ < self._n_scaled).sum())
        self.scaler_: Any = None
        if self._n_scaled:
            self.scaler_ = StandardScaler(copy=False).fit(self.imputer_.transform(block)[:, : self._n_scaled])
        return self

    def transform(self, table: pd.DataFrame, name: str = "the table") -> np.ndarray:
        """Gives (n, d) float32 for the rows of a table; ``name`` is what errors call it.

        Columns unknown to the training table are ignored, unseen categories become zeros in all of theirs.
        """
        check_is_fitted(self, "imputer_")
        block = self.unfilled(table, name)
        np.copyto(block, self.imputer_.statistics_, where=np.isnan(block))
        if self.scaler_ is not None:
            block[:, : self._n_scaled] -= self.scaler_.mean_
            block[:, : self._n_scaled] /= self.scaler_.scale_
        limit = np.finfo(np.float32).max
        return np.ascontiguousarray(np.clip(block, -limit, limit, out=block), dtype=np.float32)

    @property
    def sources(self) -> list[str]:
        """(d,) names of the columns that the features are made of."""
        check_is_fitted(self, "imputer_")
        return [str(name) for name in self._sources[self.kept_]]

    def unfilled(self, table: pd.DataFrame, name: str = "the table") -> np.ndarray:
        """Gives (n, d) float64, the features before gaps are filled and numbers scaled, NaN where there is a gap."""
        check_is_fitted(self, "imputer_")
        block = self._block(_named(table, name), name)
        return block if len(self.kept_) == block.shape[1] else block[:, self.kept_]

    def fit_transform(self, table: pd.DataFrame, y: Any = None) -> np.ndarray:
        """Fits on a table and gives its matrix."""
        return self.fit(table, y).transform(table, TRAINING)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Gives the (d,) names of the features: the column's, with the category, word or part behind it."""
        check_is_fitted(self, "imputer_")
        return self._names[self.kept_]

    def report(self, table: pd.DataFrame, name: str = "the table") -> dict[str, Any]:
        """Gives what encoding a table had to repair, counted.

        Keys: ``n_rows``, ``n_features``; ``imputed_nan`` and ``imputed_inf``, column -> cells; ``unseen_categories``,
        column -> rows; ``ignored_columns``, not in the training table; ``dropped_columns``, column -> reason.
        """
        check_is_fitted(self, "imputer_")
        frame = _named(table, name)
        kept, origin = self._block(frame, name, keep_infinite=True)[:, self.kept_], self._sources[self.kept_]
        return {
            "n_rows": len(frame),
            "n_features": len(self.kept_),
            "imputed_nan": _rows_by_column(np.isnan(kept), origin),
            "imputed_inf": _rows_by_column(np.isinf(kept), origin),
            "unseen_categories": self._unseen(frame),
            "ignored_columns": [c for c in frame.columns if c not in set(self.columns_)],
            "dropped_columns": dict(self.dropped_),
        }

    def _divide(self, frame: Any) -> None:
        """Says which columns go which way."""
        text = _matching(self.text, self.columns_, "text")
        embeddings = _matching(self.embeddings, self.columns_, "embeddings")
        if both := set(text) & set(embeddings):
            raise DataError(
                f"column(s) {listed(map(repr, both))} are given as text and as embeddings; leave one of the two out"
            )
        rest = [c for c in self.columns_ if c not in {*text, *embeddings, *self.dropped_}]
        self.number_columns_ = [c for c in rest if self.transformer is None and self.scales_[c] in NUMBERS]
        self.other_columns_ = [c for c in rest if c not in set(self.number_columns_)]
        self.text_columns_ = [c for c in text if c not in self.dropped_]
        self.embedding_columns_ = [c for c in embeddings if c not in self.dropped_]

    def _fit_parts(self, frame: Any, y: Any, weights: dict[str, Any]) -> None:
        """Fits the transformer and the vectorizers, and names every feature before any is dropped."""
        self.transformer_: Any = None
        self.categories_: dict[str, list[str]] = {}
        self.vectorizers_: dict[str, Any] = {}
        names, sources = list(self.number_columns_), list(self.number_columns_)
        if self.other_columns_:
            self.transformer_ = self._new_transformer()
            encoded = self._refusing(self.transformer_.fit_transform, frame, TRAINING, y, **weights)
            made, origin = self._made_by_transformer(_dense(encoded).shape[1])
            names, sources = names + made, sources + origin
        self._n_scaled = len(names) if self.transformer is None else 0
        for column in self.text_columns_:
            self.vectorizers_[column], words = self._new_vectorizer(frame[column], column)
            names, sources = names + [f"{column}_{w}" for w in words], sources + [column] * len(words)
        self._names = np.array([*names, *self.embedding_columns_], dtype=object)
        self._sources = np.array([*sources, *self.embedding_columns_], dtype=object)

    def _new_transformer(self) -> Any:
        if self.transformer is not None:
            return clone(self.transformer)
        import skrub

        # Seeded: the truncated SVD behind long strings would otherwise differ from run to run.
        return skrub.TableVectorizer(high_cardinality=skrub.StringEncoder(random_state=0))

    def _made_by_transformer(self, width: int) -> tuple[list[str], list[str]]:
        """Gives each feature's name, and the column it was made from where the transformer tells."""
        if self.transformer is not None:
            try:
                names = [str(n) for n in self.transformer_.get_feature_names_out()]
            except (AttributeError, NotImplementedError, ValueError, TypeError):
                names = [f"feature_{j}" for j in range(width)]
            return names, ["(transformer)"] * width
        names = list(self.transformer_.all_outputs_)  # numpy would drop a zero at the end of a name
        outputs = self.transformer_.input_to_outputs_
        made_from = {feature: column for column, features in outputs.items() for feature in features}
        for column, kind in self.transformer_.column_to_kind_.items():
            if kind == "low_cardinality":
                self.categories_[column] = [str(c) for c in self.transformer_.transformers_[column].categories_[0]]
        return names, [made_from[n] for n in names]

    def _new_vectorizer(self, column: Any, name: str) -> tuple[Any, list[str]]:
        from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

        if self.text_method == "hashing":
            return HashingVectorizer(n_features=self.n_text_features), [f"h{j}" for j in range(self.n_text_features)]
        vectorizer = TfidfVectorizer(max_features=self.n_text_features)
        try:
            vectorizer.fit(texts(column))
        except ValueError as error:
            raise DataError(f"text column {name!r} holds no word in {len(column)} rows; drop it") from error
        return vectorizer, list(vectorizer.get_feature_names_out())

    def _block(self, frame: Any, name: str, *, keep_infinite: bool = False) -> np.ndarray:
        """Gives all features before any is dropped or imputed, float64, with NaN where missing."""
        there = set(frame.columns)
        read = [*self.number_columns_, *self.other_columns_, *self.text_columns_, *self.embedding_columns_]
        if missing := [c for c in read if c not in there]:
            hint = nearest(missing[0], frame.columns)
            raise DataError(
                f"{name} ({len(frame)} rows) lacks column(s) {listed(map(repr, missing))} of the training table{hint}; "
                "add them, or drop them from the training data"
            )
        scales = getattr(self, "scales_", {})  # those stored by version 0.1 have none
        parts = [numbers(frame, self.number_columns_, scales, name)]
        if self.transformer_ is not None:
            parts.append(self._transformed(frame, name))
        parts += [_dense(v.transform(texts(frame[c]))) for c, v in self.vectorizers_.items()]
        parts.append(numbers(frame, self.embedding_columns_, {}, name))
        block = np.concatenate([p.astype(np.float64, copy=False) for p in parts], axis=1)
        limit = np.finfo(np.float32).max
        if block.size and not (
            np.fmin.reduce(block, axis=None) >= -limit and np.fmax.reduce(block, axis=None) <= limit
        ):
            with np.errstate(invalid="ignore"):
                block[np.abs(block) > limit] = np.inf if keep_infinite else np.nan
        return block

    def _transformed(self, frame: Any, name: str) -> np.ndarray:
        """Gives what the transformer makes of its columns; of categories alone by their values, each but once."""
        if self.transformer is not None or set(self.other_columns_) != set(self.categories_):
            return _dense(self._refusing(self.transformer_.transform, frame, name))
        found = {column: occurring(frame[column]) for column in self.other_columns_}
        height = max(len(first) for _, first in found.values())
        if height > len(frame) / FEW:
            return _dense(self._refusing(self.transformer_.transform, frame, name))
        rows = {column: np.resize(first, height) for column, (_, first) in found.items()}
        try:
            few = frame.head(0).assign(**{c: frame[c].iloc[at].reset_index(drop=True) for c, at in rows.items()})
        except NotImplementedError:  # of types that pandas does not take rows of, such as Arrow's views
            return _dense(self._refusing(self.transformer_.transform, frame, name))
        made = _dense(self._refusing(self.transformer_.transform, few, name))
        origin = self._sources[len(self.number_columns_) :]
        block = np.empty((len(frame), made.shape[1]))
        for j in range(made.shape[1]):
            block[:, j] = made[found[origin[j]][0], j]
        return block

    def _refusing(self, call: Any, frame: Any, name: str, *y: Any, **weights: Any) -> Any:
        """Calls the transformer; what it cannot take becomes a DataError, what ``report`` counts is not warned of."""
        scales = getattr(self, "scales_", {})
        for column in self.other_columns_:
            check_cells(frame[column])
        part = frame[self.other_columns_].apply(lambda column: prepared(column, scales.get(column.name), name))
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Found unknown categories")
                return call(part, *y, **weights)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{type(self.transformer_).__name__} cannot encode column(s) {listed(map(repr, part.columns))} of "
                f"{len(part)} rows: {error}"
            ) from error

    def _unseen(self, frame: Any) -> dict[str, int]:
        found = {}
        for column, known in self.categories_.items():
            if n := sum(text is not None and text not in known for text in canonical(frame[column])):
                found[column] = n
        return found


def _named(table: Any, name: str) -> Any:
    """Gives the table with string column names, none twice."""
    frame = check_table(table, name)
    names = [str(c) for c in frame.columns]
    if len(set(names)) < len(names):
        twice = [n for n, count in Counter(names).items() if count > 1]
        raise DataError(
            f"{name} ({len(frame)} rows) has column(s) {listed(map(repr, twice))} more than once; rename them"
        )
    return frame if names == list(frame.columns) else frame.set_axis(names, axis=1)


def _matching(wanted: str | list[str] | None, columns: list[str], key: str) -> list[str]:
    """Gives the columns that the names and patterns of ``key`` stand for."""
    found: dict[str, None] = {}
    for pattern in [wanted] if isinstance(wanted, str) else wanted or []:
        matched = [c for c in columns if c == pattern or fnmatchcase(c, pattern)]
        if not matched:
            raise DataError(
                f"features.{key}: no column of the training table is named {pattern!r}{nearest(pattern, columns)} "
                f"(its columns: {listed(map(repr, columns))})"
            )
        found |= dict.fromkeys(matched)
    return list(found)


def _constant(block: np.ndarray) -> np.ndarray:
    """Gives (d,) True where a feature has at most one value besides NaN."""
    low, high = np.fmin.reduce(block, axis=0), np.fmax.reduce(block, axis=0)
    return ~(low < high)


def _rows_by_column(hit: np.ndarray, sources: np.ndarray) -> dict[str, int]:
    """Counts, for each column, the rows in which any of its features is hit."""
    counts = {}
    for column in dict.fromkeys(sources[hit.any(axis=0)]):
        counts[str(column)] = int(hit[:, sources == column].any(axis=1).sum())
    return counts


def _dense(values: Any) -> np.ndarray:
    array = np.asarray(values.toarray() if hasattr(values, "toarray") else values)
    return array.reshape(-1, 1) if array.ndim == 1 else array


def _counted(dropped: dict[str, str]) -> str:
    reasons = list(dropped.values())
    return ", ".join(f"{reasons.count(r)} with {r}" for r in dict.fromkeys(reasons))
