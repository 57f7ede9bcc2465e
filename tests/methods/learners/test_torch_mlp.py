"""The neural network: both tasks, weights, early stopping, dynamics, storage."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import cross_val_predict, cross_val_score, train_test_split

from ballast.errors import DataError, ParameterError
from ballast.methods.learners import TorchMLP
from ballast.methods.sampling import SMOTE


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X.astype(np.float32), y, test_size=0.4, random_state=0, stratify=y)


def blobs(n=60, d=4, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    return (rng.normal(size=(n, d)) + 2 * np.eye(3, d)[y]).astype(np.float64), y


def test_torch_mlp_when_fitted_on_digits_then_it_is_accurate_and_stops_early(digits):
    X, X_test, y, y_test = digits
    model = TorchMLP(max_epochs=300, learning_rate=0.01).fit(X, y)
    assert model.score(X_test, y_test) > 0.95
    assert len(model.history_["train_loss"]) < 300
    assert model.best_epoch_ == int(np.argmin(model.history_["validation_loss"]))
    assert len(model.history_["train_loss"]) == model.best_epoch_ + 1 + 10


def test_torch_mlp_when_stopped_early_then_the_best_epochs_network_is_restored(digits):
    X, _, y, _ = digits
    stopped = TorchMLP(max_epochs=300, learning_rate=0.05, patience=3).fit(X, y)
    until_best = TorchMLP(max_epochs=stopped.best_epoch_ + 1, learning_rate=0.05, patience=3).fit(X, y)
    assert np.array_equal(stopped.decision_function(X), until_best.decision_function(X))


def test_torch_mlp_when_weighted_then_so_is_the_loss_that_it_stops_by():
    X, y = blobs()
    weight = np.random.default_rng(1).exponential(size=60) ** 2
    model = TorchMLP(max_epochs=1, validation_share=0.4).fit(X, y, sample_weight=weight)
    rng = np.random.default_rng(0)
    rng.integers(2**63)  # the seed of the network
    _, held = model._hold_out(y, weight, rng)
    losses = -np.log(model.predict_proba(X[held])[np.arange(len(held)), y[held]])
    assert model.history_["validation_loss"] == [pytest.approx(np.average(losses, weights=weight[held]), rel=1e-4)]
    assert abs(np.average(losses, weights=weight[held]) - losses.mean()) > 0.01


def test_torch_mlp_when_y_is_a_many_valued_float_then_it_regresses_in_the_units_of_y():
    X, y = load_diabetes(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = TorchMLP(hidden=(32,), max_epochs=200, random_state=1).fit(X_train, y_train)
    assert model.task_ == "regression"
    assert is_regressor(model)
    assert not hasattr(model, "classes_")
    assert model.score(X_test, y_test) > 0.3
    with pytest.raises(ParameterError, match="regression"):
        model.predict_proba(X_test)


def test_torch_mlp_when_labels_are_strings_then_it_predicts_them():
    X, y = blobs()
    names = np.array(["north", "south", "west"], dtype=object)[y]
    model = TorchMLP(patience=None, learning_rate=0.02).fit(X, names)
    assert model.classes_.tolist() == ["north", "south", "west"]
    assert (model.predict(X) == names).mean() > 0.9
    assert np.allclose(model.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_torch_mlp_when_weights_are_whole_numbers_then_they_equal_repeated_rows(task):
    X, y = blobs()
    y = y if task == "classification" else X @ np.array([1.0, -2.0, 0.5, 0.0])
    weight = np.random.default_rng(1).integers(1, 4, len(y))
    model = TorchMLP(task=task, batch_size=10_000, patience=None, max_epochs=30)
    weighted = clone(model).fit(X, y, sample_weight=weight.astype(float))
    repeated = clone(model).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    unweighted = clone(model).fit(X, y)
    outputs = [m._outputs(X) for m in (weighted, repeated, unweighted)]
    assert np.allclose(outputs[0], outputs[1], atol=1e-4)
    assert not np.allclose(outputs[0], outputs[2], atol=1e-3)


def test_torch_mlp_when_fitted_twice_then_equal_and_the_global_random_state_is_untouched(digits):
    X, _, y, _ = digits
    torch.manual_seed(123)
    np.random.seed(123)  # noqa: NPY002
    before = torch.get_rng_state().clone(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = TorchMLP(max_epochs=3).fit(X, y).decision_function(X)
    torch.manual_seed(7)
    second = TorchMLP(max_epochs=3).fit(X, y).decision_function(X)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, TorchMLP(max_epochs=3, random_state=1).fit(X, y).decision_function(X))
    torch.manual_seed(123)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


def test_torch_mlp_when_recording_then_dynamics_are_in_row_order_and_match_the_first_pass():
    X, y = blobs()
    model = TorchMLP(record_dynamics=True, max_epochs=5, batch_size=1000).fit(X, y)
    losses, margins = model.dynamics_["losses"], model.dynamics_["margins"]
    assert losses.shape == margins.shape == (60, 5)
    assert losses.dtype == margins.dtype == np.float32
    start = TorchMLP(record_dynamics=True, max_epochs=4, batch_size=1000).fit(X, y)  # the state before epoch 5
    logits = start.decision_function(X)
    own = logits[np.arange(60), y]
    others = np.where(np.eye(3, dtype=bool)[y], -np.inf, logits).max(axis=1)
    assert np.allclose(margins[:, 4], own - others, atol=1e-4)
    assert np.allclose(losses[:, 4], np.log(np.exp(logits).sum(axis=1)) - own, atol=1e-4)


def test_torch_mlp_when_not_recording_then_there_are_no_dynamics():
    X, y = blobs()
    model = TorchMLP(record_dynamics=True, max_epochs=2).fit(X, y)
    assert not hasattr(model.set_params(record_dynamics=False).fit(X, y), "dynamics_")
    assert not hasattr(TorchMLP(max_epochs=2).fit(X, y), "dynamics_")


def test_torch_mlp_when_recording_regression_then_there_are_losses_but_no_margins():
    X, _ = blobs()
    model = TorchMLP(task="regression", record_dynamics=True, max_epochs=3).fit(X, X[:, 0])
    assert set(model.dynamics_) == {"losses"}


@pytest.mark.parametrize("target", ["strings", "integers", "bools", "numbers"])
def test_torch_mlp_when_taken_to_tensors_and_back_then_predictions_are_equal(target):
    X, y = blobs()
    y = {
        "strings": np.array(["a", "bb", "ccc"])[y],
        "integers": y * 10,
        "bools": y > 1,
        "numbers": X @ np.arange(4.0) + 100,
    }[target]
    model = TorchMLP(hidden=(8, 5), max_epochs=5).fit(X, y)
    declaration, tensors = model.to_tensors()
    back = TorchMLP.from_tensors(json.loads(json.dumps(declaration)), {k: v.copy() for k, v in tensors.items()})
    assert np.array_equal(back.predict(X), model.predict(X))
    assert back.predict(X).dtype == model.predict(X).dtype
    assert np.array_equal(back.embed(X, 0), model.embed(X, 0))
    with pytest.raises(DataError, match=r"2 columns but torch_mlp was fitted on 4"):
        back.predict(X[:, :2])


def test_torch_mlp_when_embedding_then_layers_are_counted_as_in_a_list():
    X, y = blobs()
    model = TorchMLP(hidden=(8, 5), max_epochs=2).fit(X, y)
    assert model.embed(X).shape == (60, 5)
    assert model.embed(X, 0).shape == (60, 8)
    assert (model.embed(X, 0) >= 0).all()
    assert np.array_equal(model.embed(X, 0), model.embed(X, -2))
    with pytest.raises(ParameterError, match=r"\[-2, 1\]"):
        model.embed(X, 2)


def test_torch_mlp_when_features_are_shifted_and_scaled_then_predictions_agree():
    X, y = blobs()
    plain = TorchMLP(max_epochs=5).fit(X, y)
    scaled = TorchMLP(max_epochs=5).fit(X * 1e4 + 1e8, y)
    assert np.allclose(plain.predict_proba(X), scaled.predict_proba(X * 1e4 + 1e8), atol=1e-3)


def test_torch_mlp_when_a_column_is_constant_then_it_is_harmless():
    X, y = blobs()
    X[:, 2] = 3.3
    assert np.isfinite(TorchMLP(max_epochs=3).fit(X, y).predict_proba(X)).all()


def test_torch_mlp_when_given_float32_then_float32_comes_back():
    X, y = blobs()
    for dtype in (np.float32, np.float64):
        model = TorchMLP(max_epochs=2).fit(X.astype(dtype), y)
        assert model.predict_proba(X.astype(dtype)).dtype == dtype


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_torch_mlp_when_cross_validated_by_scikit_learn_then_both_tasks_work(task):
    X, y = blobs()
    model = TorchMLP(task=task, max_epochs=20, learning_rate=0.02)
    assert is_classifier(model) == (task == "classification")
    assert is_regressor(model) == (task == "regression")
    target = y if task == "classification" else X[:, 0]
    assert cross_val_predict(model, X, target, cv=3).shape == (60,)
    assert cross_val_score(model, X, target, cv=3).mean() > 0.3
    if task == "classification":
        assert cross_val_predict(model, X, target, cv=3, method="predict_proba").shape == (60, 3)


def test_torch_mlp_when_y_has_one_class_then_data_error():
    with pytest.raises(DataError, match="the same label"):
        TorchMLP().fit(np.ones((4, 2)), np.array(["a"] * 4))


def test_torch_mlp_when_regression_is_asked_of_strings_then_data_error():
    with pytest.raises(DataError, match="numbers"):
        TorchMLP(task="regression").fit(np.ones((2, 2)), np.array(["a", "b"]))


def test_torch_mlp_when_training_diverges_then_the_error_names_the_learning_rate():
    X, _ = blobs()
    with pytest.raises(ParameterError, match="learning_rate=1e"):
        TorchMLP(task="regression", optimizer="sgd", learning_rate=1e6).fit(X, X[:, 0])


def test_torch_mlp_when_a_class_has_few_rows_then_none_of_it_is_held_out():
    X, y = blobs()
    y = np.where(np.arange(60) == 7, 9, y)
    model = TorchMLP(max_epochs=1).fit(X, y)
    kept, held = model._hold_out(y, np.ones(60), np.random.default_rng(0))
    assert 7 in kept
    assert sorted([*kept, *held]) == list(range(60))
    assert len(held) == 5


@pytest.mark.parametrize("hidden", [(), (0,), "64", 64, [8, -1]])
def test_torch_mlp_when_hidden_is_no_list_of_widths_then_parameter_error(hidden):
    with pytest.raises(ParameterError, match="hidden"):
        TorchMLP(hidden=hidden).fit(*blobs())


def test_torch_mlp_when_there_are_two_rows_then_it_fits():
    model = TorchMLP(max_epochs=2).fit(np.array([[0.0], [1.0]]), np.array([0, 1]))
    assert model.predict(np.array([[0.5]])).shape == (1,)
    assert model.history_["validation_loss"] == []


@pytest.mark.gpu
def test_torch_mlp_when_on_cuda_then_it_agrees_with_the_cpu():
    X, y = blobs()
    cpu, gpu = (TorchMLP(device=d, max_epochs=5).fit(X, y).predict_proba(X) for d in ("cpu", "cuda"))
    assert np.allclose(cpu, gpu, atol=1e-3)


@pytest.mark.parametrize("patience", [3, None])
def test_torch_mlp_when_rows_weigh_nothing_then_batches_and_held_out_rows_are_the_others(patience):
    X, y = blobs()
    wild = 100 + 50 * np.random.default_rng(5).normal(size=(600, X.shape[1]))
    given = np.r_[X, wild], np.r_[y, np.arange(600) % 3]
    model = TorchMLP(max_epochs=10, batch_size=16, learning_rate=0.01, patience=patience)
    with_them = clone(model).fit(*given, sample_weight=np.r_[np.ones(60), np.zeros(600)])
    alone = clone(model).fit(X, y, sample_weight=np.ones(60))
    assert np.array_equal(with_them.decision_function(X), alone.decision_function(X))
    assert with_them.history_ == alone.history_


def test_torch_mlp_when_rows_weigh_nothing_and_are_recorded_then_they_have_a_loss_and_change_no_other():
    X, y = blobs()
    weight = (np.arange(60) % 4 > 0).astype(float)
    model = TorchMLP(max_epochs=4, batch_size=16, learning_rate=0.01, record_dynamics=True)
    recorded, alone = clone(model).fit(X, y, sample_weight=weight), clone(model).fit(X[weight > 0], y[weight > 0])
    for name, values in recorded.dynamics_.items():
        assert np.array_equal(values[weight > 0], alone.dynamics_[name])
        assert np.isfinite(values).all()
    last = -np.log(recorded.predict_proba(X)[np.arange(60), y])[weight == 0]
    assert np.allclose(recorded.dynamics_["losses"][weight == 0, -1], last, rtol=1e-4)
    with pytest.raises(DataError, match="class 2 of y weigh 0"):
        model.fit(X, np.where(weight > 0, y % 2, 2), sample_weight=weight)


def noise(n: int, times: int, jitter: float = 0.0):
    """Gives rows that say nothing of their labels, each of n persons `times` times, and the persons."""
    rng = np.random.default_rng(1)
    person = np.repeat(np.arange(n), times)
    X, y = rng.normal(size=(n, 20)), rng.integers(0, 2, n)
    return X[person] + jitter * rng.normal(size=(n * times, 20)), y[person], person


@pytest.mark.parametrize(("jitter", "declared"), [(0.0, False), (0.001, True)], ids=["copies", "units"])
def test_torch_mlp_when_rows_repeat_then_it_stops_as_early_as_without(jitter, declared):
    X, y, person = noise(200, 5, jitter)
    model = TorchMLP(max_epochs=60, learning_rate=3e-3)
    model.fit(X, y, dependence=person if declared else None)
    assert model.best_epoch_ < 10
    assert min(model.history_["validation_loss"]) > 0.55  # 0.69 for what cannot be known


def test_torch_mlp_when_rows_nearly_repeat_and_no_unit_is_declared_then_it_warns(caplog):
    X, y, _ = noise(60, 5, 0.001)
    TorchMLP(max_epochs=2).fit(X, y)
    assert "dependence" in caplog.text


def test_torch_mlp_when_rows_are_made_of_others_then_none_of_a_held_out_parent_is_trained_on():
    X, _, _ = noise(200, 1)
    y = (np.arange(200) < 50).astype(int)
    sampler = SMOTE()
    made = sampler.fit_resample(X, y)
    blind, told = TorchMLP(max_epochs=60, learning_rate=3e-3), TorchMLP(max_epochs=60, learning_rate=3e-3)
    blind.fit(*made)
    told.fit(*made, dependence=sampler.parents_)
    assert told.best_epoch_ < 10 < blind.best_epoch_


def test_torch_mlp_when_no_row_can_be_held_out_then_it_says_that_nothing_stops_early(caplog):
    X, y = blobs()
    TorchMLP(max_epochs=2).fit(X[:10], y[:10])
    assert "no row of 10 is held out" in caplog.text
