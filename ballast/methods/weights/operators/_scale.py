"""What the operators share: the scale on which weights are changed."""

from __future__ import annotations

import numpy as np

from ballast.errors import DataError

BY_FORMULA = "It is the formula; the tests hold it."


def mean_one(sample_weight: np.ndarray, owner: str) -> np.ndarray:
    total = sample_weight.mean(dtype=np.float64)
    if not total > 0:
        raise DataError(
            f"{owner}: all {len(sample_weight)} weights are 0, so nothing can be made of them; check the step that "
            "gave them"
        )
    return sample_weight.astype(np.float64) / total
