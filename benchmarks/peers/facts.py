"""What a peer does with one small problem, in that peer's own environment: ``facts.py NAME PACKAGE`` prints JSON.

Run by ``benchmarks/facts.py``. Each function gives plain data as JSON: what was asked for, and what came out.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import inspect
import json
import sys
import warnings
from typing import Any

import numpy as np


def gaussians(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives a standard normal source, a target whose mean is 1, and the true ratio at the source's rows."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 1))
    return X, rng.normal(1, 1, size=(n, 1)), np.exp(X[:, 0] - 0.5)


def skada_direction() -> Any:
    """Rank correlation of the weights of skada's DiscriminatorReweightAdapter with the true ratio, over 10 seeds."""
    from scipy.stats import spearmanr
    from skada import DiscriminatorReweightAdapter

    found = []
    for seed in range(10):
        X, X_target, ratio = gaussians(seed)
        domain = np.r_[np.ones(len(X)), -2 * np.ones(len(X_target))]
        adapter = DiscriminatorReweightAdapter().fit(np.r_[X, X_target], sample_domain=domain)
        weights = adapter.compute_weights(np.r_[X, X_target], sample_domain=domain)
        weights = weights["sample_weight"] if isinstance(weights, dict) else weights
        found.append(spearmanr(np.asarray(weights)[: len(X)], ratio)[0])
    return {"correlations": [round(float(value), 2) for value in found]}


def skada_bound() -> Any:
    """The largest weight of skada's KMM with a bound of 2, by its default solver."""
    from skada import KMMReweightAdapter

    X, X_target, _ = gaussians(0, 200)
    domain = np.r_[np.ones(len(X)), -2 * np.ones(len(X_target))]
    adapter = KMMReweightAdapter(B=2.0).fit(np.r_[X, X_target], sample_domain=domain)
    weights = adapter.compute_weights(np.r_[X, X_target], sample_domain=domain)
    weights = weights["sample_weight"] if isinstance(weights, dict) else weights
    return {"bound": 2.0, "largest": round(float(np.max(np.asarray(weights)[: len(X)])), 2)}


def densratio_alpha() -> Any:
    """Largest difference of densratio's ratios at alpha 0 and at alpha 0.5, by its default call."""
    from densratio import densratio

    X, X_target, _ = gaussians(0)
    given = {}
    for alpha in (0.0, 0.5):
        np.random.seed(0)  # noqa: NPY002  # which densratio draws from
        ratio = densratio(X_target, X, alpha=alpha, sigma_range=[1.0], lambda_range=[0.1], verbose=False)
        given[alpha] = np.asarray(ratio.compute_density_ratio(X))
    return {"difference": float(np.abs(given[0.0] - given[0.5]).max()), "largest": float(given[0.5].max())}


def imbalanced_weights() -> Any:
    """Whether ``fit_resample`` of imbalanced-learn's RandomOverSampler and SMOTE takes sample weights."""
    from imblearn.over_sampling import SMOTE, RandomOverSampler

    taken = {cls.__name__: str(inspect.signature(cls.fit_resample)) for cls in (RandomOverSampler, SMOTE)}
    return {"takes_weights": {name: "sample_weight" in signature for name, signature in taken.items()}}


def expectations_unknown() -> Any:
    """What Great Expectations says of a suite whose only expectation has a misspelt type, and of an empty one."""
    import great_expectations as gx
    import pandas as pd

    context = gx.get_context(mode="ephemeral")
    source = context.data_sources.add_pandas("facts").add_dataframe_asset("facts")
    batch = source.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": pd.DataFrame({"a": [None]})})
    said: dict[str, Any] = {}
    try:
        suite = gx.ExpectationSuite(
            "misspelt", expectations=[{"type": "expect_column_to_exst", "kwargs": {"column": "b"}}]
        )
        said["misspelt"] = {"kept": len(suite.expectations), "passes": bool(batch.validate(suite).success)}
    except Exception as error:
        said["misspelt"] = f"{type(error).__name__}"
    said["empty"] = {"passes": bool(batch.validate(gx.ExpectationSuite("empty")).success)}
    return said


def ballast_direction() -> Any:
    """The same as ``skada_direction`` of ``density_ratio_classifier``."""
    from scipy.stats import spearmanr

    from ballast.methods.weights import DensityRatioClassifier

    found = []
    for seed in range(10):
        X, X_target, ratio = gaussians(seed)
        found.append(spearmanr(DensityRatioClassifier().fit(X, X_target).weights_, ratio)[0])
    return {"correlations": [round(float(value), 2) for value in found]}


def ballast_bound() -> Any:
    """The largest weight of ``kernel_mean_matching`` with a bound of 2."""
    from ballast.methods.weights import KernelMeanMatching

    X, X_target, _ = gaussians(0, 200)
    weigher = KernelMeanMatching(max_weight=2.0, device="cpu").fit(X, X_target)
    return {"bound": 2.0, "largest": round(float(weigher.weights_.max() * weigher.scale_), 2)}


def ballast_alpha() -> Any:
    """The same as ``densratio_alpha`` of ``relative_least_squares``."""
    from ballast.methods.weights import RelativeLeastSquares

    X, X_target, _ = gaussians(0)
    plain, relative = (RelativeLeastSquares(alpha=a, device="cpu").fit(X, X_target).ratio_ for a in (0.0, 0.5))
    return {"difference": float(np.abs(plain - relative).max()), "largest": float(relative.max())}


FACTS = {f.__name__: f for f in (
    skada_direction, ballast_direction, skada_bound, ballast_bound, densratio_alpha, ballast_alpha, imbalanced_weights,
    expectations_unknown,
)}  # fmt: skip


def main() -> None:
    name, *packages = sys.argv[1:]
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(sys.stderr):
        found = FACTS[name]()
    print(json.dumps({"versions": {p: importlib.metadata.version(p) for p in packages}, "found": found}))


if __name__ == "__main__":
    main()
