"""How often an interval holds the truth."""

from __future__ import annotations

import numpy as np

SAMPLES = 400


def coverage(seeds: range, draw, assess, n: int, names: list[str]) -> dict[str, float]:
    """Share of samples of n rows whose 95 % interval holds the value on 200,000 rows."""
    population = assess(*draw(np.random.default_rng(10**6), 200_000), n_bootstrap=1)
    held = dict.fromkeys(names, 0)
    for seed in seeds:
        table = assess(*draw(np.random.default_rng(seed), n), n_bootstrap=200).table.set_index("metric")
        for name in names:
            held[name] += table.loc[name, "low"] <= population.value(name) <= table.loc[name, "high"]
    return {name: count / len(seeds) for name, count in held.items()}
