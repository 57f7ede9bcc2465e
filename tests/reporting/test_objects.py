"""Objects in a notebook and a terminal: verdicts in words, bounded tables, nothing that breaks the page, pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import ballast
from ballast.errors import DataError
from ballast.methods.frame.reports import AssessmentRows
from tests.methods.tiny_methods import Distance

HOSTILE = '<script>alert("x")</script>\n$a_b$'
rng = np.random.default_rng(0)
TRAIN = pd.DataFrame(rng.normal(size=(120, 30)), columns=[HOSTILE, *(f"column {j}" for j in range(29))])
TARGET = TRAIN.assign(**{HOSTILE: TRAIN[HOSTILE] + 2})


class Page(HTMLParser):
    """The tags and texts of a piece of HTML, which must close what it opens."""

    def __init__(self, source: str):
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(source)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def seen():
    few = TRAIN.iloc[:, :3], TARGET.iloc[:, :3]
    weigher = ballast.method("entropy_balancing", ridge=1.0).fit(*few)
    y = np.arange(120) % 2
    judged = ballast.method("compare_models").assess(y=y, predictions={HOSTILE: y, "plain": 1 - y})
    return SimpleNamespace(
        report=ballast.method("kolmogorov_smirnov").test(TRAIN, TARGET), weigher=weigher, summary=weigher.summary(),
        judged=judged, scorer=Distance().fit(few[0]),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["report", "judged", "summary"])
def test_html_when_names_are_hostile_then_they_are_text_and_no_tag(seen, name):
    page = Page(getattr(seen, name)._repr_html_())
    assert set(page.tags) <= {"div", "strong", "table", "tr", "td", "th"}
    assert any("<script>alert(" in text for text in page.texts)


@pytest.mark.parametrize("name", ["report", "judged", "summary"])
def test_text_when_printed_then_says_what_the_html_says(seen, name):
    shown = getattr(seen, name)
    printed, page = " ".join(repr(shown).split()), Page(shown._repr_html_())
    assert [text for text in page.texts if " ".join(text.split()) not in printed] == []


def test_report_when_shifted_then_verdict_and_farthest_features_are_told_and_the_rest_is_counted(seen):
    text = repr(seen.report)
    assert text.startswith("Shift found\n")
    assert "features     1 of 30 differ" in text
    assert len(text.splitlines()) == 6 + 1 + 12 + 1
    assert "and 18 more features; all are in the table" in text
    assert text.index("differs") < text.index("no shift found")


def test_report_when_nothing_shifted_then_says_so(seen):
    same = ballast.method("kolmogorov_smirnov").test(TRAIN, TRAIN)
    assert repr(same).startswith("No shift found\n")


def test_report_when_columns_are_left_to_another_test_then_they_are_not_counted_and_say_why():
    table = pd.DataFrame({"town": ["a", "b"] * 40, "age": range(80)})
    text = repr(ballast.method("chi_squared").test(table, table))
    assert "features   0 of 1 differ" in text
    assert "left to kolmogorov_smirnov: a number" in text


def test_assessment_when_models_are_compared_then_differences_are_called_better_or_worse(seen):
    text = repr(seen.judged)
    assert "worse" in text
    assert "better" not in text
    rows = AssessmentRows()
    rows.add("error", -0.2, n=9, low=-0.3, high=-0.1, model="b", versus="a")
    rows.add("error", 0.2, n=9, low=-0.3, high=0.7, model="c", versus="a")
    rows.add("size", 0.2, n=9, low=0.1, high=0.7, model="b", versus="a")
    lines = repr(rows.finish(better={"error": "lower"})).splitlines()
    assert ["better" in line for line in lines] == [False, False, True, False, False]
    assert "no clear difference" in lines[3]


def test_assessment_when_empty_then_still_shown():
    assert repr(AssessmentRows().finish()) == "Assessment: 0 numbers"
    with pytest.raises(DataError, match="Assessment holds no numbers to draw"):
        AssessmentRows().finish().plot()


def test_methods_when_fitted_then_their_html_tells_what_they_learned_and_before_that_their_parameters(seen):
    plain = ballast.method("entropy_balancing")._repr_html_()
    assert "effective sample size" not in plain
    for html in (seen.weigher._repr_html_(), seen.weigher._repr_mimebundle_()["text/html"]):
        assert "effective sample size" in html
        assert "EntropyBalancing" in html
    assert f"scores above {seen.scorer.threshold_:.4g}" in seen.scorer._repr_html_()
    assert "text/html" in Distance()._repr_mimebundle_()


@pytest.mark.parametrize("name", ["report", "judged", "summary", "weigher", "scorer"])
def test_plot_when_drawn_then_a_figure_that_shows_itself_without_pyplot(seen, name, tmp_path):
    scores = (seen.scorer.score_samples(TRAIN.iloc[:, :3]),) if name == "scorer" else ()
    figure = getattr(seen, name).plot(*scores)
    assert isinstance(figure, Figure)
    assert ElementTree.fromstring(figure._repr_svg_()).tag.endswith("svg")
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_objects_when_shown_then_neither_dagster_nor_a_store_nor_a_plotting_library_loads():
    script = """if True:
        import json, sys, ballast, pandas as pd
        train = pd.DataFrame({"a": range(30), "b": range(30, 0, -1)})
        report = ballast.method("kolmogorov_smirnov").test(train, train)
        repr(report), report._repr_html_()
        before = set(sys.modules)
        report.plot()._repr_svg_()
        print(json.dumps([sorted(before), sorted(sys.modules)]))
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    before, after = map(set, json.loads(done.stdout))
    assert not {"dagster", "duckdb", "great_expectations", "matplotlib", "torch"} & before
    assert not {"dagster", "duckdb", "matplotlib.pyplot"} & after


def test_dir_of_reports_and_packages_when_asked_then_lists_what_is_for_users_alone(seen):
    assert [n for n in dir(seen.report) if not n.startswith("__")] == [
        "p_value", "plot", "rejected", "remembered", "statistic", "summary", "supposes", "table", "threshold",
    ]  # fmt: skip
    assert dir(ballast) == sorted([*ballast.__all__, "__version__"])
    assert all(name[0].isupper() for name in dir(ballast.methods.weights))
