"""The simulation of Kang and Schafer (Statistical Science 2007), in which a treatment has no effect."""

from __future__ import annotations

import numpy as np


def draw(seed: int, n: int = 1000) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gives the true covariates, what is seen of them where the model is wrong, the treatment, and the outcome.

    The treatment has no effect on anybody.
    """
    rng = np.random.default_rng(seed)
    Z = rng.standard_normal((n, 4))
    outcome = 210 + Z @ [27.4, 13.7, 13.7, 13.7] + rng.standard_normal(n)
    treated = rng.random(n) < 1 / (1 + np.exp(-Z @ [-1.0, 0.5, -0.25, -0.1]))
    seen = np.column_stack(
        [
            np.exp(Z[:, 0] / 2),
            Z[:, 1] / (1 + np.exp(Z[:, 0])) + 10,
            (Z[:, 0] * Z[:, 2] / 25 + 0.6) ** 3,
            (Z[:, 1] + Z[:, 3] + 20) ** 2,
        ]
    )
    return Z, seen, treated, outcome
