"""The encoder for people: a table of mixed columns in, the table of numbers that methods take out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ballast.methods.features.encoder import TRAINING, FeatureEncoder

if TYPE_CHECKING:
    import pandas as pd


class Encoder(FeatureEncoder):
    """Encodes tables of mixed columns for the methods, as the pipelines do: frames in, frames out.

    Fit it on the training table alone and encode every table with it. What it gives is, to the last bit, the matrix
    that the steps of a pipeline see (``FeatureEncoder``, whose parameters and attributes it has): float32, finite,
    without missing values, under the table's index and the features' names. Equal values give equal features whatever
    their type, categories that the training table lacks become zeros, and ``report(table)`` counts what was repaired.

    Parameters
    ----------
    transformer : transformer of scikit-learn's, optional
        What encodes all columns but ``text`` and ``embeddings``, in place of ``skrub.TableVectorizer``.
    text : str or list of str, optional
        Columns of free text, each vectorized on its own.
    text_method : {"hashing", "tfidf"}, default "hashing"
        Whether their words are hashed, or those most used in training kept.
    n_text_features : int, default 256
        Features a text column.
    embeddings : str or list of str, optional
        Numeric columns, or patterns such as "emb_*", that are taken as they are.

    Raises
    ------
    DataError
        For an empty table, lists in cells, a later table that lacks a column or holds another type in it, and where no
        column varies.

    Examples
    --------
    >>> import ballast
    >>> import pandas as pd
    >>> train = pd.DataFrame({"age": [20, 40, 60, 80], "town": ["Ulm", "Bern", "Bern", "Ulm"]})
    >>> target = pd.DataFrame({"age": [60, 80, 70], "town": ["Ulm", "Ulm", "Bern"]}, index=["a", "b", "c"])
    >>> encoder = ballast.Encoder().fit(train)
    >>> X, X_target = encoder.transform(train), encoder.transform(target)
    >>> X_target
            age  town_Ulm
    a  0.447214       1.0
    b  1.341641       1.0
    c  0.894427      -1.0
    """

    stored_name = "encoder"

    def transform(self, table: pd.DataFrame, name: str = "the table") -> pd.DataFrame:  # type: ignore[override]
        """Encodes the rows of a table.

        Parameters
        ----------
        table : DataFrame, or array of n rows
            Columns that the training table lacks are ignored.
        name : str
            What errors call the table.

        Returns
        -------
        DataFrame
            (n, d) float32, under the table's index and the features' names.
        """
        import pandas as pd

        matrix = super().transform(table, name)
        index = table.index if isinstance(table, pd.DataFrame) else None
        return pd.DataFrame(matrix, index, pd.Index(self.get_feature_names_out()), copy=False)

    def fit_transform(self, table: pd.DataFrame, y: Any = None) -> pd.DataFrame:  # type: ignore[override]
        """Fits on the training table and encodes it."""
        return self.fit(table, y).transform(table, TRAINING)
