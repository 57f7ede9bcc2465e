"""Breast tumours of a clinic that refers some elsewhere, by a rule that is known, so that the right weights are too.

Source: scikit-learn's ``load_breast_cancer`` (569 tumours, 30 measurements of cell nuclei; UCI, Wolberg et al. 1993).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import dagster as dg
import numpy as np
import pandas as pd

SEED = 0
POOL_CANDIDATES = 360


class Tumours(NamedTuple):
    """The three tables of one draw.

    Attributes
    ----------
    pool, field, field_labelled : columns tumour_id (str), diagnosis ("benign" or "malignant"; not in field), 30
        measurements and, in the pool alone, true_weight (mean 1). No tumour is in two of them.
    """

    pool: pd.DataFrame
    field: pd.DataFrame
    field_labelled: pd.DataFrame


def draw_tumours(seed: int = SEED) -> Tumours:
    """Draws a pool by a selection rule, and the population that it stands for; about 190, 105 and 104 rows.

    360 tumours at random are the pool's candidates, each of which enters it with probability

        s = 1 / (1 + exp(1.2 a + 0.6 b))

    where a is mean_radius and b mean_texture, both standardised over all tumours: large and uneven ones are referred
    elsewhere. The true weight of a row of the pool is therefore 1 / s, scaled to mean 1. The other 209 tumours, halved
    at random into ``field`` and ``field_labelled``, are the population as it is.
    """
    from sklearn.datasets import load_breast_cancer

    source: Any = load_breast_cancer(as_frame=True)
    table = source.data.rename(columns=lambda name: str(name).replace(" ", "_"))
    z = (table - table.mean()) / table.std(ddof=0)
    selected = 1 / (1 + np.exp(1.2 * z["mean_radius"] + 0.6 * z["mean_texture"])).to_numpy()
    table.insert(0, "tumour_id", [f"tumour-{i:03d}" for i in range(len(table))])
    table.insert(1, "diagnosis", np.array(source.target_names)[source.target])
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(table))
    candidates, population = order[:POOL_CANDIDATES], order[POOL_CANDIDATES:]
    rows = candidates[rng.random(POOL_CANDIDATES) < selected[candidates]]
    pool = table.iloc[rows].assign(true_weight=(1 / selected[rows]) / (1 / selected[rows]).mean())
    return Tumours(
        pool=pool.reset_index(drop=True),
        field=table.iloc[population[::2]].drop(columns="diagnosis").reset_index(drop=True),
        field_labelled=table.iloc[population[1::2]].reset_index(drop=True),
    )


@dg.asset(group_name="raw", io_manager_key="io_manager", kinds={"pandas"})
def tumours_pool() -> pd.DataFrame:
    """The clinic's tumours, with few large and uneven ones, and the weight that makes up for it (seed 0)."""
    return draw_tumours().pool


@dg.asset(group_name="raw", io_manager_key="io_manager", kinds={"pandas"})
def tumours_field() -> pd.DataFrame:
    """Tumours of the population, without diagnosis (seed 0)."""
    return draw_tumours().field


@dg.asset(group_name="raw", io_manager_key="io_manager", kinds={"pandas"})
def tumours_field_labelled() -> pd.DataFrame:
    """Other tumours of the population with their diagnosis, for evaluation only (seed 0)."""
    return draw_tumours().field_labelled
