"""The strong simple models: logistic and ridge regression on standardised features."""

from __future__ import annotations

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from ballast.methods.common.tasks import check_classes, check_numeric_target
from ballast.methods.frame.base import Claim, Learner
from ballast.methods.frame.parameters import Count, NonNegative, Positive


class LogisticRegression(ClassifierMixin, Learner):
    """Classifies with a linear model on standardised features.

    Use it first: it is fast, its probabilities are usually calibrated, and what does not beat it is not worth its
    cost. Not for classes that only interactions of features tell apart; use ``torch_mlp`` or trees there.

    Parameters
    ----------
    C : float > 0, default 1.0
        Inverse strength of the squared penalty on the coefficients, 1 as in scikit-learn. The penalty is held against
        the weighted *sum* of losses, so more rows mean less shrinkage.
    max_iter : int >= 1, default 1000
        The most steps of the L-BFGS solver.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        The sorted labels.
    scaler_ : StandardScaler
        The fitted scaler, weighted.
    model_ : LogisticRegression
        The fitted model of scikit-learn, weighted, so that a row of weight 2 equals two such rows.

    Raises
    ------
    DataError
        ``y`` of one class.

    Notes
    -----
    Cost: O(n d K) a solver step, about 20 to 100 steps; memory O(n d).

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 2))
    >>> y = np.where(rng.normal(X[:, 0] - X[:, 1]) > 0, "yes", "no")
    >>> learner = ballast.method("logistic_regression").fit(X, y)
    >>> learner.predict([[1.0, -1.0], [-1.0, 1.0]]).tolist()
    ['yes', 'no']
    >>> learner.predict_proba([[0.0, 0.0], [1.0, -1.0]]).round(1)
    array([[0.5, 0.5],
           [0. , 1. ]])
    """

    name = "logistic_regression"
    reference = "Cox, The regression analysis of binary sequences, JRSS B, 1958"
    claim = Claim("The maximum likelihood fit of a linear log-odds model.", "by definition", "")

    def __init__(self, C: Positive = 1.0, max_iter: Count = 1000):
        self.C = C
        self.max_iter = max_iter

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> LogisticRegression:
        """Fits (n, d) features to (n,) labels of any sortable type."""
        self.classes_, codes = check_classes(y, self.name)
        self.scaler_ = StandardScaler().fit(X, sample_weight=sample_weight)
        self.model_ = SklearnLogisticRegression(C=self.C, max_iter=self.max_iter)
        self.model_.fit(self.scaler_.transform(X), codes, sample_weight=sample_weight)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Gives the (n,) most probable labels."""
        return self.classes_[self.decision_function(X).argmax(axis=1)]

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Gives (n, K) probabilities, columns in the order of ``classes_``."""
        probs = self.model_.predict_proba(self.scaler_.transform(X))
        return probs.astype(X.dtype, copy=False)  # scikit-learn before 1.9 gives doubles

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Gives (n, K) logits whose softmax is ``predict_proba``; for two classes of log-odds z, [-z/2, z/2]."""
        z = self.model_.decision_function(self.scaler_.transform(X)).astype(X.dtype, copy=False)
        return np.column_stack([-z / 2, z / 2]) if z.ndim == 1 else z


class RidgeRegression(RegressorMixin, Learner):
    """Predicts a number with a linear model on standardised features.

    Use it first for regression, and wherever features are many or correlated. Not for relations that bend; use
    ``torch_mlp`` or trees there.

    Parameters
    ----------
    alpha : float >= 0, default 1.0
        Strength of the squared penalty on the coefficients, 1 as in scikit-learn, held against the weighted *sum* of
        squared errors; the intercept is free.

    Attributes
    ----------
    scaler_ : StandardScaler
        The fitted scaler, weighted.
    model_ : Ridge
        The fitted model of scikit-learn, weighted, so that a row of weight 2 equals two such rows.

    Raises
    ------
    DataError
        ``y`` that is not a number.

    Notes
    -----
    Cost: O(n d^2 + d^3); memory O(n d + d^2).

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 2))
    >>> y = rng.normal(3 * X[:, 0] - X[:, 1])
    >>> learner = ballast.method("ridge_regression", alpha=1.0).fit(X, y)
    >>> learner.predict([[1.0, 0.0], [0.0, 1.0]]).round(0)
    array([ 3., -1.])
    """

    name = "ridge_regression"
    reference = "Hoerl & Kennard, Ridge regression: biased estimation for nonorthogonal problems, Technometrics, 1970"
    claim = Claim("The minimiser of squared error plus a squared penalty.", "by definition", "")

    def __init__(self, alpha: NonNegative = 1.0):
        self.alpha = alpha

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> RidgeRegression:
        """Fits (n, d) features to (n,) numbers."""
        y = check_numeric_target(y, self.name).astype(X.dtype)
        self.scaler_ = StandardScaler().fit(X, sample_weight=sample_weight)
        self.model_ = Ridge(alpha=self.alpha).fit(self.scaler_.transform(X), y, sample_weight=sample_weight)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Gives (n,) numbers in the units of ``y``."""
        return self.model_.predict(self.scaler_.transform(X))
