"""The parts of a network's training: formulas, guarantees, refusals, storage, and parts of one's own."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone

from ballast.errors import ParameterError
from ballast.methods.learners import TorchMLP
from ballast.methods.parts import CorrelationPenalty, StratifiedBatches
from ballast.methods.training.loop import Epoch, EpochPlan
from ballast.methods.training.part import Material, Regularizer, SamplePolicy


def material(targets, batch_size, kept=None):
    n = len(targets)
    kept = np.arange(n) if kept is None else kept
    return Material("torch_mlp", np.asarray(targets), np.ones(n), None, kept, batch_size, 10)


def batches(plan, number=0, seed=0):
    """Gives the places of the rows of each batch of an epoch."""
    drawn = plan.epoch(number, torch.Generator().manual_seed(seed))
    return [batch.numpy() for batch in drawn.order.split(drawn.sizes)]


def line(n=80, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, X @ np.array([1.0, -2.0, 0.5]) + 0.1 * rng.normal(size=n)


class Outputs(Regularizer):
    """Pulls the outputs to 0."""

    name = "outputs"

    def penalty(self, outputs, targets, weights):
        return 100 * (outputs**2).mean()


class FirstRow(SamplePolicy):
    """Trains on the first row alone."""

    name = "first_row"

    def plan(self, material):
        return EpochPlan(lambda number, generator: Epoch(torch.zeros(1, dtype=torch.long), 1), visits_all=False)


# Stratified batches


@pytest.mark.parametrize(("n", "size"), [(1000, 100), (1003, 100), (7, 3), (5, 100), (1, 1)])
def test_stratified_batches_when_dealt_then_each_row_once_and_no_batch_larger_than_asked(n, size):
    targets = np.random.default_rng(0).gamma(0.5, size=n)
    dealt = batches(StratifiedBatches().plan(material(targets, size)))
    assert sorted(np.concatenate(dealt)) == list(range(n))
    assert len(dealt) == -(-n // size)
    assert {len(batch) for batch in dealt} <= {max(map(len, dealt)) - 1, max(map(len, dealt))}
    assert max(map(len, dealt)) <= size


def test_stratified_batches_when_dealt_then_each_holds_one_of_each_run_of_neighbours_and_anew_each_time():
    targets = np.random.default_rng(1).gamma(0.5, size=1000)
    plan = StratifiedBatches().plan(material(targets, 100))
    rank = targets.argsort().argsort()
    for batch in batches(plan):
        assert sorted(rank[batch] // 10) == list(range(100))
    assert not np.array_equal(batches(plan)[0], batches(plan, 1, seed=1)[0])


def test_stratified_batches_when_the_target_is_skewed_then_their_means_vary_less_than_half_as_much():
    targets = np.random.default_rng(2).lognormal(size=1000)
    stratified = np.std([targets[b].mean() for b in batches(StratifiedBatches().plan(material(targets, 100)))])
    shuffled = np.std(np.random.default_rng(3).permutation(targets).reshape(10, 100).mean(axis=1))
    assert stratified < shuffled / 2


def test_stratified_batches_when_rows_are_held_out_then_places_are_of_those_kept():
    targets, kept = np.arange(20.0)[::-1], np.arange(0, 20, 2)
    assert sorted(np.concatenate(batches(StratifiedBatches().plan(material(targets, 4, kept))))) == list(range(10))


def test_stratified_batches_when_y_is_classes_then_each_batch_holds_their_shares():
    codes = np.repeat([0, 1], [900, 100])
    assert {codes[batch].sum() for batch in batches(StratifiedBatches().plan(material(codes, 100)))} == {10}


def test_torch_mlp_when_batches_are_stratified_then_its_dynamics_are_recorded_whole():
    X, y = line()
    model = TorchMLP(sampling=StratifiedBatches(), batch_size=16, record_dynamics=True, max_epochs=3).fit(X, y)
    assert np.isfinite(model.dynamics_["losses"]).all()


# Correlation penalty


def penalised(outputs, targets, weights, strength=1.0):
    given = (torch.tensor(np.asarray(v, dtype=np.float64)) for v in (outputs, targets, weights))
    return float(CorrelationPenalty(strength).penalty(*given))


def test_correlation_penalty_when_weights_are_whole_numbers_then_one_less_the_correlation_of_repeated_rows():
    rng = np.random.default_rng(0)
    outputs, targets, weights = rng.normal(size=30), rng.normal(size=30), rng.integers(0, 4, 30)
    repeated = np.corrcoef(np.repeat(outputs, weights), np.repeat(targets, weights))[0, 1]
    assert penalised(outputs, targets, weights, 2.0) == pytest.approx(2 * (1 - repeated), abs=1e-4)


def test_correlation_penalty_when_predictions_are_moved_and_scaled_then_the_same():
    outputs, targets = np.random.default_rng(1).normal(size=(2, 50))
    once, again = (penalised(o, targets, np.ones(50)) for o in (outputs, 3 * outputs - 7))
    assert once == pytest.approx(again, abs=1e-4)
    assert penalised(targets, targets, np.ones(50)) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(("outputs", "weights"), [([1.0, 1.0], [1.0, 1.0]), ([0.3], [1.0]), ([0.1, 0.2], [0.0, 0.0])])
def test_correlation_penalty_when_a_batch_is_constant_or_weighs_nothing_then_its_gradient_is_finite(outputs, weights):
    outputs = torch.tensor(outputs, requires_grad=True)
    CorrelationPenalty().penalty(outputs, torch.arange(len(weights)) * 1.0, torch.tensor(weights)).backward()
    assert outputs.grad is not None
    assert torch.isfinite(outputs.grad).all()


def test_torch_mlp_when_the_least_squares_line_is_reached_then_the_penalty_has_nothing_to_add():
    X, y = line()
    plain = TorchMLP(patience=None, max_epochs=400, batch_size=100, learning_rate=0.01, weight_decay=0.0)
    penalised: Any = clone(plain)
    penalised.set_params(regularizer=CorrelationPenalty(5.0))
    r = [np.corrcoef(m.fit(X, y).predict(X), y)[0, 1] for m in (plain, penalised)]
    assert r[0] == pytest.approx(r[1], abs=2e-3)


def test_torch_mlp_when_classes_are_learned_with_the_correlation_penalty_then_refused():
    X, y = line()
    with pytest.raises(ParameterError, match="torch_mlp: regularizer correlation_penalty is for regression"):
        TorchMLP(regularizer=CorrelationPenalty()).fit(X, y > 0)


# Any part


def test_torch_mlp_when_a_part_is_out_of_range_or_of_the_wrong_kind_then_refused():
    X, y = line()
    with pytest.raises(ParameterError, match="torch_mlp: correlation_penalty: parameter 'strength' must be"):
        TorchMLP(regularizer=CorrelationPenalty(-1)).fit(X, y)
    with pytest.raises(ParameterError, match="'sampling' must be a sample policy"):
        TorchMLP(sampling=CorrelationPenalty()).fit(X, y)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"'regularizer' must be a regulariser .* got 'correlation_penalty'"):
        TorchMLP(regularizer="correlation_penalty").fit(X, y)  # type: ignore[arg-type]


def test_torch_mlp_when_parts_are_given_then_they_go_with_clones_and_with_the_stored_model():
    X, y = line()
    model = TorchMLP(sampling=StratifiedBatches(), regularizer=CorrelationPenalty(0.3), max_epochs=3).fit(X, y)
    declaration, tensors = model.to_tensors()
    back = TorchMLP.from_tensors(json.loads(json.dumps(declaration)), tensors)
    again: Any = clone(model)
    assert back.get_params(deep=False) == model.get_params(deep=False) == again.get_params(deep=False)
    assert np.array_equal(back.predict(X), model.predict(X))
    assert CorrelationPenalty(0.3) != CorrelationPenalty(0.4)


def test_torch_mlp_when_a_part_is_ones_own_then_it_trains_and_is_stored_without():
    X, y = line()
    model = TorchMLP(regularizer=Outputs(), max_epochs=30, patience=None, learning_rate=0.01).fit(X, y)
    assert np.std(model.predict(X)) < 0.2 * np.std(y)
    with pytest.warns(UserWarning, match="Outputs is not a part of Ballast's catalogue"):
        declaration, tensors = model.to_tensors()
    back = TorchMLP.from_tensors(declaration, tensors)
    assert back.regularizer is None
    assert np.array_equal(back.predict(X), model.predict(X))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        back.to_tensors()


def test_torch_mlp_when_recording_under_a_policy_that_does_not_visit_all_rows_then_refused():
    X, y = line()
    with pytest.raises(ParameterError, match=r"record_dynamics needs each row once an epoch.*first_row"):
        TorchMLP(sampling=FirstRow(), record_dynamics=True).fit(X, y)
