"""A row's prediction does not depend on the rows beside it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ballast.methods.common.blocks import BLOCK, in_blocks


@pytest.mark.parametrize("bounds", [[0.0], [-0.5, 0.5]], ids=["two classes", "three classes"])
def test_rows_when_asked_for_in_any_number_then_predicted_to_the_bit_alike(bounds):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2500, 20))
    y = np.digitize(X[:, 0] + rng.normal(size=len(X)), bounds)
    model = LogisticRegression().fit(X, y)
    whole = in_blocks(model.predict_proba, X)
    assert np.allclose(whole, model.predict_proba(X), rtol=0, atol=1e-15)
    for n in (1, 4, 17, 333, BLOCK, BLOCK + 1):
        parts = [in_blocks(model.predict_proba, X[start : start + n]) for start in range(0, 2 * n, n)]
        assert np.array_equal(np.concatenate(parts), whole[: 2 * n])


def test_rows_when_there_are_none_then_nothing_of_the_right_shape():
    model = LogisticRegression().fit([[0.0], [1.0]], ["no", "yes"])
    assert in_blocks(model.predict_proba, np.zeros((0, 1))).shape == (0, 2)
    assert in_blocks(model.predict, np.zeros((0, 1))).dtype == np.asarray(["yes"]).dtype


def test_rows_when_the_model_gives_them_back_then_each_is_its_own():
    X = np.arange(3.0 * BLOCK)[:, None]
    assert np.array_equal(in_blocks(lambda rows: rows, X), X)
