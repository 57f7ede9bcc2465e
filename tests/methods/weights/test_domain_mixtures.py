"""Mixtures learned by a proxy: which domains get the weight, regression, and refusals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from ballast.errors import DataError
from ballast.methods.weights import Aioli, DataMixingLaw, DoReMi, GroupDRO
from ballast.methods.weights.mixture._proxy import UNIFORM_SHARE, Domains, seed_of

MAKERS = [GroupDRO, DoReMi, DataMixingLaw, Aioli]


def hard_and_easy(*, regression: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two domains of one rule; in the hard one, of a fifth of the rows, the columns hardly tell it."""
    rng = np.random.default_rng(0)
    groups = np.where(rng.random(2000) < 0.2, "hard", "easy")
    X = rng.standard_normal((2000, 3))
    score = 3 * X[:, 0] + np.where(groups == "hard", 6.0, 0.2) * rng.standard_normal(2000)
    return X, score if regression else (score > 0).astype(int), groups


@pytest.mark.parametrize("regression", [False, True])
def test_group_dro_when_a_domain_is_hard_then_it_gets_most_of_the_weight(regression):
    X, y, groups = hard_and_easy(regression=regression)
    found = GroupDRO(step_size=0.1, max_steps=300).fit(X, y, groups=groups)
    assert dict(zip(found.groups_, found.shares_, strict=True))["hard"] > 0.8
    assert found.history_.shape == (300, 2)
    np.testing.assert_allclose(found.history_.sum(axis=1), 1.0, rtol=1e-5)


def steps_by_hand(
    domains: Domains, seed: int, gain: Callable[..., np.ndarray | None], step_size: float
) -> tuple[torch.nn.Module, np.ndarray]:
    """Trains a linear network on 4 rows of each domain in 6 steps, as the papers write them.

    Before each step the share q of a domain becomes q exp(step_size gain), over the sum of these; where ``gain`` gives
    None the shares stay those of the rows. Gives the network and (6, G) the shares.
    """
    network, history = domains.network((), seed), []
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=1e-4)
    generator = torch.Generator().manual_seed(seed + 1)
    n_domains = len(domains.names)
    shares = np.full(n_domains, 1 / n_domains)
    for _ in range(6):
        rows, target = domains.draw(4, generator)
        losses = torch.nn.functional.cross_entropy(network(rows), target, reduction="none").reshape(n_domains, 4)
        gains = gain(losses.detach().numpy(), rows, target)
        if gains is None:
            shares = domains.sizes / domains.sizes.sum()
        else:
            shares = shares * np.exp(step_size * gains)
            shares = (1 - UNIFORM_SHARE) * shares / shares.sum() + UNIFORM_SHARE / n_domains
        history.append(shares)
        optimizer.zero_grad()
        sum(share * own.mean() for share, own in zip(shares, losses, strict=True)).backward()
        optimizer.step()
    return network, np.array(history)


def test_group_dro_when_it_takes_steps_then_they_are_those_of_the_paper():
    X, y, groups = hard_and_easy()
    found = GroupDRO(hidden=(), step_size=0.5, max_steps=6, batch_size=8, learning_rate=0.1).fit(X, y, groups=groups)
    domains = Domains(X, y, groups, "by hand", "cpu")
    _, expected = steps_by_hand(domains, seed_of(0), lambda losses, *_: losses.mean(axis=1), 0.5)
    np.testing.assert_allclose(found.history_, expected, rtol=1e-4)
    np.testing.assert_allclose(found.shares_, expected[3:].mean(axis=0), rtol=1e-4)  # of the second half
    assert np.abs(expected[3:].mean(axis=0) - expected.mean(axis=0)).max() > 0.01


def test_doremi_when_it_takes_steps_then_excess_losses_are_never_below_zero():
    X, y, groups = hard_and_easy()
    found = DoReMi(hidden=(), max_steps=6, batch_size=8, learning_rate=0.1).fit(X, y, groups=groups)
    domains, excesses = Domains(X, y, groups, "by hand", "cpu"), []
    reference, _ = steps_by_hand(domains, seed_of(0), lambda *_: None, 1.0)

    def gain(losses: np.ndarray, rows: torch.Tensor, target: torch.Tensor) -> np.ndarray:
        with torch.no_grad():
            known = torch.nn.functional.cross_entropy(reference(rows), target, reduction="none").numpy()
        excesses.append(losses - known.reshape(losses.shape))
        return np.maximum(excesses[-1], 0).mean(axis=1)

    _, expected = steps_by_hand(domains, seed_of(0) + 2, gain, 1.0)
    assert (np.array(excesses) < -0.1).any()
    assert (np.array(excesses) > 0.1).any()
    np.testing.assert_allclose(found.history_, expected, rtol=1e-4)
    np.testing.assert_allclose(found.shares_, expected.mean(axis=0), rtol=1e-4)


@pytest.mark.parametrize("make", MAKERS)
def test_weights_when_learned_then_one_a_domain_with_its_share(make):
    X, y, groups = hard_and_easy()
    found = make(max_steps=100).fit(X, y, groups=groups)
    for name, share in zip(found.groups_, found.shares_, strict=True):
        own = found.weights_[groups == name]
        assert np.ptp(own) == 0
        assert own.sum() / len(X) == pytest.approx(share, rel=1e-5)
    np.testing.assert_allclose(found.weigh(groups), found.weights_)


def test_doremi_when_rounds_follow_then_the_reference_is_the_last_mixture():
    X, y, groups = hard_and_easy()
    one = DoReMi(max_steps=100).fit(X, y, groups=groups).shares_
    two = DoReMi(max_steps=100, n_rounds=2).fit(X, y, groups=groups).shares_
    equal = DoReMi(max_steps=100, equal_reference=True).fit(X, y, groups=groups).shares_
    assert np.abs(one - two).max() > 1e-3
    assert np.abs(one - equal).max() > 1e-3


@pytest.mark.parametrize("make", MAKERS)
def test_rows_when_permuted_then_the_same_shares(make):
    X, y, groups = hard_and_easy()
    order = np.random.default_rng(1).permutation(len(X))
    first, second = (
        make(max_steps=50).fit(X[rows], y[rows], groups=groups[rows]).shares_ for rows in (slice(None), order)
    )
    np.testing.assert_allclose(first, second, rtol=1e-4)


@pytest.mark.parametrize("make", MAKERS)
def test_groups_when_one_or_unknown_then_refused(make):
    X, y, groups = hard_and_easy()
    with pytest.raises(DataError, match=rf"{make.name}: groups has only one value \('all', 2000 rows\)"):
        make().fit(X, y, groups=np.full(2000, "all"))
    found = make(max_steps=2, hidden=()).fit(X, y, groups=groups)
    with pytest.raises(DataError, match=r"groups holds .* not among the known ones"):
        found.weigh(np.array(["other"]))


@pytest.mark.gpu
@pytest.mark.parametrize("make", MAKERS)
def test_shares_when_on_cuda_then_near_those_of_the_cpu(make):
    X, y, groups = hard_and_easy()
    cpu, cuda = (make(max_steps=100, device=d).fit(X, y, groups=groups).shares_ for d in ("cpu", "cuda"))
    np.testing.assert_allclose(cuda, cpu, atol=0.05)
