"""One weight estimate by one tool, in that tool's own environment: ``weights.py TOOL METHOD DATA.npz OUT.npz``.

Prints seconds and peak memory (bytes beyond the loaded data) as JSON, and writes the weights. A small problem is worked
first, so that imports and first calls are not counted. Run by ``benchmarks/weights.py``.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Data = dict[str, np.ndarray]
Work = Callable[[Data], np.ndarray]
SMALL = 1000
ON_DEVICE = {
    "relative_least_squares",
    "kliep",
    "kernel_mean_matching",
    "nearest_neighbor_ratio",
    "kernel_density_ratio",
}
SIGMA = 3.0
"""Bandwidth where a tool is given one: near what Ballast selects on these data."""


def ballast(method: str) -> Work:
    from ballast.methods.frame.catalogue import method as make

    parameters: dict[str, Any] = {
        "relative_least_squares": {"alpha": 0.1},
        "label_shift_em": {"calibration": "none", "tolerance": 1e-4},
    }
    if method in ON_DEVICE:
        parameters.setdefault(method, {})["device"] = DEVICE
    weigher = make(method, **parameters.get(method, {}))
    if method == "raking":
        return lambda data: weigher.fit(*frames(data)).weights_
    if method == "label_shift_em":
        return lambda data: weigher.fit(data["probs"], data["y"], data["probs_target"]).weights_
    return lambda data: weigher.fit(data["X"], data["X_target"]).weights_


def floor(method: str) -> Work:
    import torch

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import weights_floor

    return lambda data: (
        weights_floor.floor_least_squares(data["X"].astype(np.float32), data["X_target"].astype(np.float32))
        .clamp(min=0)
        .to(torch.float64)
        .numpy()
    )


def adapt(method: str) -> Work:
    from adapt.instance_based import KLIEP, KMM, RULSIF

    gamma = 0.5 / SIGMA**2
    made: dict[str, Callable[[], Any]] = {
        "relative_least_squares": lambda: RULSIF(alpha=0.1, lambdas=0.1, gamma=gamma, verbose=0, random_state=0),
        "kliep": lambda: KLIEP(sigmas=gamma, verbose=0, random_state=0),
        "kernel_mean_matching": lambda: KMM(gamma=gamma, max_size=1000, verbose=0, random_state=0),
    }
    return lambda data: made[method]().fit_weights(data["X"], data["X_target"])


def skada(method: str) -> Work:
    from skada import _reweight

    made = {
        "kliep": lambda: _reweight.KLIEPReweightAdapter(gamma=0.5 / SIGMA**2, random_state=0),
        "kernel_mean_matching": lambda: _reweight.KMMReweightAdapter(gamma=0.5 / SIGMA**2),
        "kernel_density_ratio": lambda: _reweight.DensityReweightAdapter(),
        "nearest_neighbor_ratio": lambda: _reweight.NearestNeighborReweightAdapter(laplace_smoothing=True),
        "density_ratio_classifier": lambda: _reweight.DiscriminatorReweightAdapter(),
    }

    def work(data: Data) -> np.ndarray:
        both = np.concatenate([data["X"], data["X_target"]])
        domain = np.repeat([1, -2], [len(data["X"]), len(data["X_target"])])
        adapter = made[method]().fit(both, sample_domain=domain)
        found = adapter.compute_weights(both, sample_domain=domain)
        return np.asarray(found)[: len(data["X"])]

    return work


def densratio(method: str) -> Work:
    import densratio as peer

    def work(data: Data) -> np.ndarray:
        found = peer.densratio(
            data["X_target"], data["X"], alpha=0.1, sigma_range=[SIGMA], lambda_range=[0.1], verbose=False
        )
        return np.asarray(found.compute_density_ratio(data["X"]))

    return work


def balance(method: str) -> Work:
    import logging

    import pandas as pd
    from balance.weighting_methods.cbps import cbps
    from balance.weighting_methods.rake import rake

    logging.disable(logging.WARNING)

    def work(data: Data) -> np.ndarray:
        if method == "raking":
            sample, target = (frame.astype(str) for frame in frames(data))
            call, more = rake, {"transformations": None}
        else:
            sample, target = (
                pd.DataFrame(data[name], columns=[f"x{j}" for j in range(data[name].shape[1])])
                for name in ("X", "X_target")
            )
            call, more = cbps, {"transformations": None, "cbps_method": "exact", "weight_trimming_mean_ratio": None}
        ones = (pd.Series(np.ones(len(frame))) for frame in (sample, target))
        return np.asarray(call(sample, next(ones), target, next(ones), **more)["weight"])

    return work


def quapy(method: str) -> Work:
    from quapy.method.aggregative import EMQ

    def work(data: Data) -> np.ndarray:
        prior = np.bincount(data["y"]) / len(data["y"])
        shares, _ = EMQ.EM(prior, data["probs_target"], epsilon=1e-4)
        return (shares / prior)[data["y"]]

    return work


def frames(data: Data) -> tuple[Any, Any]:
    import pandas as pd

    return pd.DataFrame(data["codes"]).add_prefix("c"), pd.DataFrame(data["codes_target"]).add_prefix("c")


class PeakMemory:
    """Watches the process's resident memory while work runs."""

    def __enter__(self) -> PeakMemory:
        self._before = self._peak = self._resident()
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watch.join()

    @property
    def taken(self) -> int:
        return self._peak - self._before

    def _look(self) -> None:
        while not self._done.wait(0.01):
            self._peak = max(self._peak, self._resident())

    def _resident(self) -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


TOOLS: dict[str, Callable[[str], Work]] = {
    f.__name__: f for f in (ballast, floor, adapt, skada, densratio, balance, quapy)
}
DEVICE = "auto"


def main() -> None:
    global DEVICE
    tool, method, data_file, out_file, DEVICE = sys.argv[1:]
    with np.load(data_file) as stored:
        data = {name: stored[name] for name in stored.files}
    work = TOOLS[tool](method)
    with contextlib.suppress(Exception):  # few rows of many columns may be refused
        work({name: values[:SMALL].copy() for name, values in data.items()})
    print("ready", flush=True)
    with PeakMemory() as memory:
        began = time.perf_counter()
        weights = work(data)
        seconds = time.perf_counter() - began
    np.save(out_file, np.asarray(weights, dtype=np.float64).ravel())
    print(json.dumps({"seconds": seconds, "bytes": memory.taken}), flush=True)


if __name__ == "__main__":
    main()
