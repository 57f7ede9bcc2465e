"""A neural network for tables and embeddings, with weights, early stopping and recorded training dynamics."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field
from sklearn.utils import ClassifierTags, RegressorTags
from sklearn.utils.validation import check_is_fitted

from ballast.compute.devices import device
from ballast.compute.threads import threads_for
from ballast.errors import DataError, ParameterError
from ballast.methods.common.folds import hold_out, units_of, warn_of_near_copies
from ballast.methods.common.tasks import check_classes, check_numeric_target, task_of
from ballast.methods.frame.base import Claim, Learner
from ballast.methods.frame.parameters import Count, Device, Level, NonNegative, Positive, Seed, check_values
from ballast.methods.training.loop import EpochPlan, History, Penalty, Rows, Schedule, shuffled, train
from ballast.methods.training.networks import arrays_of, layers, moments, of_arrays, on_device, row_loss
from ballast.methods.training.part import Material, Part, Regularization, SamplePolicy, Sampling
from ballast.methods.training.storage import check_tensors, declaration_of, restored
from ballast.methods.training.telling import telling
from ballast.words import plural

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 65_536
"""Rows that one forward pass takes when predicting."""


class TorchMLP(Learner):
    """Classifies, or predicts a number, with a multilayer perceptron on standardised features.

    Use it for embeddings and numeric tables where features interact, and wherever a method asks for training
    dynamics or hidden features. Not for small or mixed tables, where gradient-boosted trees are as good and quicker.

    Parameters
    ----------
    hidden : sequence of int >= 1, default (64,)
        Widths of the hidden layers (ReLU).
    task : {"auto", "classification", "regression"}, default "auto"
        "auto" takes regression for a float ``y`` of more than 20 distinct values, classification for any other.
    optimizer : {"adam", "sgd"}, default "adam"
        AdamW, or stochastic gradient descent with momentum 0.9, at a constant rate.
    learning_rate : float > 0, default 0.001
        Step size, Adam's own default; take about 0.05 for "sgd".
    weight_decay : float >= 0, default 0.0001
        AdamW decouples it from the loss.
    batch_size : int >= 1, default 128
        Rows a step.
    max_epochs : int >= 1, default 100
        The most passes over the rows.
    patience : int >= 1 or None, default 10
        Stops after so many epochs without a better held-out loss, and restores the best epoch. None holds no rows out
        and runs all epochs.
    validation_share : float in (0, 1), default 0.1
        Share of the rows held out for that; of each class where the task is classification (a class of fewer than ten
        rows then gives none). Copies of a row are held out together or not at all, and so are the rows of a unit, where
        ``dependence`` names units.
    record_dynamics : bool, default False
        Keeps each training row's loss and margin in every epoch. All rows are then trained on for ``max_epochs``:
        nothing is held out and nothing stops early.
    sampling : sample policy or None, default None
        Which rows each batch holds, such as ``StratifiedBatches()``, in YAML ``{use: stratified_batches}``. None: all
        rows once an epoch, in a fresh order.
    regularizer : regulariser or None, default None
        A penalty on each batch such as ``CorrelationPenalty()``. The held-out loss is without it.
    device : str, default "auto"
        Where to train and predict: "cpu", "cuda", one of several ("cuda:1"), or "auto", a GPU where there is one.
    random_state : int or None, default 0
        The same seed gives the same network on the same device. No global random state is read or changed.

    Attributes
    ----------
    task_ : str
        The task that was fitted.
    classes_ : ndarray of shape (K,)
        The sorted labels (classification only).
    history_ : dict of str to list
        "train_loss" and "validation_loss", a number an epoch.
    best_epoch_ : int
        The epoch that was restored, from 0.
    sampling_ : dict
        What the sample policy tells of its plan, such as repetitions; empty where it tells nothing.
    dynamics_ : dict of str to ndarray
        Only with ``record_dynamics``: float32 arrays (n, epochs) in the order of the rows given: "losses" and, for
        classification, "margins" (logit of the label less the largest other), both from the forward pass in which the
        row was trained on; of rows of weight 0, which are not trained on, from one after the epoch. Losses are in nats,
        or in squared standard deviations of ``y``.

    Raises
    ------
    DataError
        ``y`` of one class, or not numeric in regression.
    ParameterError
        Training that diverges, a part that the task or the data do not suit, and ``record_dynamics`` with a sample
        policy that does not visit each row once an epoch.

    Notes
    -----
    Rows of weight 0 change nothing: they are in no batch and no class, and none is held out. Weights multiply the rows'
    losses after scaling to mean one, and enter the standardisation: a row of weight 2 equals two such rows, exactly so
    in a full batch without held-out rows, up to the batches' make-up otherwise.
    The network computes in float32.

    Cost: O(n d h + n h^2) an epoch for width h; memory O(n d) on the device.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(600, 2))
    >>> y = X[:, 0] * X[:, 1] > 0  # which no line can tell
    >>> learner = ballast.method("torch_mlp", learning_rate=0.01, max_epochs=50)
    >>> right = learner.fit(X[:400], y[:400]).predict(X[400:]) == y[400:]
    >>> bool(right.mean() > 0.9)
    True
    """

    name = "torch_mlp"
    reference = "Rumelhart, Hinton & Williams, Learning representations by back-propagating errors, Nature, 1986"
    claim = Claim("A network trained by stochastic gradient descent.", "by definition", "")
    # One batch, so that weights can be compared with rows that repeat.
    quick = {"max_epochs": 6, "patience": None, "learning_rate": 0.01, "batch_size": 4096}

    def __init__(
        self,
        hidden: Annotated[Sequence[Count], Field(min_length=1)] = (64,),
        task: Literal["auto", "classification", "regression"] = "auto",
        optimizer: Literal["adam", "sgd"] = "adam",
        learning_rate: Positive = 1e-3,
        weight_decay: NonNegative = 1e-4,
        batch_size: Count = 128,
        max_epochs: Count = 100,
        patience: Count | None = 10,
        validation_share: Level = 0.1,
        record_dynamics: bool = False,
        sampling: Sampling = None,
        regularizer: Regularization = None,
        device: Device = "auto",
        random_state: Seed = 0,
    ):
        self.hidden = hidden
        self.task = task
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_share = validation_share
        self.record_dynamics = record_dynamics
        self.sampling = sampling
        self.regularizer = regularizer
        self.device = device
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """Tells scikit-learn which task this is; "auto" says nothing before ``fit``."""
        tags = super().__sklearn_tags__()
        task = getattr(self, "task_", self.task)
        tags.target_tags.required = True
        if task == "classification":
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        elif task == "regression":
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        return tags

    @property
    def keeps_weightless(self) -> bool:
        """Where dynamics are recorded, rows of weight 0 have some."""
        return self.record_dynamics

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
    ) -> TorchMLP:
        """Fits (n, d) features to (n,) labels of any sortable type, or to (n,) numbers.

        ``dependence`` (n,) names the unit that each row is of: a unit is held out as a whole or not at all. Where rows
        are made of others it is (n, p), with the units of all their parents.
        """
        return self._train(X, y, sample_weight, None, dependence)

    def _train(
        self,
        X: np.ndarray,
        y: np.ndarray,
        sample_weight: np.ndarray | None,
        groups: np.ndarray | None,
        dependence: np.ndarray | None,
    ) -> Self:
        import torch

        weights = np.ones(len(X)) if sample_weight is None else sample_weight
        there, beside = np.flatnonzero(weights > 0), np.flatnonzero(weights == 0)  # the latter only where recorded
        weights = weights[there] / weights[there].mean()
        self.mean_, self.scale_ = moments(X[there], weights)
        targets = self._encode(y[there], weights)
        penalty = self._penalty()
        rng = np.random.default_rng(self.random_state)
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        self.network_ = layers([X.shape[1], *self.hidden, self._n_outputs()], generator).to(self._device())
        kept, held_out = self._hold_out(targets, weights, rng, X[there], dependence)
        plan = self._plan(targets, weights, None if groups is None else groups[there], kept)
        self.sampling_ = plan.report
        rows = self._rows(X[there], targets, weights)
        with threads_for(X.size):
            history = train(
                self.network_,
                rows if held_out is None else rows[on_device(kept, self._device())],
                None if held_out is None else self._watched(rows, held_out, plan),
                row_loss(self.task_),
                telling(plan, self.max_epochs),
                self._schedule(),
                generator,
                penalty=penalty,
                record=self.record_dynamics,
                beside=self._rows(X[beside], self._encoded(y[beside]), np.zeros(len(beside))) if len(beside) else None,
            )
        self._keep(history, np.concatenate([there, beside]))
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Gives the (n,) most probable labels, or the (n,) predicted numbers in the units of ``y``."""
        outputs = self._outputs(X)
        if self.task_ == "classification":
            return self.classes_[outputs.argmax(axis=1)]
        return (outputs.astype(np.float64) * self.y_scale_ + self.y_mean_).astype(X.dtype)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Gives (n, K) probabilities, columns in the order of ``classes_``."""
        logits = self.decision_function(X)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Gives (n, K) logits, whose softmax is ``predict_proba``."""
        outputs = self._outputs(X)
        if self.task_ == "regression":
            raise ParameterError(f"{self.name} was fitted for regression: it has no logits or probabilities")
        return outputs.astype(X.dtype)

    def embed(self, X: np.ndarray, layer: int = -1) -> np.ndarray:
        """Gives (n, width) activations of a hidden layer, counted as in a list: 0 the first, -1 the last."""
        if not -(depth := len(self.hidden)) <= layer < depth:
            raise ParameterError(f"{self.name}: layer must lie in [{-depth}, {depth - 1}], got {layer}")
        return self._outputs(X, 2 * (layer % depth) + 2).astype(X.dtype)

    def score(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """Gives the accuracy, or R squared for regression."""
        from sklearn.metrics import accuracy_score, r2_score

        metric = accuracy_score if self.task_ == "classification" else r2_score
        return float(metric(y, self.predict(X), sample_weight=sample_weight))

    def to_tensors(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Gives what ``from_tensors`` needs: a declaration that JSON can hold, and arrays by name.

        ``dynamics_`` and ``history_`` are records of the training, not part of the model, and stay behind.
        """
        check_is_fitted(self, "network_")
        return declaration_of(self)

    @classmethod
    def from_tensors(cls, declaration: dict[str, Any], tensors: dict[str, np.ndarray]) -> TorchMLP:
        """Gives the fitted model that ``to_tensors`` declared; no code comes from either part.

        Raises ParameterError for a parameter outside its range, and DataError where the declaration and the tensors
        are not of one network; nothing larger than the tensors is allocated before.
        """
        return restored(cls, declaration, tensors)

    def __getstate__(self) -> dict[str, Any]:
        """Gives the state with arrays in place of the network, so that what holds this model is stored without code."""
        state: Any = super().__getstate__()
        return state | ({"network_": arrays_of(self.network_)} if "network_" in state else {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        arrays = state.get("network_")
        super().__setstate__({name: value for name, value in state.items() if name != "network_"})
        if arrays is not None:
            widths = [len(self.mean_), *self.hidden, self._n_outputs()]
            tensors = {"mean": self.mean_, "scale": self.scale_, **arrays}
            check_tensors(widths, tensors)
            self.network_ = of_arrays(widths, tensors)

    def _encode(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Settles the task and gives class numbers, or the standardised target."""
        self.task_ = task_of(y) if self.task == "auto" else self.task
        if self.task_ == "classification":
            self.classes_, codes = check_classes(y, self.name)
            return codes.astype(np.int64)
        mean, scale = moments(check_numeric_target(y, self.name)[:, None], weights)
        self.y_mean_, self.y_scale_ = float(mean[0]), float(scale[0])
        return self._encoded(y)

    def _encoded(self, y: np.ndarray) -> np.ndarray:
        """Gives class numbers, or the standardised target, of rows that the task was not settled by."""
        if self.task_ == "regression":
            return ((check_numeric_target(y, self.name) - self.y_mean_) / self.y_scale_).astype(np.float32)
        if (unknown := ~np.isin(y, self.classes_)).any():
            label = y[unknown][0]
            raise DataError(
                f"{self.name}: the {plural(int((y == label).sum()), 'row')} of class {label} of y weigh 0, so that "
                "the network has no output for them, and record_dynamics no loss; drop them, or give some weight"
            )
        return np.searchsorted(self.classes_, y).astype(np.int64)

    def _rows(self, X: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Rows:
        where = self._device()
        return Rows(self._inputs(X), on_device(targets, where), on_device(weights.astype(np.float32), where))

    def _hold_out(
        self,
        targets: np.ndarray,
        weights: np.ndarray,
        rng: np.random.Generator,
        X: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Gives the rows to train on, ascending, and those to watch; all and None where none is watched."""
        order = rng.permutation(len(targets))
        if self.patience is None or self.record_dynamics:
            return np.arange(len(targets)), None
        if X is not None and dependence is None:
            warn_of_near_copies(X, self.name, "held-out rows have some among those trained on")
        units = units_of(np.arange(len(targets))[:, None] if X is None else X, dependence)
        strata = targets if self.task_ == "classification" else np.zeros(len(targets), dtype=np.int64)
        kept, held = hold_out(units, strata, self.validation_share, order)
        if len(held):
            return kept, held
        log.warning(
            "%s: no row of %d is held out (each class has fewer than %g, or units of more rows than that), so nothing "
            "stops early: all %d epochs are trained",
            self.name, len(targets), np.ceil(1 / self.validation_share), self.max_epochs,
        )  # fmt: skip
        return np.arange(len(targets)), None

    def _default_sampling(self) -> SamplePolicy | None:
        """Gives what ``sampling=None`` stands for, None for rows in a fresh order."""
        return None

    def _plan(self, targets: np.ndarray, weights: np.ndarray, groups: np.ndarray | None, kept: np.ndarray) -> EpochPlan:
        self._check(self.sampling)
        policy = self.sampling or self._default_sampling()
        if policy is None:
            return shuffled(len(kept), self.batch_size)
        plan = policy.plan(Material(self.name, targets, weights, groups, kept, self.batch_size, self.max_epochs))
        if self.record_dynamics and not plan.visits_all:
            raise ParameterError(
                f"{self.name}: record_dynamics needs each row once an epoch, but sampling by {policy.name} draws rows "
                "more or less often; record with another sampling, or with a batch_size of all rows"
            )
        return plan

    def _penalty(self) -> Penalty | None:
        part = self.regularizer
        self._check(part)
        if part is None:
            return None
        if part.task not in (None, self.task_):
            raise ParameterError(
                f"{self.name}: regularizer {part.name} is for {part.task}, and the task of this y is {self.task_}; "
                "leave it out, or set task"
            )
        return part.penalty

    def _check(self, part: Part | None) -> None:
        """Checks the parameters of a part, which no call of its own does."""
        if part is not None:
            check_values(type(part), part.get_params(deep=False), f"{self.name}: {part.name}")

    def _watched(self, rows: Rows, held_out: np.ndarray, plan: EpochPlan) -> Rows | None:
        """Gives the rows to watch, weighed as the plan counts them; None where it counts none of them."""
        watched = rows[on_device(held_out, self._device())]
        if plan.watched_factors is None:
            return watched
        factors = plan.watched_factors[held_out].astype(np.float32)
        return replace(watched, weights=watched.weights * on_device(factors, self._device())) if factors.any() else None

    def _schedule(self) -> Schedule:
        return Schedule(self.optimizer, self.learning_rate, self.weight_decay, self.max_epochs, self.patience)

    def _keep(self, history: History, order: np.ndarray) -> None:
        """Keeps what training left behind, of rows that stood in an order (n,) where it is by row."""
        self.history_ = {"train_loss": history.train_loss, "validation_loss": history.validation_loss}
        self.best_epoch_ = history.best_epoch
        if hasattr(self, "dynamics_"):
            del self.dynamics_
        if self.record_dynamics:
            places = np.argsort(order)
            self.dynamics_ = {"losses": np.column_stack(history.losses)[places]}
            if self.task_ == "classification":
                self.dynamics_["margins"] = np.column_stack(history.margins)[places]

    def _n_outputs(self) -> int:
        return len(self.classes_) if self.task_ == "classification" else 1

    def _device(self) -> torch.device:
        return device(self.device)

    def _inputs(self, X: np.ndarray) -> torch.Tensor:
        return on_device(((X - self.mean_) / self.scale_).astype(np.float32), self._device())

    def _outputs(self, X: np.ndarray, depth: int | None = None) -> np.ndarray:
        """Gives what the first ``depth`` parts of the network (all by default) make of (n, d) rows, in float32."""
        import torch

        check_is_fitted(self, "network_")
        network = self.network_.to(self._device())[:depth]
        with torch.no_grad():
            parts = [
                network(self._inputs(X[i : i + ROWS_AT_ONCE])).cpu().numpy() for i in range(0, len(X), ROWS_AT_ONCE)
            ]
        return np.concatenate(parts)
