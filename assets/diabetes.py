"""Patients whose triglycerides are to be told from the rest of their record, at sites unlike the training centre.

Source: scikit-learn's ``load_diabetes(scaled=False)`` (442 patients; Efron et al., Least angle regression, Ann.
Statist., 2004).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import dagster as dg
import numpy as np
import pandas as pd

SEED = 0
SITES = ("north", "coast", "valley")
COLUMNS = {
    "age": "age",
    "sex": "sex",
    "bmi": "bmi",
    "bp": "blood_pressure",
    "s1": "cholesterol",
    "s2": "ldl",
    "s3": "hdl",
    "s4": "cholesterol_ratio",
    "s5": "log_triglycerides",
    "s6": "glucose",
}


class Diabetes(NamedTuple):
    """The three tables of one draw, and the rule behind them.

    Attributes
    ----------
    pool, field, field_labelled : columns patient_id (str), site (str; not in the pool), the nine others of ``COLUMNS``
        and, except in field, log_triglycerides (natural logarithm of mg/dl). No patient is in two of them.
    true_weights : site -> (n,), the weight that makes the pool like that site, mean 1.
    """

    pool: pd.DataFrame
    field: pd.DataFrame
    field_labelled: pd.DataFrame
    true_weights: dict[str, np.ndarray]


def draw_diabetes(seed: int = SEED) -> Diabetes:
    """Draws a pool and three sites, each tilted against it; about 215 patients, and 75 a site in two halves.

    Every patient goes to one place, with probability proportional to 1 for the pool and, for the sites, to

    - north:  exp(-1.7 + 1.5 t), patients with much fat in the blood,
    - coast:  exp(-1.5 + 1.2 r), patients with a high ratio of total to HDL cholesterol,
    - valley: exp(-1.7 - 1.5 t), patients with little fat in the blood,

    where t is cholesterol - ldl - hdl and r is cholesterol_ratio, both standardised over all patients; the density
    ratio of site to pool is proportional to it. A site's patients are halved at random into ``field`` and
    ``field_labelled``.

    Patients are selected by columns that the model sees, so the log triglycerides given them do not change: a pure
    covariate shift. It matters to a linear model because triglycerides are close to 5 (cholesterol - ldl - hdl)
    (Friedewald's formula), so that their logarithm bends; weights repair it, and so would squared columns. The
    disease's progression, which this data set is known for, is not the label: it is so nearly linear and so noisy that
    under eight such tilts not even the true weights lowered a linear model's error.
    """
    from sklearn.datasets import load_diabetes

    source: Any = load_diabetes(scaled=False, as_frame=True)
    table = source.frame[list(COLUMNS)].rename(columns=COLUMNS)
    table.insert(0, "patient_id", [f"patient-{i:03d}" for i in range(len(table))])
    fat = _standardised(table["cholesterol"] - table["ldl"] - table["hdl"])
    ratio = _standardised(table["cholesterol_ratio"])
    logits = np.column_stack([np.zeros(len(table)), -1.7 + 1.5 * fat, -1.5 + 1.2 * ratio, -1.7 - 1.5 * fat])
    rng = np.random.default_rng(seed)
    place = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)  # a draw from the softmax of each row
    in_pool = place == 0
    rows = rng.permutation(np.flatnonzero(~in_pool))
    rows = rows[np.argsort(place[rows], kind="stable")]
    sites = table.iloc[rows].reset_index(drop=True)
    sites.insert(1, "site", np.array(SITES)[place[rows] - 1])
    weights = {site: np.exp(logits[in_pool, k + 1]) for k, site in enumerate(SITES)}
    return Diabetes(
        pool=table[in_pool].reset_index(drop=True),
        field=sites.iloc[::2].drop(columns="log_triglycerides").reset_index(drop=True),
        field_labelled=sites.iloc[1::2].reset_index(drop=True),
        true_weights={site: w / w.mean() for site, w in weights.items()},
    )


def _standardised(column: pd.Series) -> np.ndarray:
    values = column.to_numpy(dtype=float)
    return (values - values.mean()) / values.std()


@dg.asset(group_name="raw", io_manager_key="io_manager", kinds={"pandas"})
def diabetes_pool() -> pd.DataFrame:
    """The training centre's patients, with their triglycerides measured (seed 0)."""
    return draw_diabetes().pool


@dg.asset(group_name="raw", io_manager_key="io_manager", kinds={"pandas"})
def diabetes_field() -> pd.DataFrame:
    """Patients of the three sites, triglycerides not measured (seed 0)."""
    return draw_diabetes().field


@dg.asset(group_name="raw", io_manager_key="io_manager", kinds={"pandas"})
def diabetes_field_labelled() -> pd.DataFrame:
    """Other patients of the three sites with their triglycerides, for evaluation only (seed 0)."""
    return draw_diabetes().field_labelled
