"""Which types a model file may ask for.

skops rebuilds an object from the names of its types and their states; it runs no code from the file, but a
harmful type could be named. So only those that skops trusts itself, those below, Ballast's own methods, and what the
user adds in the environment variable BALLAST_TRUSTED_TYPES (comma separated) are rebuilt.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from ballast.warehouse.models import stored_names

ENVIRONMENT = "BALLAST_TRUSTED_TYPES"

# Plain state holders and pure functions that fitted estimators refer to, found by storing a fitted specimen of every
# estimator of scikit-learn and of skrub.TableVectorizer. The array-backed ones (Tree, KDTree ...) believe the indices
# in their arrays, which is why a model is also checked against its sha256.
_MEMBERS = {
    "numpy": "dtype mean",
    "functools": "partial",
    "scipy.interpolate._bsplines": "BSpline",
    "scipy.sparse._csr": "csr_matrix",
    "scipy._lib.array_api_compat.numpy._aliases": "asarray",
    "sklearn._loss.loss": "HalfTweedieLoss HalfTweedieLossIdentity",
    "sklearn.calibration": "_CalibratedClassifier _SigmoidCalibration",
    "sklearn.cluster._bisect_k_means": "_BisectingTree",
    "sklearn.cluster._kmeans": "_kmeans_single_lloyd _kmeans_single_elkan",
    "sklearn.ensemble._hist_gradient_boosting.predictor": "TreePredictor",
    "sklearn.feature_selection._univariate_selection": "f_classif f_regression chi2",
    "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
    "sklearn.gaussian_process._gpc": "_BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels": "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation "
    "Matern Product RBF RationalQuadratic Sum WhiteKernel",
    "sklearn.metrics._dist_metrics": "ChebyshevDistance32 ChebyshevDistance64 EuclideanDistance32 EuclideanDistance64 "
    "ManhattanDistance32 ManhattanDistance64 MinkowskiDistance32 MinkowskiDistance64",
    "sklearn.metrics._scorer": "_PassthroughScorer _Scorer",
    "sklearn.model_selection._split": "GroupKFold KFold StratifiedKFold TimeSeriesSplit",
    "sklearn.neighbors._ball_tree": "BallTree BallTree32 BallTree64",
    "sklearn.neighbors._kd_tree": "KDTree KDTree32 KDTree64",
    "sklearn.neural_network._stochastic_optimizers": "AdamOptimizer SGDOptimizer",
    "sklearn.tree._tree": "Tree",
    "sklearn.utils._bunch": "Bunch",
    "sklearn.utils.validation": "check_array",
    "skrub._apply_to_each_col": "ApplyToEachCol",
    "skrub._check_input": "CheckInputDataFrame",
    "skrub._clean_categories": "CleanCategories",
    "skrub._clean_null_strings": "CleanNullStrings",
    "skrub._dataframe._common": "is_any_date is_categorical is_numeric",
    "skrub._datetime_encoder": "DatetimeEncoder",
    "skrub._drop_uninformative": "DropUninformative",
    "skrub._duration_to_float": "DurationToFloat",
    "skrub._gap_encoder": "GapEncoder",
    "skrub._minhash_encoder": "MinHashEncoder",
    "skrub._string_encoder": "StringEncoder",
    "skrub._table_vectorizer": "PassThrough ShortReprDict TableVectorizer _created_by_predicate",
    "skrub._to_categorical": "ToCategorical",
    "skrub._to_datetime": "ToDatetime",
    "skrub._to_float": "ToFloat",
    "skrub._to_str": "ToStr",
    "skrub._utils": "LRUDict",
    "skrub.selectors._base": "All And Cols Filter Sub",
    "skrub.selectors._selectors": "_cardinality_below",
}
TRUSTED = frozenset(f"{module}.{name}" for module, names in _MEMBERS.items() for name in names.split())


def untrusted(names: Iterable[str]) -> list[str]:
    """Gives those of some full type names that nobody has allowed, in order."""
    allowed = TRUSTED | {name.strip() for name in os.environ.get(ENVIRONMENT, "").split(",")}
    return sorted(name for name in names if name not in allowed and stored_names.class_of(name) is None)


def with_tensors(name: str) -> Any:
    """Gives the class of Ballast's methods that a full name stands for, if it is rebuilt from tensors, else None."""
    cls = stored_names.class_of(name)
    return cls if hasattr(cls, "from_tensors") else None


def remedy(names: Iterable[str]) -> str:
    """Gives the words that tell how to allow types, or how to name them where they are Ballast's own."""
    if nameless := [name for name in names if stored_names.is_nameless(name)]:
        return (
            f"Ballast's own classes are stored by a name that stays when modules move: give {', '.join(nameless)} "
            'a class attribute such as stored_name = "label_sums"'
        )
    setting = f"{ENVIRONMENT}={','.join(names)}"
    return f"if you know what they do and trust where the model comes from, allow them with {setting}"
