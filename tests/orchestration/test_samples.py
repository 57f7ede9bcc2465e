"""A step's `sample`: so many rows of each role, the same in every step, whatever order they lie in."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from ballast.errors import SpecError
from tests.orchestration.projects import Project, spec

SAMPLED = {
    "steps__drift": {"use": "kolmogorov_smirnov", "sample": 90},
    "steps__density": {"use": "density_ratio_classifier", "sample": 80},
    "steps__reweighted": {"use": "logistic_regression", "weights": "density", "sample": 50},
    "steps__baseline": {"use": "logistic_regression", "sample": 500},
    "steps__novelty": {"use": "mahalanobis", "sample": 60},
}


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("sampled"), spec(**SAMPLED))
    assert project.run().success
    return project


def ids(project: Project, asset: str) -> list[str]:
    return list(project.warehouse.read(asset)["sample_id"])


def test_sample_when_given_then_so_many_rows_are_taken_and_this_is_remembered(sampled: Project) -> None:
    assert len(ids(sampled, "demo/density")) == 80
    remembered = {n: sampled.warehouse.latest(f"demo/{n}").summary.get("sampled") for n in SAMPLED_STEPS}  # type: ignore[union-attr]
    assert remembered == {
        "drift": {"train": [90, 200], "target": [90, 120]},
        "density": {"train": [80, 200], "target": [80, 120]},
        "reweighted": {"train": [50, 200]},
        "baseline": None,  # there are no more
        "novelty": {"train": [60, 200]},
    }
    assert sampled.warehouse.latest("demo/reweighted").summary["n_rows"] == 50  # type: ignore[union-attr]


SAMPLED_STEPS = ("drift", "density", "reweighted", "baseline", "novelty")


def test_scores_when_the_scorer_was_fitted_on_a_sample_then_every_row_has_one(sampled: Project) -> None:
    assert len(ids(sampled, "demo/novelty")) == 120


def test_sample_when_the_rows_lie_in_another_order_then_it_is_of_the_same_rows(
    sampled: Project, tmp_path: Path
) -> None:
    other = Project(tmp_path, spec(**SAMPLED))
    train = pd.read_csv(tmp_path / "train.csv")
    other.write("train", train.sample(frac=1, random_state=1))
    assert other.run().success
    assert sorted(ids(other, "demo/density")) == sorted(ids(sampled, "demo/density"))
    assert ids(other, "demo/density") != ids(sampled, "demo/density")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps__drift": {"use": "kolmogorov_smirnov", "sample": 0}}, "greater than or equal to 1"),
        ({"steps__drift": {"use": "kolmogorov_smirnov", "sample": True}}, "a whole number is needed"),
        (
            {"steps__reweighted": {"use": "logistic_regression", "weights": "density"}},
            "steps.reweighted.sample: 'density' weighs a sample of 80 rows, and this step takes all of them; give it "
            "`sample: 80`",
        ),
        (
            {"steps__reweighted": {"use": "logistic_regression", "weights": "density", "sample": 81}},
            "and this step takes 81",
        ),
        (
            {
                "steps__drawn": {"use": "importance_resampling", "weights": "density", "sample": 50},
                "steps__more": {"use": "logistic_regression", "rows": "drawn", "sample": 10},
            },
            "leave out `sample`, or give it to the sampler step",
        ),
        ({"steps__scored": {"predict": "baseline", "sample": 10}}, "a step that predicts takes no `sample`"),
    ],
)
def test_sample_when_it_cannot_be_then_the_load_says_why(tmp_path: Path, changes: dict, said: str) -> None:
    with pytest.raises((SpecError, ValidationError)) as caught:
        _ = Project(tmp_path, spec(**{**SAMPLED, **changes})).plan
    assert said in str(caught.value)
