"""Handwritten digits of which a field sees mostly those that the training pool holds least of.

Source: scikit-learn's ``load_digits`` (1,797 images of 8 x 8 pixels in 0 to 16; UCI, Alpaydin & Kaynak 1998).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import dagster as dg
import numpy as np
import pandas as pd

SEED = 1
COMMON = 5
"""Digits below it are common in the pool and rare in the field, those from it on the other way round."""
POOL, FIELD, FIELD_LABELLED = (400, 60), (40, 200), (80, 400)
"""How many images of the digits 0 to 4, and of 5 to 9, each table has."""
NOISE = 5.6
"""The standard deviation of the noise on every pixel, whose range is 0 to 16."""


class Digits(NamedTuple):
    """The three tables of one draw.

    Attributes
    ----------
    pool, field, field_labelled : columns image_id (str), digit (int; not in field), p00 to p63 (float). No image is in
        two of them.
    """

    pool: pd.DataFrame
    field: pd.DataFrame
    field_labelled: pd.DataFrame


def draw_digits(seed: int = SEED) -> Digits:
    """Draws pool and field, in which the shares of the digits differ and nothing else: pure label shift.

    The pool has 400 images of 0 to 4 and 60 of 5 to 9, ``field`` 40 and 200, ``field_labelled`` 80 and 400, all drawn
    at random without replacement. Every pixel gets Gaussian noise of standard deviation 5.6, not clipped. A digit looks
    the same in all three, so weights by digit repair the shift: 0.43 for 0 to 4 and 14.4 for 5 to 9, scaled to mean 1.
    """
    from sklearn.datasets import load_digits

    source: Any = load_digits()
    images, digits = source.data, source.target
    rng = np.random.default_rng(seed)
    noisy = images + rng.normal(0, NOISE, images.shape)
    low, high = (rng.permutation(np.flatnonzero(part)) for part in (digits < COMMON, digits >= COMMON))
    tables = []
    for n_low, n_high in (POOL, FIELD, FIELD_LABELLED):
        rows = rng.permutation(np.concatenate([low[:n_low], high[:n_high]]))
        low, high = low[n_low:], high[n_high:]
        table = pd.DataFrame(noisy[rows], columns=[f"p{j:02d}" for j in range(64)])
        table.insert(0, "image_id", [f"image-{i:04d}" for i in rows])
        table.insert(1, "digit", digits[rows])
        tables.append(table)
    pool, field, field_labelled = tables
    return Digits(pool, field.drop(columns="digit"), field_labelled)


@dg.asset(group_name="raw", io_manager_key="io_manager", kinds={"pandas"})
def digits_pool() -> pd.DataFrame:
    """The labelled training pool: 460 noisy images, 87 % of them of 0 to 4 (seed 1)."""
    return draw_digits().pool


@dg.asset(group_name="raw", io_manager_key="io_manager", kinds={"pandas"})
def digits_field() -> pd.DataFrame:
    """240 noisy images of the field, without labels: 83 % of them of 5 to 9 (seed 1)."""
    return draw_digits().field


@dg.asset(group_name="raw", io_manager_key="io_manager", kinds={"pandas"})
def digits_field_labelled() -> pd.DataFrame:
    """480 other images of the field with their digits, for evaluation only (seed 1)."""
    return draw_digits().field_labelled
