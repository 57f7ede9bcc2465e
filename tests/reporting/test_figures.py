"""Figures: one for each stage, readable as XML, the same each time, sound on odd tables."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import warnings
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from ballast.methods.evaluation import ClassificationMetrics, RegressionMetrics
from ballast.methods.frame.reports import AssessmentRows
from ballast.reporting import stage_metadata
from ballast.reporting.figures import figure_for, figures_for
from ballast.reporting.pictures.theme import COLOURS, as_markdown, as_svg, in_short, themed
from tests.reporting.example import OUTLINE, drift_table, made

TABLES, JUDGED = made(["age", "income", "height"])
SUMMARIES = {name: assessment.remembered for name, assessment in JUDGED.items()}
STAGES = {node.name: node.stage for node in OUTLINE.nodes}


def texts(svg: str) -> list[str]:
    return [
        "".join(element.itertext()) for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("}text")
    ]


@pytest.mark.parametrize("name", [n for n in TABLES if STAGES[n] not in ("source", "learner")])
def test_figure_when_a_stage_has_one_then_it_is_valid_svg_480_wide_and_the_same_each_time(name):
    first, again = (as_svg(figure_for(STAGES[name], TABLES[name], SUMMARIES.get(name, {}))) for _ in range(2))
    root = ElementTree.fromstring(first)
    assert root.attrib["width"] == "480"
    assert len(texts(first)) >= 3
    assert first == again


@pytest.mark.parametrize("stage", ["source", "learner", "encoder", "no such stage"])
def test_figure_when_a_stage_has_nothing_to_draw_then_there_is_none(stage):
    assert figure_for(stage, pd.DataFrame({"a": [1, 2]})) is None


@pytest.mark.parametrize("name", list(TABLES))
def test_figure_when_the_table_is_empty_then_there_is_none(name):
    assert figure_for(STAGES[name], TABLES[name].iloc[:0], SUMMARIES.get(name, {})) is None


def test_drift_figure_when_features_are_many_then_it_names_the_largest_and_counts_the_rest():
    shown = texts(as_svg(figure_for("test", drift_table([f"f{j}" for j in range(40)]))))
    assert "f0" in shown
    assert "f39" not in shown
    assert any("20 of 40 features differ, the 12 largest shown" in text for text in shown)


def test_drift_figure_when_there_is_only_an_overall_test_then_it_shows_that():
    shown = texts(as_svg(figure_for("test", drift_table([]))))
    assert "Shift found" in shown
    assert "all features" in shown


def test_figure_of_a_test_when_it_asks_which_kind_of_shift_it_is_then_its_title_tells_that():
    figure = figure_for("test", drift_table([]), {"supposes": "class shares alone have shifted"})
    assert "Contradicted: class shares alone have shifted" in texts(as_svg(figure))


def test_score_figure_when_the_threshold_is_known_then_it_is_drawn():
    without, with_ = (as_svg(figure_for("scorer", TABLES["novelty"], d)) for d in ({}, {"threshold": 1.5}))
    assert without.count("stroke-dasharray") == 0
    assert with_.count("stroke-dasharray") == 1


def test_weight_figure_when_drawn_then_its_title_is_the_effective_sample_size():
    w = TABLES["density"]["weight"]
    size = w.sum() ** 2 / (w**2).sum()
    shown = texts(as_svg(figure_for("weigher", TABLES["density"])))
    assert f"Effective sample size {size:,.0f} of 200 rows ({size / 200:.0%})" in shown


def test_source_figure_when_values_are_missing_then_it_names_their_columns_and_shares():
    table = pd.DataFrame({"age": [1.0, None, None, 4.0], "name": ["a", "b", "c", "d"]})
    shown = texts(as_svg(figure_for("source", table)))
    assert "age" in shown
    assert "50.0%" in shown
    assert "name" not in shown


@pytest.mark.parametrize(
    ("stage", "table"),
    [
        ("scorer", pd.DataFrame({"sample_id": [1], "score": [3.0], "flagged": [False]})),
        ("scorer", pd.DataFrame({"sample_id": [1, 2], "score": [0.0, 1e300], "flagged": [True, True]})),
        ("weigher", pd.DataFrame({"sample_id": [1], "weight": [1.0]})),
        ("weigher", pd.DataFrame({"sample_id": [1, 2, 3], "weight": [0.0, 0.0, 3.0]})),
        ("weigher", pd.DataFrame({"sample_id": range(50), "weight": np.ones(50)})),
        ("features", pd.DataFrame({"features": [np.zeros(3, np.float32)]})),
        ("features", pd.DataFrame({"features": list(np.random.default_rng(0).normal(size=(30, 200)))})),
        ("sampler", pd.DataFrame({"sample_id": ["a"] * 20, "second_parent_id": None, "is_synthetic": [True] * 20})),
        ("test", drift_table(["x"]).assign(effect_size=np.nan, p_value=np.nan)),
        ("assessor", ClassificationMetrics().assess(np.array([1]), np.array([[0.2, 0.8]]), classes=np.arange(2)).table),
        ("assessor", RegressionMetrics().assess(np.full(9, 2.0), np.full(9, 2.0)).table),
    ],
)  # fmt: skip
def test_figure_when_the_table_is_degenerate_then_it_is_drawn_without_a_warning(stage, table):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = as_svg(figure_for(stage, table))
    ElementTree.fromstring(svg)
    assert "nan" not in svg.lower().replace("nan ", "")


@pytest.mark.parametrize("name", ["<b>&amp;</b>", "$x^2$ and $", "漢字", "a\x00b\x1bc", "many\nlines", "x" * 200, ""])
def test_figure_when_a_name_is_odd_then_it_is_still_valid_and_quiet(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = texts(as_svg(figure_for("test", drift_table([name, "b"]))))
    assert "b" in shown
    assert not any("\n" in text for text in shown)


LONG = "the share of rows that lie beyond the largest value that any of the training rows of the same shop has, by day"


@pytest.mark.parametrize(
    ("stage", "table", "summary"),
    [
        ("test", drift_table([LONG, "b"]).assign(effect=[LONG, f"{LONG} at 0", LONG]), {"supposes": LONG}),
        ("test", drift_table([f"f{j}" for j in range(9)]).assign(effect=[f"measure {j} of it" for j in range(10)]), {}),
        ("assessor", TABLES["verdict"].replace("baseline", LONG).replace("accuracy", LONG), {}),
        ("assessor", TABLES["balance"], SUMMARIES["balance"]),
        ("weigher", TABLES["density"], {}),
    ],
)
def test_figure_when_its_notes_and_labels_are_long_then_all_its_text_lies_within_it(stage, table, summary):
    for figure in figures_for(stage, table, summary):
        renderer = FigureCanvasAgg(figure).get_renderer()
        width, height = figure.bbox.size
        for text in figure.findobj(Text):
            box = text.get_window_extent(renderer)
            assert not text.get_text() or (box.x0 >= 0 and box.y0 >= 0 and box.y1 <= height), text.get_text()
            assert box.x1 <= width + 2, text.get_text()


def test_figure_when_it_is_read_out_then_its_name_is_its_title_and_what_stands_below():
    root = ElementTree.fromstring(as_svg(figure_for("test", drift_table(["<age> & $"]))))
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == "Shift found. p = 0.010, 1 of 1 features differ"
    assert ElementTree.fromstring(as_svg(figure_for("test", drift_table([])), 'say "<b>"')).attrib["aria-label"] == (
        'say "<b>"'
    )


def test_markdown_when_made_then_its_data_is_the_figure():
    figure = figure_for("test", TABLES["drift"])
    svg = re.fullmatch(r"!\[figure\]\(data:image/svg\+xml;base64,([\w+/=]+)\)", as_markdown(figure))
    assert svg is not None
    assert base64.b64decode(svg[1]).decode() == as_svg(figure)
    png = re.fullmatch(r"!\[figure\]\(data:image/png;base64,([\w+/=]+)\)", as_markdown(figure, format="png"))
    assert png is not None
    assert base64.b64decode(png[1]).startswith(b"\x89PNG")


def test_themed_when_used_then_no_fixed_colour_is_left_and_ids_carry_the_prefix():
    svg = themed(as_svg(figure_for("assessor", TABLES["balance"], SUMMARIES["balance"])), "p1")
    assert not any(colour in svg for colour in COLOURS.values())
    assert all(found.startswith("p1-") for found in re.findall(r'\bid="([^"]*)"', svg))
    assert all(found.startswith("p1-") for found in re.findall(r'href="#([^"]*)"', svg))


def test_figures_when_drawn_then_pyplot_stays_unloaded_and_settings_stay_as_they_were():
    script = (
        "import matplotlib, sys; names = ('svg.fonttype', 'svg.hashsalt'); settings = matplotlib.rcParams\n"
        "before = [settings[n] for n in names]\n"
        "import pandas as pd; from ballast.reporting.figures import figure_for\n"
        "from ballast.reporting.pictures.theme import as_svg\n"
        "as_svg(figure_for('weigher', pd.DataFrame({'sample_id': [1, 2], 'weight': [0.5, 1.5]})))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert [settings[n] for n in names] == before"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("values", "texts"),
    [([0.1, 0.2], ["0.1", "0.2"]), ([0, 1500.0], ["0", "1,500"]), ([0, 20_000], ["0", "20k"]), ([5e6], ["5M"])],
)
def test_ticks_when_written_then_they_are_short(values, texts):
    assert in_short(values) == texts


def test_metadata_when_a_stage_is_a_weigher_then_it_has_the_effective_sample_size_as_a_number():
    shown = stage_metadata("weigher", TABLES["density"], {})
    w = TABLES["density"]["weight"]
    assert shown["effective_sample_size"] == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert shown["effective_share"] == pytest.approx(shown["effective_sample_size"] / 200)
    assert shown["maximum_weight"] == w.max()
    assert shown["figure"].startswith("![figure](data:image/svg+xml;base64,")


def test_metadata_when_a_stage_is_a_test_then_it_names_the_most_shifted_feature():
    summary = {"statistic": 0.3, "p_value": 0.002, "threshold": 0.05, "rejected": True}
    shown = stage_metadata("test", TABLES["drift"], summary)
    assert {k: shown[k] for k in summary} == summary
    assert (shown["largest_effect"], shown["most_shifted_feature"], shown["features_rejected"]) == (0.4, "age", 2)


def test_metadata_when_a_dataset_was_drawn_then_it_says_how_much_of_the_source_is_in_it():
    table = pd.DataFrame({"sample_id": [1, 1, 2, 2], "second_parent_id": None, "is_synthetic": [False] * 3 + [True]})
    shown = stage_metadata("sampler", table, {"n_source": 8})
    assert (shown["rows"], shown["synthetic_share"], shown["unique_share"]) == (4, 0.25, 0.25)


@pytest.mark.parametrize("name", list(TABLES))
def test_metadata_when_given_any_stage_then_every_value_is_plain_and_finite(name):
    shown = stage_metadata(STAGES[name], TABLES[name], {"accuracy": 0.5, "auroc": float("nan")})
    assert all(type(value) in (int, float, bool, str) for value in shown.values())
    assert all(np.isfinite(value) for value in shown.values() if isinstance(value, float))


@pytest.mark.parametrize("name", list(TABLES))
def test_metadata_when_the_table_is_empty_then_it_is_quiet(name):
    assert "figure" not in stage_metadata(STAGES[name], TABLES[name].iloc[:0], {})


def test_comparison_when_held_against_several_then_each_is_named_and_slices_before_do_not_matter():
    rows = AssessmentRows()
    rows.add("accuracy", 0.5, n=9, model="old", slice="north")
    for model, versus in (("old", ""), ("web", ""), ("new", ""), ("old + web", "web"), ("old + new", "old")):
        rows.add("mean_accuracy", 0.7, low=0.6, high=0.8, n=9, model=model)
        if versus:
            rows.add("mean_accuracy", -0.1, low=-0.2, high=-0.05, n=9, model=model, versus=versus)
    found = texts(as_svg(figure_for("assessor", rows.finish().table)))
    assert "Mean accuracy" in found
    assert "difference from the one named at the right" in found
    assert found.count("compared with") == 2
    assert "-0.1 vs web" in found
    assert "-0.1 vs old" in found
