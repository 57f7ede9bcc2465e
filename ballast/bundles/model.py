"""What a loaded model offers: predictions of a frame, what is wrong with the frame, and the card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ballast.bundles.schema import WHERE, Remark, Schema
from ballast.errors import DataError
from ballast.given.scoring import predicted, probability_columns


@dataclass(frozen=True)
class Model:
    """A fitted model together with the encoder of its pipeline and the schema of its training rows.

    Attributes
    ----------
    name, version : the step that made it, as "digits/reweighted", and its version.
    schema : the columns it reads, and what they held in training.
    classes : (K,) its classes, in the order of ``predict_proba``; None for a model of numbers.
    card : the model card, Markdown.
    """

    name: str
    version: int
    schema: Schema
    card: str
    encoder: Any
    estimator: Any
    embedder: Any = None

    @property
    def classes(self) -> np.ndarray | None:
        found = getattr(self.estimator, "classes_", None)
        return None if found is None else np.asarray(found)

    @property
    def probability_columns(self) -> list[str]:
        """The columns ``p_<class>`` of the pipeline's table of predictions, in the order of ``classes``."""
        return [] if self.classes is None else probability_columns(self.classes)

    def predict(self, frame: Any) -> np.ndarray:
        """Gives the (n,) predictions of a table's rows: the pipeline's own, each the same in whatever company.

        The table (pandas, Polars, Arrow) holds the schema's columns, in any order, and may hold more. Raises DataError
        for a column that is missing, or holds what the training rows' type does not.
        """
        return self._predicted(self.estimator.predict, frame)

    def predict_proba(self, frame: Any) -> np.ndarray:
        """Gives (n, K) probabilities, columns in the order of ``classes``; DataError as ``predict``."""
        if not hasattr(self.estimator, "predict_proba"):
            raise DataError(
                f"{self.name} ({type(self.estimator).__name__}) gives no class probabilities; use predict, or export a "
                "classifier that has predict_proba"
            )
        return self._predicted(self.estimator.predict_proba, frame)

    def predict_table(self, frame: Any) -> pd.DataFrame:
        """Gives ``prediction`` and, of a classifier, ``p_<class>``, as the pipeline's table of predictions names them.

        The rows are under the frame's index, where it has one. DataError as ``predict``.
        """
        probable = hasattr(self.estimator, "predict_proba")
        calls = [self.estimator.predict, *([self.estimator.predict_proba] if probable else [])]
        found, *probs = predicted(calls, self.schema.read(frame), self.encoder, self.embedder, WHERE)
        columns = {"prediction": found}
        if probable:
            columns |= dict(zip(self.probability_columns, probs[0].T, strict=True))
        return pd.DataFrame(columns, index=frame.index if isinstance(frame, pd.DataFrame) else None)

    def check(self, frame: Any) -> list[Remark]:
        """Gives what of a table is not as it was in the training rows; those `refused` keep it from being predicted."""
        return self.schema.check(frame)

    def _predicted(self, call: Callable[[np.ndarray], np.ndarray], frame: Any) -> np.ndarray:
        return predicted([call], self.schema.read(frame), self.encoder, self.embedder, WHERE)[0]
