"""SourceRobustness: what is trained and judged, the numbers by hand, the line, order and refusals."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import KNeighborsClassifier

from ballast.errors import DataError, ParameterError
from ballast.methods.evaluation import SourceRobustness
from ballast.methods.evaluation.robustness.source_robustness import _on_line, _verdict


class Recorder(ClassifierMixin, BaseEstimator):
    """Keeps the rows that it was fitted on, of all its clones together."""

    fitted: ClassVar[list[np.ndarray]] = []
    judged: ClassVar[list[np.ndarray]] = []

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.fitted.append(X)
        return self

    def predict(self, X):
        self.judged.append(X)
        return np.full(len(X), self.classes_[0])


def given(seed: int = 0, robust: bool = False) -> dict:
    """Gives sources "old" and "web", of which "web" (where ``robust``) lacks a column's false rule, and two shifts."""
    rng = np.random.default_rng(seed)

    def rows(n: int, rule: float) -> tuple[np.ndarray, np.ndarray]:
        y = rng.choice([-1, 1], n)
        return np.column_stack([y, rule * y]) + rng.normal(size=(n, 2)), np.where(y > 0, "yes", "no")

    old, web, same, broken = rows(300, 2.0), rows(400, 0.0 if robust else 2.0), rows(250, 2.0), rows(150, -2.0)
    return {
        "X": np.vstack([old[0], web[0]]),
        "y": np.concatenate([old[1], web[1]]),
        "groups": np.repeat(["old", "web"], [300, 400]),
        "X_target": np.vstack([same[0], broken[0]]),
        "y_target": np.concatenate([same[1], broken[1]]),
        "groups_target": np.repeat(["same", "broken"], [250, 150]),
    }


def test_training_sets_when_drawn_then_all_of_one_size_and_none_of_the_rows_held_out():
    Recorder.fitted.clear()
    Recorder.judged.clear()
    data = given()
    data["X"][:, 0] = np.where(data["groups"] == "old", 0, 1)
    SourceRobustness(learner=Recorder(), sizes=(0.5,), mixes=(0.25,), n_repeats=2, random_state=0).assess(**data)
    made = [(len(X), int((X[:, 0] == 0).sum())) for X in Recorder.fitted]
    assert made == 2 * [(240, 240), (240, 0), (240, 60), (120, 120)]
    held = {row.tobytes() for row in Recorder.judged[0][400:]}
    assert len(held) == 60 + 80
    assert not held & {row.tobytes() for X in Recorder.fitted for row in X}


def test_accuracies_when_the_prediction_is_constant_then_shares_of_the_label():
    data = given()
    method = SourceRobustness(learner=DummyClassifier(strategy="constant", constant="yes"), mixes=(0.5,))
    found = method.assess(**data)
    right = data["y_target"] == "yes"
    by_shift = {s: right[data["groups_target"] == s].mean() for s in ("same", "broken")}
    for model in ("old", "web", "50% old + 50% web"):
        for shift, share in by_shift.items():
            assert found.value("accuracy", model=model, slice=shift) == pytest.approx(share)
        assert found.value("mean_accuracy", model=model) == pytest.approx(np.mean(list(by_shift.values())))
        assert found.value("worst_accuracy", model=model) == pytest.approx(min(by_shift.values()))
    differences = found.table[found.table["versus"] == "web"]
    np.testing.assert_allclose(differences["value"], 0.0, atol=1e-12)
    assert differences[["low", "high"]].isna().all(axis=None)  # no replicate tells how far from 0 it may be
    assert method.verdicts_ == {"50% old + 50% web": {"broken": "between", "same": "between"}}
    n = found.table.set_index(["metric", "model", "versus", "slice"])["n"]
    assert n["accuracy", "old", "", "broken"] == 150
    assert n["in_distribution_accuracy", "old", "", "(all)"] == 140
    row = found.table[(found.table["metric"] == "accuracy") & (found.table["slice"] == "broken")].iloc[0]
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 150), rel=0.3)


def test_mix_when_a_source_has_the_shifts_name_then_not_held_against_its_sources_there():
    data = given()
    data["groups_target"] = np.where(data["groups_target"] == "same", "old", "broken")
    found = SourceRobustness(mixes=(0.5,), random_state=0).assess(**data).table
    compared = found[(found["versus"] != "") & (found["metric"] == "accuracy")]
    assert set(compared["slice"]) == {"broken"}
    assert set(found.loc[found["metric"] == "effective_robustness", "slice"]) == {"broken"}


def test_robustness_when_a_source_lacks_the_false_rule_then_best_under_the_shift_and_above_the_line():
    found = SourceRobustness(mixes=(0.5,), random_state=0).assess(**given(robust=True))
    assert found.value("share_best", model="web", slice="broken") == 1.0
    above = found.table[(found.table["metric"] == "effective_robustness") & (found.table["slice"] == "broken")].iloc[0]
    assert above["model"] == "web"
    assert above["versus"] == "old"
    assert above["low"] > 0.2
    mix = {"model": "50% old + 50% web", "slice": "broken"}
    assert found.value("accuracy", versus="web", **mix) < -0.1
    assert found.value("accuracy", versus="old", **mix) > 0.1


def test_robustness_when_sources_are_alike_then_on_the_line():
    found = SourceRobustness(mixes=(), random_state=0).assess(**given()).table
    above = found[found["metric"] == "effective_robustness"]
    assert len(above) == 2
    assert ((above["low"] < 0.02) & (above["high"] > -0.02)).all()
    none = SourceRobustness(sizes=(), mixes=(), baseline="web", random_state=0).assess(**given()).table
    assert "effective_robustness" not in set(none["metric"])


def test_line_when_through_points_then_that_of_least_squares_and_flat_beyond_them():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))

    def expected(at: np.ndarray) -> list[float]:
        return [np.polyval(np.polyfit(x[:, j], y[:, j], 1), at[j]) for j in range(3)]

    np.testing.assert_allclose(_on_line(x, y, np.median(x, axis=0)), expected(np.median(x, axis=0)))
    np.testing.assert_allclose(_on_line(x, y, x.max(axis=0) + 5), expected(x.max(axis=0)))
    np.testing.assert_allclose(_on_line(np.ones((4, 3)), y, x[0]), y.mean(axis=0))


def test_verdict_when_intervals_leave_zero_on_one_side_then_beyond_both():
    assert _verdict([(0.01, 0.1), (0.2, 0.3)]) == "beats both"
    assert _verdict([(-0.2, -0.1), (-0.3, -0.01)]) == "below both"
    assert _verdict([(-0.2, -0.1), (0.1, 0.2)]) == "between"
    assert _verdict([(-0.1, 0.1), (0.1, 0.2)]) == "between"


def test_shifts_when_without_groups_then_one():
    data = given()
    del data["groups_target"]
    found = SourceRobustness(mixes=(0.5,), random_state=0).assess(**data)
    assert found.value("accuracy", model="old", slice="target") == found.value("mean_accuracy", model="old")


def test_rows_when_permuted_then_the_same_numbers():
    data = given()
    orders = {700: np.random.default_rng(1).permutation(700), 400: np.random.default_rng(2).permutation(400)}
    moved = {name: value[orders[len(value)]] for name, value in data.items()}
    first, second = (SourceRobustness(random_state=0).assess(**d).table for d in (data, moved))
    np.testing.assert_allclose(second["value"], first["value"])
    np.testing.assert_allclose(second["low"], first["low"])


def test_input_when_it_cannot_be_compared_then_refused():
    data = given()
    with pytest.raises(ParameterError, match="'n_samples' must be at most 240, the rows of 'old' that are not held"):
        SourceRobustness(n_samples=241).assess(**data)
    with pytest.raises(ParameterError, match="'baseline' must be a source, got 'wed', did you mean 'web'"):
        SourceRobustness(baseline="wed").assess(**data)
    with pytest.raises(DataError, match=r"source_robustness: groups has only one value \('old', 700 rows\)"):
        SourceRobustness().assess(**{**data, "groups": np.full(700, "old")})
    with pytest.raises(
        DataError, match="source_robustness: groups has 1 row of 'one'; a fifth of each source is held out"
    ):
        SourceRobustness().assess(**{**data, "groups": np.where(np.arange(700) == 0, "one", "rest")})
    with pytest.raises(DataError, match="source_robustness, trained on 240 rows of old: all 240 rows of y have"):
        SourceRobustness().assess(**{**data, "y": np.where(data["groups"] == "old", "no", data["y"])})
    with pytest.raises(DataError, match="source_robustness: y must hold labels, got 700 different numbers"):
        SourceRobustness().assess(**{**data, "y": np.arange(700) + 0.5})


def test_intervals_when_units_are_declared_then_as_wide_as_their_number_says():
    options = {"learner": KNeighborsClassifier(1), "sizes": (), "mixes": (0.5,), "n_repeats": 1, "n_samples": 200}
    assessor = SourceRobustness(**options, n_bootstrap=400, random_state=0)

    def width(**more: np.ndarray) -> float:
        table = assessor.assess(**data, **more).table.set_index(["metric", "slice", "model"])
        found = table.loc[[("accuracy", "same", "old")]].iloc[0]
        return found["high"] - found["low"]

    times = 9
    data = {name: np.repeat(values, times, axis=0) for name, values in given().items()}
    data["X"] = data["X"] + 1e-6 * np.random.default_rng(0).normal(size=data["X"].shape)  # not quite copies
    of, of_target = np.repeat(np.arange(700), times), np.repeat(np.arange(400), times)
    assert width(dependence=of, dependence_target=of_target) == pytest.approx(3 * width(dependence=of), rel=0.25)
