"""What MLflow loads: a model's folder, and its predictions as a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ballast.bundles.folder import read
from ballast.bundles.model import Model


@dataclass(frozen=True)
class Served:
    """A model as ``mlflow.pyfunc`` asks it: rows in, the columns of the pipeline's table of predictions out."""

    model: Model

    def predict(self, model_input: Any, params: Any = None) -> pd.DataFrame:
        """Gives ``prediction`` and, of a classifier, ``p_<class>``, under the rows' index; DataError as the model's."""
        return self.model.predict_table(model_input)


def _load_pyfunc(path: str) -> Served:
    """Is what MLflow calls by this name."""
    return Served(read(Path(path)))
