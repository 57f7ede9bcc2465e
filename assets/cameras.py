"""Handwritten digits as three cameras see them; the field's cameras and digits are not those of the training pool.

Source: scikit-learn's ``load_digits`` (1,797 images of 8 x 8 pixels in 0 to 16; UCI, Alpaydin & Kaynak 1998).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import dagster as dg
import numpy as np
import pandas as pd

SEED = 0
CAMERAS = ("scanner", "handheld", "overhead")
POOL_CAMERAS = (0.60, 0.20, 0.20)
FIELD_CAMERAS = (0.20, 0.20, 0.60)
RARE = 0.25
"""The share kept of the digits that a side sees rarely: 5 to 9 in the pool, 0 to 4 in the field."""
WRONG_LABELS = 0.08
POOL_CANDIDATES = 1100


class Photographs(NamedTuple):
    """The three tables of one draw, and what the pool's table does not tell.

    Attributes
    ----------
    pool, field, field_labelled : columns image_id (str), digit (int; not in field), camera (str), p00 to p63 (float).
        No image is in two of them.
    true_digit : (n,) the digit that each row of the pool really shows.
    """

    pool: pd.DataFrame
    field: pd.DataFrame
    field_labelled: pd.DataFrame
    true_digit: np.ndarray


def draw_cameras(seed: int = SEED) -> Photographs:
    """Draws pool and field, shifted against each other in digit and in camera; about 690, 220 and 220 rows.

    1,100 images at random are the pool's candidates, the others the field's. Then, independently for each image:

    - digit: the pool keeps each 0 to 4, and each 5 to 9 with probability 0.25; the field the other way round;
    - camera: scanner, handheld, overhead with probabilities 0.60, 0.20, 0.20 in the pool and 0.20, 0.20, 0.60 in the
      field. A scanner gives the image as it is; a handheld camera blurs it (Gaussian, 0.7 pixels) and halves the
      contrast (4 + x / 2); an overhead one shifts it by one pixel right and down and adds Gaussian noise of standard
      deviation 1, clipped to 0 to 16;
    - label: 8 % of the pool's labels are another digit, each of the nine alike. The field's are right.

    The field's images are halved at random into ``field`` and ``field_labelled``. What a given image of a given camera
    shows does not differ between pool and field, so weights by digit and camera repair the shift.
    """
    from sklearn.datasets import load_digits

    source: Any = load_digits()
    images, digits = source.images, source.target
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(digits))
    low = digits < 5
    pool = _keep(order[:POOL_CANDIDATES], np.where(low, 1.0, RARE), rng)
    field = _keep(order[POOL_CANDIDATES:], np.where(low, RARE, 1.0), rng)
    tables = [
        _table(rows, images, digits, shares, rng)
        for rows, shares in ((pool, POOL_CAMERAS), (field[::2], FIELD_CAMERAS), (field[1::2], FIELD_CAMERAS))
    ]
    true_digit = tables[0]["digit"].to_numpy().copy()
    wrong = rng.random(len(pool)) < WRONG_LABELS
    tables[0]["digit"] = np.where(wrong, (true_digit + rng.integers(1, 10, len(pool))) % 10, true_digit)
    return Photographs(tables[0], tables[1].drop(columns="digit"), tables[2], true_digit)


def photograph(images: np.ndarray, camera: str, rng: np.random.Generator) -> np.ndarray:
    """Gives (n, 8, 8) images as one of the cameras sees them."""
    from scipy.ndimage import gaussian_filter

    if camera == "handheld":
        return 4 + gaussian_filter(images, sigma=(0, 0.7, 0.7)) / 2
    if camera == "overhead":
        moved = np.zeros_like(images)
        moved[:, 1:, 1:] = images[:, :-1, :-1]
        return np.clip(moved + rng.normal(0, 1, images.shape), 0, 16)
    return images


def _keep(rows: np.ndarray, probability: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rows[rng.random(len(rows)) < probability[rows]]


def _table(
    rows: np.ndarray, images: np.ndarray, digits: np.ndarray, shares: tuple[float, ...], rng: np.random.Generator
) -> pd.DataFrame:
    camera = rng.choice(CAMERAS, len(rows), p=shares)
    seen = np.empty((len(rows), 64))
    for name in CAMERAS:
        seen[camera == name] = photograph(images[rows[camera == name]], name, rng).reshape(-1, 64)
    table = pd.DataFrame(seen, columns=[f"p{j:02d}" for j in range(64)])
    table.insert(0, "image_id", [f"image-{i:04d}" for i in rows])
    table.insert(1, "digit", digits[rows])
    table.insert(2, "camera", camera)
    return table


@dg.asset(group_name="raw", io_manager_key="io_manager", kinds={"pandas"})
def cameras_pool() -> pd.DataFrame:
    """The labelled training pool: mostly scanned images of 0 to 4, 8 % of the labels wrong (seed 0)."""
    return draw_cameras().pool


@dg.asset(group_name="raw", io_manager_key="io_manager", kinds={"pandas"})
def cameras_field() -> pd.DataFrame:
    """Images of the field, without labels: mostly overhead images of 5 to 9 (seed 0)."""
    return draw_cameras().field


@dg.asset(group_name="raw", io_manager_key="io_manager", kinds={"pandas"})
def cameras_field_labelled() -> pd.DataFrame:
    """Other images of the field with their digits, for evaluation only (seed 0)."""
    return draw_cameras().field_labelled
