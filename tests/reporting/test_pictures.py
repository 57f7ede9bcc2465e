"""Pictures that an assessment asks for: each shape, the direction of a metric, and what was stored without either."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from ballast.methods.frame.reports import Assessment, AssessmentRows, Direction, Picture, declared
from ballast.reporting import Node, Outline, write_report
from ballast.reporting.figures import Known, figures_for
from ballast.reporting.pictures.assessment import SHAPES
from ballast.reporting.pictures.intervals import praise
from ballast.reporting.pictures.theme import GREEN, INK, MUTED, ORANGE, as_svg
from ballast.warehouse import Warehouse


def drawn(assessment: Assessment, known: Known | None = None) -> list[str]:
    return [as_svg(f) for f in figures_for("assessor", assessment.table, assessment.remembered, known)]


def texts(svg: str) -> list[str]:
    return ["".join(e.itertext()) for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("}text")]


def colour_of(svg: str, text: str) -> str:
    """Gives the fill of the text that starts so."""
    (found,) = (e for e in ElementTree.fromstring(svg).iter() if (e.text or "").startswith(text))
    return re.search(r"fill: (#\w+)", found.attrib.get("style", "")).group(1)  # type: ignore[union-attr]


def compared(metric: str, difference: float, better: dict[str, Direction]) -> Assessment:
    """A metric of two models, of which the second differs from the first surely."""
    rows = AssessmentRows()
    rows.add(metric, 0.5, n=9, low=0.4, high=0.6, model="plain")
    rows.add(metric, 0.5 + difference, n=9, low=0.4, high=0.6, model="other")
    ends = sorted([0.5 * difference, 1.5 * difference])
    rows.add(metric, difference, n=9, low=ends[0], high=ends[1], model="other", versus="plain")
    return rows.finish(better=better, pictures=(Picture("intervals", by="model"), Picture("comparison")))


CASES = [
    ("log_loss", "lower", -0.1, "good"),
    ("log_loss", "lower", 0.1, "bad"),
    ("mean_squared_error", "lower", -0.1, "good"),
    ("mean_squared_error", "lower", 0.1, "bad"),
    ("accuracy", "higher", 0.1, "good"),
    ("accuracy", "higher", -0.1, "bad"),
    ("margin_of_error", "higher", 0.1, "good"),
]


@pytest.mark.parametrize(("metric", "direction", "difference", "kind"), CASES)
def test_difference_when_its_metric_has_a_direction_then_the_picture_and_the_top_line_judge_it_so(
    warehouse, tmp_path, metric, direction, difference, kind
):
    assessment = compared(metric, difference, {metric: direction})
    (svg,) = drawn(assessment)
    assert colour_of(svg, f"{difference:+.3g} [") == {"good": GREEN, "bad": ORANGE}[kind]
    html = page(warehouse, assessment, tmp_path)
    assert f'<div class="value {kind}">0.5 → {0.5 + difference:.3g}</div>' in html


@pytest.mark.parametrize("metric", ["log_loss", "mean_squared_error", "accuracy"])
@pytest.mark.parametrize("difference", [-0.1, 0.1])
def test_difference_when_its_metric_has_no_direction_then_it_is_neither_praised_nor_blamed(
    warehouse, tmp_path, metric, difference
):
    assessment = compared(metric, difference, {"another_metric": "higher"})
    (svg,) = drawn(assessment)
    assert colour_of(svg, f"{difference:+.3g} [") == MUTED
    assert "before → after" not in page(warehouse, assessment, tmp_path)


def test_top_line_when_lower_is_better_then_the_best_of_several_is_the_lowest(warehouse, tmp_path):
    rows = AssessmentRows()
    for model, value in (("plain", 0.5), ("good", 0.2), ("worse", 0.9)):
        rows.add("brier", value, n=9, model=model)
    for model, gain in (("good", -0.3), ("worse", 0.4)):
        rows.add("brier", gain, n=9, low=gain - 0.1, high=gain + 0.1, model=model, versus="plain")
    html = page(warehouse, rows.finish(better={"brier": "lower"}, pictures=(Picture("comparison"),)), tmp_path)
    assert "good (best of 2) against plain: -0.3 [-0.4, -0.2]" in html


@pytest.mark.parametrize("direction", ["higher", "lower", None])
def test_praise_when_the_interval_holds_zero_or_is_not_known_then_there_is_none(direction):
    assert praise(-0.1, 0.2, direction) == ""
    assert praise(float("nan"), float("nan"), direction) == ""


def page(warehouse: Warehouse, assessment: Assessment, folder: Path, summary: dict | None = None) -> str:
    """Gives the report of a pipeline that has one assessment."""
    remembered = assessment.remembered if summary is None else summary
    warehouse.commit("p/verdict", assessment.table, kind="assessor", summary=remembered)
    outline = Outline("p", "", (Node("verdict", "p/verdict", "assessor", "mine.Own"),))
    return write_report(warehouse, outline, folder / "report.html").read_text("utf-8")


def test_report_when_an_assessment_was_stored_before_it_declared_anything_then_it_shows_its_intervals(
    warehouse, tmp_path
):
    assessment = compared("mean_squared_error", -0.1, {"mean_squared_error": "lower"})
    html = page(warehouse, assessment, tmp_path, summary=assessment.summary)
    assert html.count("<figure>") == 1
    assert "Mean squared error" in html
    assert "-0.1 [-0.15, -0.05]" in html
    assert 'class="value good"' not in html
    (svg,) = [as_svg(f) for f in figures_for("assessor", assessment.table, assessment.summary)]
    assert colour_of(svg, "-0.1 [") == MUTED


def sliced() -> AssessmentRows:
    rows = AssessmentRows()
    for model in ("plain", "weighted"):
        for j, share in enumerate(("1.0", "0.1", "0.5")):
            rows.add("accuracy", 0.5 + 0.1 * j, low=0.4, high=0.9, n=9, model=model, slice=share)
            rows.add("log_loss", 0.9 - 0.1 * j, n=9, model=model, slice=share)
        rows.add("accuracy", 0.6, n=27, model=model)
    return rows


WANTED = {
    "curve": ["Accuracy", "● plain", "● weighted"],
    "histogram": ["Accuracy", "6 values, median 0.6"],
    "scatter": ["Log loss against accuracy", "6 slices and models"],
    "heat_map": ["Accuracy by model and slice", "plain", "weighted", "1.0", "0.1", "0.5", "0.7"],
    "love_plot": ["Features out of balance by more than 0.1, of 3", "○ before 3", "● plain 3"],
}


def test_shapes_when_listed_then_each_is_tried_here():
    assert WANTED.keys() == SHAPES.keys()


@pytest.mark.parametrize("shape", WANTED)
def test_shape_when_an_assessment_asks_for_it_then_it_is_drawn_without_a_warning(shape):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (svg,) = drawn(sliced().finish(pictures=(Picture(shape, ("accuracy", "log_loss")),)))
    assert set(WANTED[shape]) <= set(texts(svg))


@pytest.mark.parametrize("shape", [*WANTED, "intervals"])
def test_shape_when_the_table_lacks_what_it_shows_then_the_rest_is_shown(shape):
    pictures = (Picture(shape, ("gone", "lost")), Picture("intervals", by="model"))
    (svg,) = drawn(sliced().finish(pictures=pictures))
    assert "0.6" in texts(svg)


@pytest.mark.parametrize("shape", WANTED)
@pytest.mark.parametrize("value", [0.0, 1e300, -3.0])
def test_shape_when_all_values_are_equal_or_huge_then_it_is_drawn_without_a_warning(shape, value):
    rows = AssessmentRows()
    for name in ("1", "2"):
        rows.add("a", value, n=1, model="m", slice=name)
        rows.add("b", value, n=1, model="m", slice=name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (svg,) = drawn(rows.finish(pictures=(Picture(shape, ("a", "b")),)))
    ElementTree.fromstring(svg)


def test_curve_when_slices_are_no_numbers_then_there_is_none_and_when_they_are_then_they_are_in_order():
    rows = AssessmentRows()
    for name in ("north", "south"):
        rows.add("accuracy", 0.5, n=9, slice=name)
    assert len(drawn(rows.finish(pictures=(Picture("curve"), Picture("histogram"))))) == 1
    assessment = sliced().finish(pictures=(Picture("curve", ("accuracy",)),))
    (figure,) = figures_for("assessor", assessment.table, assessment.remembered)
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 3]
    assert [(list(line.get_xdata()), list(line.get_ydata())) for line in lines] == 2 * [
        ([0.1, 0.5, 1], [0.6, 0.7, 0.5])
    ]


def test_intervals_when_labels_know_the_value_then_each_is_held_against_it_and_the_leading_one_stands_out():
    rows = AssessmentRows()
    rows.add("estimated", 0.8, n=9, low=0.7, high=0.9)
    rows.add("rival", 0.6, n=9)
    asked = Picture("intervals", ("estimated", "rival"), title="Told without labels", known="accuracy")
    known = Known(value={"accuracy": 0.75}.get)
    (svg,) = drawn(rows.finish(pictures=(asked,)), known)
    assert "true accuracy 0.750 (dashed)" in texts(svg)
    assert colour_of(svg, "0.800, off by +0.050") == INK
    assert colour_of(svg, "0.600, off by -0.150") == MUTED
    assert "0.800" in texts(drawn(rows.finish(pictures=(asked,)))[0])


def test_intervals_when_models_are_held_against_none_then_their_values_stand_there():
    rows = AssessmentRows()
    for model, value in (("a", 0.25), ("b", 0.5)):
        rows.add("error", value, n=9, model=model)
    shown = texts(drawn(rows.finish())[0])
    assert {"a", "b", "0.25", "0.5"} <= set(shown)
    assert not {"compared with"} & set(shown)


def test_intervals_when_metrics_have_labels_then_these_are_written():
    rows = AssessmentRows()
    rows.add("auroc", 0.9, n=9)
    rows.add("r2", 0.5, n=9)
    (svg,) = drawn(rows.finish(pictures=(Picture("intervals", ("auroc",), labels=("AUROC",)),)))
    assert "AUROC" in texts(svg)
    assert "r2" not in texts(svg)


def test_declared_when_stored_and_read_then_the_same_and_what_is_not_known_is_left_out():
    pictures = (Picture("love_plot", ("a", "b"), labels=("x", "y"), limit=0.2), Picture("effect", ("c",)))
    told = AssessmentRows().finish(better={"a": "lower"}, pictures=pictures).remembered
    stored = json.loads(json.dumps(told))
    assert declared(stored) == ({"a": "lower"}, pictures)
    stored["pictures"] += [{"shape": "hologram", "metrics": ["a"]}]
    stored["pictures"][1]["depth"] = 3
    stored["better"]["b"] = "greener"
    assert declared(stored) == ({"a": "lower"}, pictures)
    assert declared({"a": 0.5}) == ({}, ())


def test_truth_of_weights_when_it_is_known_then_both_are_drawn_and_else_the_weights_alone():
    table = pd.DataFrame({"sample_id": range(50), "weight": np.linspace(0.5, 1.5, 50)})
    truth = pd.Series(np.linspace(0.4, 1.6, 50), index=range(50))
    both = [texts(as_svg(f)) for f in figures_for("weigher", table, {}, Known("density", truth))]
    assert len(both) == 2
    assert "true weights" in both[0]
    assert "Estimated and true weights: density" in both[1]
    for unknown in (None, truth[:10], truth * 0):
        assert len(list(figures_for("weigher", table, {}, Known("density", unknown)))) == 1


def test_intervals_when_slices_are_more_than_there_is_room_for_then_those_farthest_from_all_rows_are_shown():
    rows = AssessmentRows()
    rows.add("accuracy", 0.9, n=400)
    for j in range(40):
        rows.add("accuracy", 0.9 - 0.005 * j, n=10, slice=f"slice {j}")
    (svg,) = drawn(rows.finish(pictures=(Picture("intervals", ("accuracy",)),)))
    found = texts(svg)
    assert {"(all)", "slice 39", "slice 29"} <= {*found}
    assert "slice 28" not in found
    assert any(text.endswith("12 of 41 shown") for text in found)
