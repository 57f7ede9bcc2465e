"""Weights by class frequency."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from ballast.errors import DataError
from ballast.methods.weights import InverseClassFrequency


@pytest.mark.parametrize("labels", [np.array(["a", "b", "c"]), np.array([0, 1, 2]), np.array([True, False])])
def test_weights_when_classes_are_unequal_then_every_class_has_the_same_total(labels):
    rng = np.random.default_rng(0)
    y = labels[rng.choice(len(labels), 200, p=np.arange(1, len(labels) + 1) / np.arange(1, len(labels) + 1).sum())]
    weights = InverseClassFrequency().fit(y).weights_
    totals = [weights[y == k].sum() for k in labels]
    np.testing.assert_allclose(totals, 200 / len(labels))
    np.testing.assert_allclose(weights, compute_sample_weight("balanced", y))


def test_weigh_when_rows_are_unseen_then_their_class_weight():
    model = InverseClassFrequency().fit(np.array(["a", "a", "a", "b"]))
    np.testing.assert_allclose(model.weigh(np.array(["b", "a"])), [2, 2 / 3])


def test_weigh_when_a_label_is_new_then_names_it():
    model = InverseClassFrequency().fit(np.array(["a", "b"]))
    with pytest.raises(DataError, match=r"inverse_class_frequency: y holds 1 value in 2 of 3 rows.*'c'"):
        model.weigh(np.array(["c", "a", "c"]))


def test_fit_when_there_is_one_class_then_refuses():
    with pytest.raises(DataError, match=r"y has only one value \('a', 3 rows\)"):
        InverseClassFrequency().fit(np.array(["a", "a", "a"]))
