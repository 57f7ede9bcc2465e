"""A neural network that is told which domain each row is of while it is trained."""

from __future__ import annotations

import numpy as np

from ballast.methods.frame.base import Claim
from ballast.methods.learners.torch_mlp import TorchMLP
from ballast.methods.parts.sampling.domain_schedule import DomainSchedule
from ballast.methods.training.part import SamplePolicy


class DomainMLP(TorchMLP):
    """Trains ``torch_mlp`` on rows of several domains, which a sample policy may draw more or less often.

    Use it with ``domain_schedule``, where domains of very different sizes are to be learned together. Not to predict
    by domain: the domain is not a feature here, so encode it as one where it should be.

    Parameters
    ----------
    hidden : sequence of int >= 1, default (64,)
        As of ``torch_mlp``.
    task : {"auto", "classification", "regression"}, default "auto"
        As of ``torch_mlp``.
    optimizer : {"adam", "sgd"}, default "adam"
        As of ``torch_mlp``.
    learning_rate : float > 0, default 0.001
        As of ``torch_mlp``.
    weight_decay : float >= 0, default 0.0001
        As of ``torch_mlp``.
    batch_size : int >= 1, default 128
        As of ``torch_mlp``.
    max_epochs : int >= 1, default 100
        As of ``torch_mlp``.
    patience : int >= 1 or None, default 10
        As of ``torch_mlp``.
    validation_share : float in (0, 1), default 0.1
        As of ``torch_mlp``.
    record_dynamics : bool, default False
        As of ``torch_mlp``.
    sampling : sample policy or None, default None
        A policy, one that needs groups included; None takes ``domain_schedule`` as it is.
    regularizer : regulariser or None, default None
        As of ``torch_mlp``.
    device : str, default "auto"
        As of ``torch_mlp``.
    random_state : int or None, default 0
        As of ``torch_mlp``.

    Attributes
    ----------
    sampling_ : dict
        What the policy tells of its plan, such as repetitions.
    history_ : dict of str to list
        "train_loss" and "validation_loss", a number an epoch; this and all others as of ``torch_mlp``.

    Raises
    ------
    DataError, ParameterError
        As ``torch_mlp`` and the policy do.

    Notes
    -----
    Cost: that of ``torch_mlp`` on (n,) rows.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, groups = rng.normal(size=(600, 2)), np.repeat(["en", "fi"], [540, 60])
    >>> learner = ballast.method("domain_mlp", learning_rate=0.01, max_epochs=30)
    >>> y = X[:, 0] > 0
    >>> right = learner.fit(X, y, groups=groups).predict(X) == y
    >>> bool(right[540:].mean() > 0.9)  # of the small domain
    True
    """

    name = "domain_mlp"
    reference = "Rumelhart, Hinton & Williams, Learning representations by back-propagating errors, Nature, 1986"
    claim = Claim("A network trained by stochastic gradient descent.", "by definition", "")

    def fit(  # pyright: ignore[reportIncompatibleMethodOverride]  # what a step is wired to must be asked for
        self,
        X: np.ndarray,
        y: np.ndarray,
        groups: np.ndarray,
        sample_weight: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
    ) -> DomainMLP:
        """Fits (n, d) features of rows in (n,) domains, and ``dependence`` as in ``torch_mlp``, to (n,) labels."""
        return self._train(X, y, sample_weight, groups, dependence)

    def _default_sampling(self) -> SamplePolicy | None:
        return DomainSchedule()
