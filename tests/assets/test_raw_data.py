"""The raw data of the bundled pipelines: the shift that their docstrings state is the one in the tables."""

from __future__ import annotations

import re

import dagster as dg
import numpy as np
import pandas as pd
import pytest

import assets
from assets.cameras import CAMERAS, draw_cameras
from assets.diabetes import draw_diabetes
from assets.digits import draw_digits
from assets.tumours import draw_tumours

SEEDS = range(10)
DRAWS = [
    (draw_digits, "image_id"),
    (draw_cameras, "image_id"),
    (draw_tumours, "tumour_id"),
    (draw_diabetes, "patient_id"),
]


@pytest.mark.parametrize(("draw", "key"), DRAWS)
def test_a_draw_has_unique_ids_that_no_two_tables_share(draw, key):
    pool, field, labelled = draw(3)[:3]
    ids = pd.concat([pool[key], field[key], labelled[key]])
    assert ids.is_unique
    assert min(len(pool), len(field), len(labelled)) > 80


@pytest.mark.parametrize(("draw", "key"), DRAWS)
def test_a_draw_is_the_same_under_its_seed_and_another_under_another(draw, key):
    for first, again in zip(draw(5)[:3], draw(5)[:3], strict=True):
        pd.testing.assert_frame_equal(first, again)
    assert set(draw(5).pool[key]) != set(draw(6).pool[key])


@pytest.mark.parametrize(
    ("draw", "label"), [(draw_digits, "digit"), (draw_cameras, "digit"), (draw_tumours, "diagnosis")]
)
def test_the_unlabelled_field_has_the_columns_of_the_labelled_one_but_the_label(draw, label):
    _, field, labelled = draw(0)[:3]
    assert [c for c in labelled.columns if c != label] == list(field.columns)


def test_cameras_and_classes_have_the_stated_shares():
    draws = [draw_cameras(s) for s in SEEDS]
    pool = pd.concat([d.pool.assign(true=d.true_digit) for d in draws])
    field = pd.concat([d.field_labelled for d in draws])
    for table, shares in ((pool, (0.6, 0.2, 0.2)), (field, (0.2, 0.2, 0.6))):
        np.testing.assert_allclose(table["camera"].value_counts(normalize=True)[list(CAMERAS)], shares, atol=0.03)
    # 0 to 4 outnumber 5 to 9 four to one in the pool, one to four in the field
    assert (pool["true"] < 5).mean() == pytest.approx(0.8, abs=0.02)
    assert (field["digit"] < 5).mean() == pytest.approx(0.2, abs=0.03)


def test_cameras_labels_of_the_pool_are_wrong_at_the_stated_rate_and_of_all_wrong_digits_alike():
    draws = [draw_cameras(s) for s in SEEDS]
    steps = np.concatenate([(d.pool["digit"].to_numpy() - d.true_digit) % 10 for d in draws])
    assert (steps != 0).mean() == pytest.approx(0.08, abs=0.01)
    counts = np.bincount(steps[steps != 0], minlength=10)[1:]
    assert counts.min() > 0.6 * counts.mean()


def test_cameras_change_the_images_as_stated():
    pool = pd.concat([draw_cameras(s).pool for s in SEEDS])
    pixels = pool.filter(regex=r"^p\d\d$")
    assert pixels.to_numpy().min() >= 0
    assert pixels.to_numpy().max() <= 16
    mean = pixels.groupby(pool["camera"]).mean()
    assert mean.loc["handheld", "p00"] > 4  # half the contrast on a grey ground
    assert mean.loc["scanner", "p32"] == 0
    assert mean.loc["overhead", "p07"] > mean.loc["scanner", "p07"] + 0.3  # noise and the shift to the right


def test_digits_have_the_stated_counts_and_noise_and_look_the_same_everywhere():
    draws = [draw_digits(s) for s in SEEDS]
    for drawn in draws:
        assert [(t["digit"] < 5).sum() for t in (drawn.pool, drawn.field_labelled)] == [400, 80]
        assert [len(t) for t in drawn] == [460, 240, 480]
    pool, field = pd.concat([d.pool for d in draws]), pd.concat([d.field_labelled for d in draws])
    assert pool["p00"].std() == pytest.approx(5.6, rel=0.03)  # a pixel that is 0 in every image
    low = [t[t["digit"] < 5].filter(regex=r"^p\d\d$") for t in (pool, field)]
    gap = (low[0].mean() - low[1].mean()).abs() / low[0].std()
    assert gap.max() < 0.15  # six standard errors of some 400 images, and as many drawn again


def test_tumours_true_weights_turn_the_pools_means_into_the_populations():
    pool = pd.concat([draw_tumours(s).pool for s in range(40)])
    population = pd.concat([draw_tumours(s).field_labelled for s in range(40)])
    for column in ("mean_radius", "mean_texture"):
        spread = population[column].std()
        plain = (pool[column].mean() - population[column].mean()) / spread
        weighted = (np.average(pool[column], weights=pool["true_weight"]) - population[column].mean()) / spread
        assert plain < -0.3
        assert abs(weighted) < 0.12
    assert draw_tumours(1).pool["true_weight"].mean() == pytest.approx(1)


def test_diabetes_true_weights_close_the_gap_between_the_pool_and_each_site_in_the_tilted_column():
    draws = [draw_diabetes(s) for s in range(40)]
    tables = [pd.concat([d.pool for d in draws]), pd.concat([d.field for d in draws])]
    pool, field = [t.assign(fat=t["cholesterol"] - t["ldl"] - t["hdl"]) for t in tables]
    for site, column, sign in (("north", "fat", 1), ("coast", "cholesterol_ratio", 1), ("valley", "fat", -1)):
        weights = np.concatenate([d.true_weights[site] for d in draws])
        there = field.loc[(field["site"] == site).to_numpy(), column].mean()
        gap = sign * (there - pool[column].mean())
        assert gap > 0.4 * pool[column].std()
        assert abs(there - np.average(pool[column], weights=weights)) < 0.25 * gap


def test_every_source_is_a_dagster_asset_in_the_group_raw_with_a_description():
    specs = {s.key.to_user_string(): s for a in dg.load_assets_from_package_module(assets) for s in a.specs}
    names = {
        f"{p}_{t}"
        for p in ("digits", "cameras", "tumours", "diabetes", "adult")
        for t in ("pool", "field", "field_labelled")
    }
    assert set(specs) == names
    assert all(s.group_name == "raw" and re.search(r"seed \d", s.description or "") for s in specs.values())


def test_an_asset_materializes_the_table_of_seed_zero():
    from assets.diabetes import diabetes_field

    result = dg.materialize([diabetes_field], resources={"io_manager": dg.mem_io_manager})
    pd.testing.assert_frame_equal(result.output_for_node("diabetes_field"), draw_diabetes(0).field)
