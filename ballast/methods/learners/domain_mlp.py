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
    sampling : as in ``torch_mlp``, a policy that needs groups included; None takes ``domain_schedule`` as it is.
    hidden, task, optimizer, learning_rate, weight_decay, batch_size, max_epochs, patience : as in ``torch_mlp``.
    validation_share, record_dynamics, regularizer, device, random_state : as in ``torch_mlp``.

    Attributes
    ----------
    As those of ``torch_mlp``.

    Cost: that of ``torch_mlp`` on (n,) rows. Errors: its own, and those of the policy.

    Examples
    --------
    >>> import numpy as np
    >>> from ballast.methods.learners import DomainMLP
    >>> X = np.linspace(-1, 1, 100)[:, None]
    >>> learner = DomainMLP(hidden=(8,), learning_rate=0.1, max_epochs=30, device="cpu")
    >>> learner.fit(X, X[:, 0] > 0, groups=np.arange(100) % 3).predict([[-0.5], [0.5]])
    array([False,  True])
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
