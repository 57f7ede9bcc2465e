"""Effects of a treatment row by row: regression of a pseudo-outcome, weighted by the inverse of its variance."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from sklearn.base import RegressorMixin, clone

from ballast.compute.blocks import row_keys
from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import ParameterError
from ballast.methods.common.cross_fit import check_classifier, check_regressor, deal_labelled
from ballast.methods.common.folds import warn_of_near_copies
from ballast.methods.common.tasks import as_numbers
from ballast.methods.common.treatment import check_overlap, least_rows, two_arms
from ballast.methods.common.weighting import fit_with_weights, supports_weights
from ballast.methods.frame.base import Claim, Learner
from ballast.methods.frame.parameters import Arm, Seed
from ballast.methods.frame.weightless import beside_weightless, without_weightless

BOOSTING = {"max_iter": 60, "learning_rate": 0.05, "max_leaf_nodes": 8}
"""Small, slow trees: scikit-learn's defaults fit the noise of some thousand rows, which the weights then divide by."""
OF_ROWS = ("pseudo_outcomes_", "propensities_", "plug_in_")
"""What it keeps of each row it was fitted on."""
MOST_SQUARED = 20
"""Columns up to which the final model has squares and products."""


class RLearner(RegressorMixin, Learner):
    """Predicts the effect of a treatment of two values on an outcome, row by row, from the columns.

    Use it where the effect differs between rows and the columns hold what decided the treatment. Not for the average
    effect, which weights give with an interval (``inverse_propensity`` and ``treatment_effect``), and not without the
    plug-in (a model of the outcome in each arm, and their difference) beside it: where both arms' outcomes are easily
    learned, that is as good.

    Parameters
    ----------
    pseudo_outcome : {"residual", "doubly_robust", "covariance"}, default "residual"
        What the final model is fitted to, each with the weight that is its inverse variance. A is the treatment (1 for
        the treated), Y the outcome, e and m the probability of treatment and the mean outcome given the columns, m1 and
        m0 the latter by arm. "residual", the R-learner: (Y - m) / (A - e), weight (A - e)^2. "doubly_robust": m1 - m0 +
        (A - e) (Y - mA) / (e (1 - e)), weight e (1 - e). "covariance": (A - e) (Y - m) / (e (1 - e)), the same weight.
    weighted : bool, default True
        False leaves the inverse variances out; of "doubly_robust" that is the DR-learner.
    outcome_model : regressor, str or None, default None
        Regressor for m, or m1 and m0: an object, or the import path of a scikit-learn class. None takes boosted trees
        of 8 leaves.
    treatment_model : classifier, str or None, default None
        Classifier for e, likewise; None takes boosted trees of 8 leaves.
    final_model : regressor, str or None, default None
        Regressor for the effect, likewise; None takes ridge regression with squares and products (up to 20 columns).
    n_folds : int >= 2, default 5
        Folds of the cross-fitting, dealt by arm; m and e of a row are from models that were not fitted on it.
    clip : float in (0, 0.5), default 0.01
        Probabilities are kept from ``clip`` to 1 - ``clip``, in the pseudo-outcome and the weight alike.
    random_state : int or None, default 0
        Seed of the folds, and of the models that take one.
    treated : str, int, float, bool or None, default None
        The value of the treatment that means treated; None where its two values are 0 and 1, or False and True.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Inverse variances times ``sample_weight``, of mean 1. NaN, as the next three, for rows of weight 0, which are
        not fitted on.
    pseudo_outcomes_ : ndarray of shape (n,)
        What the final model was fitted to.
    propensities_ : ndarray of shape (n,)
        Probability of treatment, e, clipped.
    plug_in_ : ndarray of shape (n,)
        Difference of the arms' outcome models, m1 - m0, for "doubly_robust".
    effective_sample_size_ : float
        Rows that the weights are worth.
    arms_ : ndarray of shape (2,)
        The control and the treated; the effect is of the second versus the first.
    model_ : regressor
        The final model, fitted.

    Raises
    ------
    DataError
        Other than two treatments, arms without ``treated``, an arm of fewer than two rows, or an outcome that is not a
        number.
    OverlapError
        The columns predict the treatment of most rows.
    ParameterError
        A model that cannot do its part, or takes no weights.

    Notes
    -----
    The weights move the best fit to the rows that could have had either treatment: where the final model cannot follow
    the effect, it is right for these. A pseudo-outcome never has the weight of another, which would bias it.
    Cost: ``n_folds`` fits of each model of m and e, and one of the final model.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, treatment = rng.normal(size=(600, 2)), rng.integers(2, size=600)
    >>> outcome = rng.normal(X[:, 1] + treatment * X[:, 0], 0.5)
    >>> learner = ballast.method("r_learner").fit(X, treatment, outcome)
    >>> effects = learner.predict([[-1.0, 0.0], [1.0, 0.0]])
    >>> bool(effects[0] < -0.7), bool(effects[1] > 0.7)  # -1 and 1 in truth
    (True, True)
    """

    name = "r_learner"
    reference = (
        "Fisher, The Connection Between R-Learning and Inverse-Variance Weighting for Estimation of Heterogeneous "
        "Treatment Effects, ICML 2024; Nie and Wager, Quasi-Oracle Estimation of Heterogeneous Treatment Effects, "
        "Biometrika 2021; Kennedy, Towards Optimal Doubly Robust Estimation of Heterogeneous Causal Effects, EJS 2023"
    )
    survey_ids = ("S344",)
    quick = {"n_folds": 2}
    conformance_exceptions: ClassVar[dict[str, str]] = {
        "weights_equal_repetition": "folds are dealt by row, so that a row given twice may stand in two of them"
    }
    claim = Claim(
        "Where propensities come near 0 and 1, inverse-variance weights lower the error of the effects for every "
        "pseudo-outcome; where the arms overlap well, they make no difference.",
        "reproduced",
        "1500 rows, 5 columns, polynomial and logistic models of m and e, 10 seeds. Log odds of the treatment to 6: "
        "root mean squared error without weights and with them {residual, plain:.2f} and {residual:.2f} (residual), "
        "{doubly_robust, plain:.2f} and {doubly_robust:.2f} (doubly robust), {covariance, plain:.2f} and "
        "{covariance:.2f} (covariance); the plug-in, smoothed by the same final model, {plug-in:.2f}. Log odds to "
        "3/4: {residual, plain, good overlap:.2f} and {residual, good overlap:.2f}, {doubly_robust, plain, good "
        "overlap:.2f} and {doubly_robust, good overlap:.2f}, {covariance, plain, good overlap:.2f} and {covariance, "
        "good overlap:.2f}, plug-in {plug-in, good overlap:.2f}. With the default boosted trees, which draw "
        "propensities to the middle, 6 seeds, {doubly_robust, plain, boosted:.2f} and {doubly_robust, boosted:.2f} "
        "(doubly robust), {residual, boosted:.2f} (residual), and the smoothed plug-in has {plug-in, boosted:.2f}.",
    )

    def __init__(
        self,
        pseudo_outcome: Literal["residual", "doubly_robust", "covariance"] = "residual",
        weighted: bool = True,
        outcome_model: Any = None,
        treatment_model: Any = None,
        final_model: Any = None,
        n_folds: Annotated[int, Field(ge=2)] = 5,
        clip: Annotated[float, Field(gt=0, lt=0.5)] = 0.01,
        random_state: Seed = 0,
        treated: Arm = None,
    ) -> None:
        self.pseudo_outcome = pseudo_outcome
        self.weighted = weighted
        self.outcome_model = outcome_model
        self.treatment_model = treatment_model
        self.final_model = final_model
        self.n_folds = n_folds
        self.clip = clip
        self.random_state = random_state
        self.treated = treated

    @property
    def keeps_weightless(self) -> bool:
        """It keeps something of each of the rows given, and fits without those of weight 0."""
        return True

    def fit(
        self,
        X: np.ndarray,
        treatment: np.ndarray,
        outcome: np.ndarray,
        sample_weight: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
    ) -> RLearner:
        """Learns from rows (n, d), the treatments (n,) that they received and the outcomes (n,) that followed.

        The rows of one unit of ``dependence`` (n,) are in one fold of the cross-fitting.
        """
        given = {"X": X, "treatment": treatment, "outcome": outcome, "dependence": dependence}
        self._fit(**without_weightless({**given, "sample_weight": sample_weight}, self.name))
        self.weights_ = beside_weightless(self.weights_ * (len(X) / len(self.weights_)), sample_weight, 0.0)
        for name in OF_ROWS:
            if hasattr(self, name):
                setattr(self, name, beside_weightless(getattr(self, name), sample_weight, np.nan))
        return self

    def _fit(
        self,
        X: np.ndarray,
        treatment: np.ndarray,
        outcome: np.ndarray,
        sample_weight: np.ndarray | None,
        dependence: np.ndarray | None,
    ) -> None:
        self.arms_, treated = two_arms(treatment, self.name, self.treated)
        outcome = as_numbers(outcome, self.name, "outcome")
        final = self._final_model(X.shape[1], needs_weights=self.weighted or sample_weight is not None)
        given = np.ones(len(X)) if sample_weight is None else sample_weight.astype(np.float64)
        rows = np.column_stack([X, treated, outcome, given]).astype(np.float64)
        order = np.argsort(row_keys(rows), kind="stable")  # models see the rows in one order, however they came
        X_sorted, treated, outcome = X[order], treated[order], outcome[order]
        weight, units = (None if values is None else values[order] for values in (sample_weight, dependence))
        nuisances = self._cross_fit(rows[order], X_sorted, treated, outcome, weight, units)
        pseudo, inverse_variance = self._pseudo_outcome(treated, outcome, **nuisances)
        weights = given[order] * (inverse_variance if self.weighted else 1.0)
        weights /= weights.mean()
        unweighted = not self.weighted and sample_weight is None
        self.model_ = fit_with_weights(final, X_sorted, pseudo, None if unweighted else weights)
        back = np.argsort(order)
        self.pseudo_outcomes_, self.weights_ = pseudo[back], weights[back]
        self.propensities_ = nuisances["e"][back]
        self.effective_sample_size_ = effective_sample_size(weights)
        if self.pseudo_outcome == "doubly_robust":
            self.plug_in_ = (nuisances["m1"] - nuisances["m0"])[back]
        elif hasattr(self, "plug_in_"):
            del self.plug_in_

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Gives (k,) the effect of the treated arm versus the control on rows (k, d), in units of the outcome."""
        return np.asarray(self.model_.predict(X)).astype(X.dtype)

    def _cross_fit(
        self,
        rows: np.ndarray,
        X: np.ndarray,
        treated: np.ndarray,
        outcome: np.ndarray,
        weight: np.ndarray | None,
        units: np.ndarray | None,
    ) -> dict[str, np.ndarray]:
        """Gives e and m, or e, m1 and m0, (n,) each, from models that were not fitted on the row."""
        n_folds, rng = min(self.n_folds, least_rows(treated, self.name)), np.random.default_rng(self.random_state)
        if units is None:
            warn_of_near_copies(X, self.name, "folds part them")
        folds = deal_labelled(rows, (~treated).astype(np.int64), n_folds, rng, self.name, units, "dependence")
        regressor, classifier = self._nuisance_models()
        parts = {"m": np.ones_like(treated)}
        if self.pseudo_outcome == "doubly_robust":
            parts = {"m1": treated, "m0": ~treated}
        found = {name: np.empty(len(X)) for name in ("e", *parts)}
        for fold in np.unique(folds):
            held, kept = folds == fold, folds != fold
            model = _fitted(classifier, X, treated, weight, kept)
            found["e"][held] = model.predict_proba(X[held])[:, 1]
            for name, arm in parts.items():
                found[name][held] = _fitted(regressor, X, outcome, weight, kept & arm).predict(X[held])
        found["e"] = found["e"].clip(self.clip, 1 - self.clip)
        check_overlap(np.where(treated, found["e"], 1 - found["e"]), treated.astype(int), self.name)
        return found

    def _pseudo_outcome(
        self, treated: np.ndarray, outcome: np.ndarray, e: np.ndarray, **means: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gives (n,) the pseudo-outcome and (n,) what its variance is proportional to the inverse of."""
        surprise, spread = treated - e, e * (1 - e)
        if self.pseudo_outcome == "residual":
            return (outcome - means["m"]) / surprise, surprise**2
        if self.pseudo_outcome == "covariance":
            return surprise * (outcome - means["m"]) / spread, spread
        own = np.where(treated, means["m1"], means["m0"])
        return means["m1"] - means["m0"] + surprise * (outcome - own) / spread, spread

    def _nuisance_models(self) -> tuple[Any, Any]:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        options: dict[str, Any] = {**BOOSTING, "random_state": self.random_state}
        regressor, classifier = self.outcome_model, self.treatment_model
        return (
            HistGradientBoostingRegressor(**options)
            if regressor is None
            else check_regressor(regressor, self.name, "outcome_model"),
            HistGradientBoostingClassifier(**options)
            if classifier is None
            else check_classifier(classifier, self.name, "treatment_model"),
        )

    def _final_model(self, n_features: int, *, needs_weights: bool) -> Any:
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import PolynomialFeatures, StandardScaler

        if self.final_model is None:
            degree = 2 if n_features <= MOST_SQUARED else 1
            squares = PolynomialFeatures(degree, include_bias=False)
            return make_pipeline(StandardScaler(), squares, StandardScaler(), Ridge())
        final = clone(check_regressor(self.final_model, self.name, "final_model"))
        if needs_weights and not supports_weights(final):
            raise ParameterError(
                f"{self.name}: parameter 'final_model' must take sample_weight in fit, which {type(final).__name__} "
                "does not; take another, or weighted: false"
            )
        return final


def _fitted(model: Any, X: np.ndarray, y: np.ndarray, weight: np.ndarray | None, rows: np.ndarray) -> Any:
    return fit_with_weights(clone(model), X[rows], y[rows], None if weight is None else weight[rows])
