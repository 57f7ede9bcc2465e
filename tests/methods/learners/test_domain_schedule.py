"""Domains drawn by a schedule: formulas, repetitions, weights, refusals, and the network that trains by it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from ballast.errors import DataError, ParameterError
from ballast.methods.common.out_of_sample import out_of_sample
from ballast.methods.learners import DomainMLP, TorchMLP
from ballast.methods.parts import DomainSchedule, StratifiedBatches
from ballast.methods.training.loop import EpochPlan
from ballast.methods.training.part import Material
from ballast.methods.weights import DomainTemperature

SIZES = {"big": 8000, "middle": 1000, "small": 200, "tiny": 60}
GROUPS = np.repeat(list(SIZES), list(SIZES.values()))


def planned(
    schedule: DomainSchedule, groups=GROUPS, weights=None, batch_size=20, max_epochs=10, kept=None
) -> EpochPlan:
    n = len(groups)
    weights = np.ones(n) if weights is None else weights
    kept = np.arange(n) if kept is None else kept
    return schedule.plan(Material("domain_mlp", np.zeros(n), weights, groups, kept, batch_size, max_epochs))


def drawn(plan: EpochPlan, number: int, groups=GROUPS, seed=0) -> dict[str, float]:
    """Gives each domain's share of the rows of an epoch."""
    rows = plan.epoch(number, torch.Generator().manual_seed(seed)).order.numpy()
    names, counts = np.unique(groups[rows], return_counts=True)
    return dict(zip(names.tolist(), (counts / len(rows)).tolist(), strict=True))


def by_temperature(temperature: float, sizes=SIZES) -> dict[str, float]:
    raw = {name: size ** (1 / temperature) for name, size in sizes.items()}
    return {name: value / sum(raw.values()) for name, value in raw.items()}


def task(n=240, seed=0):
    rng = np.random.default_rng(seed)
    X, groups = rng.normal(size=(n, 3)), np.where(rng.random(n) < 0.2, "few", "many")
    return X, (X[:, 0] + np.where(groups == "few", 2, -1) * X[:, 1] > 0).astype(int), groups


# The plan


def test_schedule_when_planned_then_shares_are_those_of_the_temperatures_and_rows_are_drawn_by_them():
    plan = planned(DomainSchedule(temperature=5, switch=0.5))
    for phase, temperature, number in ((0, 5, 0), (1, 1, 9)):
        expected = by_temperature(temperature)
        assert dict(zip(plan.report["domains"], plan.report["phases"][phase]["share"], strict=True)) == pytest.approx(
            expected
        )
        assert drawn(plan, number) == pytest.approx(expected, abs=0.02)


def test_schedule_when_planned_then_the_variance_ratio_is_that_of_domain_temperature():
    report = planned(DomainSchedule()).report
    weights = DomainTemperature(5).fit(GROUPS)
    assert report["variance_ratio"] == pytest.approx(weights.variance_ratio_)
    assert report["variance_ratio"] == pytest.approx(5.95, abs=0.01)
    assert report["phases"][0]["weight"] == pytest.approx(weights.class_weights_)
    assert report["phases"][1]["variance_ratio"] == pytest.approx(1)


def test_schedule_when_run_then_rows_repeat_as_often_as_reported():
    plan = planned(DomainSchedule(switch=0.3))
    generator = torch.Generator().manual_seed(0)
    rows = np.concatenate([plan.epoch(number, generator).order.numpy() for number in range(10)])
    per_row = [(GROUPS[rows] == name).sum() / SIZES[name] for name in plan.report["domains"]]
    reported = np.sum([phase["repetitions"] for phase in plan.report["phases"]], axis=0)
    assert per_row == pytest.approx(reported, rel=0.05)
    assert plan.report["most_repetitions"] == max(reported)
    assert [phase["steps"] for phase in plan.report["phases"]] == [0.3 * 4630, 0.7 * 4630]


def test_schedule_when_the_switch_falls_in_an_epoch_then_its_first_batches_are_of_the_first_phase():
    plan = planned(DomainSchedule(temperature=1e9, switch=0.05), max_epochs=10)  # half of the first epoch
    rows = plan.epoch(0, torch.Generator().manual_seed(0)).order.numpy()
    tiny = GROUPS[rows] == "tiny"
    assert tiny[: len(rows) // 2].mean() == pytest.approx(0.25, abs=0.03)
    assert tiny[len(rows) // 2 :].mean() == pytest.approx(60 / 9260, abs=0.01)


def test_schedule_when_rows_are_drawn_then_evenly_within_their_domain():
    groups = np.repeat(["a", "b"], [10, 30])
    plan, generator = planned(DomainSchedule(), groups, batch_size=10), torch.Generator().manual_seed(0)
    rows = np.concatenate([plan.epoch(number, generator).order.numpy() for number in range(1, 500)])
    counts = np.bincount(rows, minlength=40)
    assert counts / counts.mean() == pytest.approx(np.ones(40), abs=0.15)


def test_schedule_when_rows_have_weights_then_a_domain_counts_by_them_and_they_average_1_in_it():
    groups, rng = np.repeat(["a", "b"], [100, 300]), np.random.default_rng(0)
    weights = rng.gamma(2.0, size=400) * np.where(groups == "a", 3, 1)
    weights /= weights.mean()
    plan = planned(DomainSchedule(temperature=1), groups, weights, batch_size=10)
    share = weights[groups == "a"].sum() / 400
    assert plan.report["phases"][0]["share"] == pytest.approx([share, 1 - share])
    epoch = plan.epoch(0, torch.Generator().manual_seed(0))
    assert epoch.factors is not None
    factor = {name: float(epoch.factors[groups[epoch.order.numpy()] == name][0]) for name in ("a", "b")}
    assert {name: factor[name] * weights[groups == name].mean() for name in factor} == pytest.approx({"a": 1, "b": 1})


def test_schedule_when_shares_are_given_then_they_stand_in_place_of_the_rows_and_0_leaves_out():
    shares = {"big": 0.0, "middle": 2.0, "small": 1.0, "tiny": 1.0}
    plan = planned(DomainSchedule(temperature=1, shares=shares))
    assert drawn(plan, 5) == pytest.approx({"middle": 0.5, "small": 0.25, "tiny": 0.25}, abs=0.02)


def test_schedule_when_domains_are_upsampled_at_the_end_then_by_their_factors_and_only_there():
    plan = planned(DomainSchedule(temperature=1, factors={"tiny": 10.0, "big": 0.0}, switch=0.5))
    assert drawn(plan, 0) == pytest.approx(by_temperature(1), abs=0.02)
    expected = {"middle": 1000 / 1800, "small": 200 / 1800, "tiny": 600 / 1800}
    assert drawn(plan, 9) == pytest.approx(expected, abs=0.02)


def test_schedule_when_rows_are_held_out_then_places_are_of_those_kept_and_these_are_watched_by_the_last_draws():
    groups = np.repeat(["a", "b"], [100, 300])
    kept = np.arange(0, 400, 2)
    plan = planned(DomainSchedule(last_temperature=1e9, switch=0.5), groups, batch_size=10, kept=kept)
    assert max(plan.epoch(0, torch.Generator().manual_seed(0)).order) < 200
    assert plan.watched_from == 5
    assert plan.watched_factors == pytest.approx(np.where(groups == "a", 2, 2 / 3), rel=1e-6)


def test_schedule_when_a_batch_holds_all_rows_then_each_counts_as_often_as_it_would_come():
    plan = planned(DomainSchedule(switch=0.2), batch_size=10_000, max_epochs=10)
    weights = DomainTemperature(5).fit(GROUPS).weights_
    for number, expected in ((1, weights), (2, np.ones(len(GROUPS)))):
        epoch = plan.epoch(number, torch.Generator())
        assert epoch.order.tolist() == list(range(len(GROUPS)))
        assert epoch.factors is not None
        assert epoch.factors.numpy() == pytest.approx(expected, rel=1e-5)
    assert plan.visits_all


def test_schedule_when_the_last_steps_leave_a_domain_out_then_its_held_out_rows_are_not_watched():
    plan = planned(DomainSchedule(temperature=1, factors={"big": 0.0}), kept=np.arange(0, len(GROUPS), 2))
    assert plan.watched_factors is not None
    assert set(GROUPS[plan.watched_factors == 0]) == {"big"}


def test_schedule_when_shares_are_near_the_greatest_number_then_they_are_still_shares():
    plan = planned(DomainSchedule(shares=dict.fromkeys(SIZES, 1e308), factors={"tiny": 1e308}))
    assert plan.report["phases"][0]["share"] == pytest.approx([0.25] * 4)
    assert plan.report["phases"][1]["share"] == pytest.approx([0, 0, 0, 1])


# The network


def test_domain_mlp_when_given_no_schedule_then_it_takes_the_cooldown():
    X, y, groups = task()
    settings: dict[str, Any] = {"max_epochs": 5, "batch_size": 16, "patience": None}
    first, second = (DomainMLP(sampling=s, **settings).fit(X, y, groups) for s in (None, DomainSchedule()))
    assert np.array_equal(first.predict_proba(X), second.predict_proba(X))
    assert first.sampling_ == second.sampling_
    assert first.sampling_["domains"] == ["few", "many"]


def test_domain_mlp_when_its_policy_needs_no_domains_then_it_is_torch_mlp():
    X, y, groups = task()
    settings: dict[str, Any] = {"max_epochs": 5, "batch_size": 16, "sampling": StratifiedBatches()}
    plain, ours = TorchMLP(**settings).fit(X, y), DomainMLP(**settings).fit(X, y, groups)
    assert np.array_equal(plain.predict_proba(X), ours.predict_proba(X))


def test_domain_mlp_when_a_small_domain_is_drawn_evenly_then_it_is_learned_better():
    X, y, groups = task(1000)
    few = groups == "few"
    accuracy = [
        DomainMLP(sampling=schedule, max_epochs=3, batch_size=16, learning_rate=0.01, patience=None)
        .fit(X, y, groups)
        .score(X[few], y[few])
        for schedule in (DomainSchedule(temperature=1), DomainSchedule(last_temperature=1e9))
    ]
    assert accuracy[1] > accuracy[0] + 0.02


def test_domain_mlp_when_stopped_early_then_not_before_the_switch():
    X, y, groups = task()
    schedule = DomainSchedule(last_temperature=3, switch=0.6)
    model = DomainMLP(sampling=schedule, max_epochs=50, batch_size=16, learning_rate=0.05, patience=2).fit(X, y, groups)
    assert model.best_epoch_ >= 30
    assert len(model.history_["train_loss"]) < 50


def test_domain_mlp_when_stored_then_the_schedule_comes_back():
    X, y, groups = task()
    schedule = DomainSchedule(temperature=2, shares={"few": 1.0, "many": 3.0})
    declaration, tensors = DomainMLP(sampling=schedule, max_epochs=2).fit(X, y, groups).to_tensors()
    assert DomainMLP.from_tensors(json.loads(json.dumps(declaration)), tensors).get_params()["sampling"] == schedule


def test_out_of_sample_when_the_estimator_asks_for_domains_then_it_gets_those_of_its_fold():
    X, y, groups = task()
    model = DomainMLP(sampling=DomainSchedule(2), max_epochs=20, batch_size=16, learning_rate=0.02)
    found = out_of_sample(model, X, y, others={"groups": groups}, n_folds=3)
    assert (found["classes"][found["probs"].argmax(axis=1)] == y).mean() > 0.7


# Refusals


def test_torch_mlp_when_it_is_given_a_schedule_then_told_which_learner_takes_domains():
    X, y, _ = task()
    with pytest.raises(
        ParameterError, match=r"torch_mlp: sampling by domain_schedule needs the domain.*use domain_mlp"
    ):
        TorchMLP(sampling=DomainSchedule()).fit(X, y)


def test_domain_mlp_when_there_is_one_domain_then_refused():
    X, y, _ = task()
    with pytest.raises(DataError, match=r"domain_mlp: groups has only one value \('all', 240 rows\)"):
        DomainMLP().fit(X, y, np.full(240, "all"))


def test_domain_mlp_when_factors_are_of_another_domain_or_leave_none_then_refused():
    X, y, groups = task()
    for factors, said in (
        ({"fw": 2.0}, r"factors name the domain 'fw'.*'few'"),
        ({"few": 0.0, "many": 0.0}, "left out"),
    ):
        with pytest.raises(ParameterError, match=rf"domain_mlp: domain_schedule: .*{said}"):
            DomainMLP(sampling=DomainSchedule(factors=factors)).fit(X, y, groups)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        (
            {"few": 1.0, "many": 1.0, "meny": 1.0},
            r"shares name the domain 'meny', which no row has.*did you mean 'many'",
        ),
        ({"few": 1.0}, r"shares lack 1 domain: many"),
        ({"few": 0.0, "many": 0.0}, "every domain that has rows is left out"),
        ({"few": -1.0, "many": 1.0}, "'shares' must be a number >= 0 for each domain"),
    ],
)
def test_domain_mlp_when_shares_are_of_other_domains_or_leave_none_then_refused(shares, said):
    X, y, groups = task()
    with pytest.raises(ParameterError, match=said) as raised:
        DomainMLP(sampling=DomainSchedule(shares=shares)).fit(X, y, groups)
    assert "domain_mlp: domain_schedule" in str(raised.value)


def test_domain_mlp_when_recording_batches_that_are_drawn_then_refused_but_not_with_all_rows_in_one():
    X, y, groups = task()
    with pytest.raises(ParameterError, match="each row once an epoch"):
        DomainMLP(record_dynamics=True, batch_size=16).fit(X, y, groups)
    model = DomainMLP(record_dynamics=True, batch_size=1000, max_epochs=3).fit(X, y, groups)
    assert model.dynamics_["losses"].shape == (240, 3)
