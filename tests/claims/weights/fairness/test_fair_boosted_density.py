"""A fair boosted density: the rates that it guarantees hold; weights of pairs of group and label do the rest better."""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.methods.weights import FairBoostedDensity, Reweighing
from tests.claims.worlds import adult

pytestmark = pytest.mark.claim

SEEDS = 10
Steps = Literal["exact", "relative"]


def generated(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Gives rows, labels and groups: one group is rarer and seldom has the label; the columns go together."""
    n = 12_000
    group = (rng.random(n) < 0.3).astype(int)
    skill = rng.normal(size=n) - 0.4 * group
    noise = rng.normal(size=(n, 3))
    table = pd.DataFrame(
        {
            "school": np.digitize(skill + 0.6 * noise[:, 0], [-1, 0, 1]),
            "tests": np.digitize(skill + 0.6 * noise[:, 1], [-1, 0, 1]),
            "town": np.array(["Bern", "Linz", "Ulm"])[np.digitize(0.5 * skill + noise[:, 2], [-0.5, 0.5])],
        }
    )
    return table, (1.5 * skill - 0.8 * group + rng.logistic(size=n) > 0.8).astype(int), group


@cache
def census() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rows = pd.read_parquet(adult.FOLDER / "adult_train.parquet")
    table = pd.DataFrame(
        {
            "race": np.where(rows["race"] == "White", "white", "other"),
            "age": np.digitize(rows["age"], [25, 35, 45, 55, 65]),
            "education": np.digitize(rows["education_num"], [9, 10, 11, 13, 14]),
            "hours": np.digitize(rows["hours_per_week"], [35, 41, 50]),
        }
    )
    return table, (rows["income"] == ">50K").to_numpy().astype(int), rows["sex"].to_numpy()


@cache
def run(source: str, rate: float, steps: Steps, seed: int) -> dict[str, float]:
    """Gives the rates, how near new rows are beside the start and weights of pairs, and what models are like."""
    rng = np.random.default_rng(seed)
    table, y, groups = generated(rng) if source == "generated" else census()
    order = rng.permutation(len(y))
    train, test = order[: 2 * len(y) // 3], order[2 * len(y) // 3 :]
    cells = pd.MultiIndex.from_frame(table.assign(y=y, groups=groups))
    met = test[cells[test].isin(cells[train])]  # a row in a cell without training rows has no density

    def fitted(rate: float) -> tuple[FairBoostedDensity, np.ndarray]:
        found = FairBoostedDensity(rate, steps, n_bins=6).fit(table.iloc[train], y[train], groups[train])
        return found, np.log(found.weigh(table.iloc[met], y[met], groups[met]))

    found, own = fitted(rate)
    _, start = fitted(1 - 1e-12)  # steps too short to leave the start
    pairs = pd.MultiIndex.from_arrays([groups, y])
    # weights of pairs of group and label that give each pair the share it has in the density, and so the same rates
    by_pair = pd.Series(found.weights_, pairs[train]).groupby(level=[0, 1]).mean()
    alike = np.log(by_pair.reindex(pairs[met]).to_numpy())
    encoded = pd.get_dummies(table, columns=list(table.columns), dtype=float).to_numpy()

    def judged(weights: np.ndarray | None) -> tuple[float, float]:
        model = LogisticRegression(max_iter=300).fit(encoded[train], y[train], sample_weight=weights)
        said = model.predict(encoded[test])
        first, second = (said[groups[test] == g].mean() for g in np.unique(groups))
        return float(np.mean(said == y[test])), float(abs(first - second))

    plain, boosted = judged(None), judged(found.weights_)
    reweighed = judged(Reweighing().fit(y[train], groups[train]).weights_)
    return {
        "met": len(met) / len(test),
        "data_rate": found.data_representation_rate_,
        "data_statistical": found.data_statistical_rate_,
        "rate": found.representation_rate_,
        "statistical": found.statistical_rate_,
        "rate_held": found.guaranteed_representation_rate_,
        "statistical_held": found.guaranteed_statistical_rate_,
        "nearer": float(np.mean(own - start)),
        "behind": float(np.mean(alike - own)),
        "share": effective_sample_size(found.weights_) / len(train),
        "lost": plain[0] - boosted[0],
        "lost_by_pairs": plain[0] - reweighed[0],
        "widened": boosted[1] - plain[1],
        "widened_by_pairs": reweighed[1] - plain[1],
    }


def found(seeds: range, source: str, rate: float, steps: Steps) -> dict[str, np.ndarray]:
    runs = [run(source, rate, steps, seed) for seed in seeds]
    return {name: np.array([r[name] for r in runs]) for name in runs[0]}


def beyond(values: np.ndarray) -> float:
    """Gives the mean less two standard errors."""
    return float(values.mean() - 2 * values.std(ddof=1) / np.sqrt(SEEDS))


def named(source: str, rate: float, /, **figures: np.ndarray) -> dict[str, np.ndarray]:
    """Gives figures by names of their own for each source and rate: ``census 90%, nearer``."""
    return {f"{source} {rate:.0%}, {name}": values for name, values in figures.items()}


SOURCES = ["generated", pytest.param("census", marks=adult.absent)]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("rate", [0.9, 0.7])
def test_rates_when_steps_are_exact_then_as_guaranteed_on_every_seed(source, rate, claim):
    runs = found(claim.seeds(SEEDS), source, rate, "exact")
    assert runs["data_rate"].max() < 0.6
    assert runs["data_statistical"].max() < 0.6
    assert (runs["rate_held"] >= rate).all()
    assert (runs["statistical_held"] >= rate**2).all()
    assert (runs["rate"] >= runs["rate_held"]).all()
    assert (runs["statistical"] >= runs["statistical_held"]).all()
    claim.record(**named(source, rate, rate=runs["rate"], statistical_rate=runs["statistical"]))


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("rate", "nearer"), [(0.9, 0.008), (0.7, 0.025)])
def test_density_when_boosted_then_nearer_to_new_rows_than_its_start_but_slightly(source, rate, nearer, claim):
    runs = found(claim.seeds(SEEDS), source, rate, "exact")
    assert runs["met"].min() > 0.98
    claim.record(**named(source, rate, nearer=runs["nearer"]))
    assert runs["nearer"].min() > nearer
    assert runs["nearer"].max() < 3 * nearer


@pytest.mark.parametrize("source", SOURCES)
def test_density_when_steps_are_relative_then_nearer_still_and_below_the_rate_asked_for(source, claim):
    exact, relative = (found(claim.seeds(SEEDS), source, 0.9, steps) for steps in ("exact", "relative"))
    assert (relative["nearer"] > 1.5 * exact["nearer"]).all()
    assert relative["rate"].max() < 0.9
    assert (relative["rate"] >= relative["rate_held"]).all()
    assert (relative["statistical"] >= relative["statistical_held"]).all()
    claim.record(**named(source, 0.9, nearer_if_relative=relative["nearer"], rate_if_relative=relative["rate"]))


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("rate", [0.9, 0.7])
def test_density_when_beside_weights_of_pairs_at_the_same_rates_then_farther_from_new_rows(source, rate, claim):
    behind = found(claim.seeds(SEEDS), source, rate, "exact")["behind"]
    claim.record(**named(source, rate, behind=behind))
    assert behind.min() > 0.05


@pytest.mark.parametrize("source", SOURCES)
def test_model_when_fitted_with_the_weights_then_less_accurate_and_its_gap_wider_than_without_any(source, claim):
    runs = found(claim.seeds(SEEDS), source, 0.9, "exact")
    claim.record(**named(source, 0.9, **runs))
    assert runs["share"].max() < 0.7
    assert beyond(np.minimum(runs["lost"], runs["lost"] - runs["lost_by_pairs"])) > 0.003
    assert beyond(np.minimum(runs["widened"], runs["widened"] - runs["widened_by_pairs"])) > 0.002
