"""Whether labels are what a learner takes them for."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from ballast.errors import DataError
from ballast.methods.common.tasks import check_label_kind, task_of_estimator
from ballast.methods.learners import LogisticRegression as OwnClassifier


@pytest.mark.parametrize("classifier", [LogisticRegression(), OwnClassifier()])
def test_fractions_when_given_to_a_classifier_then_refused_with_both_ways_out(classifier: object) -> None:
    with pytest.raises(DataError, match=r"2 of 4 labels are fractions \(such as 0.5; 4 different values\)") as refused:
        check_label_kind(classifier, np.array([0.0, 0.5, 1.0, 2.25]), "plain")
    assert "use a regressor" in str(refused.value)
    assert "cut the values into classes" in str(refused.value)


@pytest.mark.parametrize("labels", [["yes", "no"], [True, False], np.array(["a", "b"], dtype=object)])
def test_classes_when_given_to_a_regressor_then_refused_with_both_ways_out(labels: object) -> None:
    with pytest.raises(DataError, match="is a regressor, but the labels are classes") as refused:
        check_label_kind(Ridge(), np.asarray(labels), "ridge")
    assert "use a classifier" in str(refused.value)
    assert "types" in str(refused.value)


@pytest.mark.parametrize(
    ("estimator", "labels"),
    [(LogisticRegression(), [0.0, 1.0]), (LogisticRegression(), ["a", "b"]), (Ridge(), [0, 1]), (Ridge(), [0.5, 1.0])],
)
def test_labels_of_the_right_kind_pass(estimator: object, labels: object) -> None:
    check_label_kind(estimator, np.asarray(labels), "it")


def test_estimator_that_says_nothing_of_itself_takes_any_labels() -> None:
    class Plain:
        def fit(self, X: object, y: object) -> None: ...

    for labels in ([0.5, 1.5], ["a", "b"]):
        check_label_kind(Plain(), np.asarray(labels), "plain")
    assert task_of_estimator(Plain(), np.array(["a", "b"])) == "classification"
