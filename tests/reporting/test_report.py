"""The report as a reader meets it: whole, half run, closed, empty, and with names that mean harm."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ballast.methods.evaluation import CompareModels
from ballast.methods.frame.reports import AssessmentRows, Picture
from ballast.reporting import Node, Outline, findings_on, take_snapshot, write_report
from ballast.reporting.findings import findings
from ballast.reporting.page.cards import MOST_NUMBERS, _most_telling
from ballast.reporting.page.html import number
from ballast.warehouse import Warehouse
from tests.reporting.example import OUTLINE, drift_table, fill, verdict


class Page(HTMLParser):
    """Gathers a page's tags, text and addresses, and holds that every element is closed in order."""

    VOID = {"meta", "br", "img", "wbr"}

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert not self.open, f"never closed: {self.open}"
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            self.ids += [value] if name == "id" else []
            self.addresses += [value] if name in ("src", "href", "xlink:href", "action") else []
            self.handlers += [name] if name.startswith("on") else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse where every step has run; to be read only."""
    filled = Warehouse(f"duckdb:///{tmp_path_factory.mktemp('full') / 'ballast.duckdb'}")
    fill(filled)
    return filled


def report(warehouse: Warehouse, outline: Outline, folder: Path, **options) -> Page:
    return Page(write_report(warehouse, outline, folder / "report.html", **options).read_text("utf-8"))


def test_report_when_every_step_ran_then_it_shows_each_and_fetches_nothing(full, tmp_path):
    page = report(full, OUTLINE, tmp_path)
    for node in OUTLINE.nodes:
        assert node.name in page.text, node.name
    assert "10 of 10 steps have run" in page.text
    assert "not run" not in page.text
    assert page.tags.count("figure") == 9  # one a card, and the true weights beside the estimated
    assert all(address.startswith("#") for address in page.addresses), page.addresses
    assert page.tags.count("script") == 1


def test_report_when_it_holds_many_figures_then_no_two_elements_share_an_id(full, tmp_path):
    page = report(full, OUTLINE, tmp_path)
    assert len(page.ids) == len(set(page.ids))
    missing = {address[1:] for address in page.addresses} - set(page.ids)
    assert not missing


def test_report_when_models_are_compared_then_the_top_line_tells_before_and_after_with_the_interval(full, tmp_path):
    page = report(full, OUTLINE, tmp_path)
    table = full.read("digits/verdict").query("metric == 'accuracy'")
    before, after, gain = table["value"]
    assert f"{before:.3g} → {after:.3g}" in page.text
    assert f"{gain:+.3g} [{table['low'].iloc[2]:+.3g}, {table['high'].iloc[2]:+.3g}]" in page.text


def test_report_when_a_model_has_weights_and_groups_then_its_row_tells_of_both(warehouse, tmp_path):
    fill(warehouse)
    rng = np.random.default_rng(0)
    y, groups = rng.integers(2, size=200), rng.choice(["north", "south"], size=200)
    guesses = {"baseline": np.where(rng.random(200) < 0.8, y, 1 - y), "other": y}
    compared = CompareModels(random_state=0).assess(y, guesses, groups=groups)
    warehouse.commit("digits/verdict", compared.table, summary=compared.remembered)
    nodes = [replace(n, notes={"weights": "density"}) if n.name == "baseline" else n for n in OUTLINE.nodes]
    text = report(warehouse, replace(OUTLINE, nodes=tuple(nodes)), tmp_path).text
    diagnosed = warehouse.read("digits/balance").query("slice == '(all)'").set_index("metric")["value"]
    accuracy = [compared.value("accuracy", model="baseline", slice=name) for name in ("north", "south")]
    balanced = compared.value("balanced_accuracy", model="baseline")
    wanted = [diagnosed["effective_share"], diagnosed["maximum_standardized_mean_difference_after"]]
    wanted += [compared.value("accuracy", model="baseline"), balanced, *accuracy]
    assert "accuracy: north accuracy: south" in text
    assert " ".join(number(value) for value in wanted) in text


def test_report_when_labels_tell_the_accuracy_then_the_estimate_is_held_against_it(full, tmp_path):
    truth = full.read("digits/verdict").query("metric == 'accuracy' and model == 'baseline'")["value"].iloc[0]
    assert f"true accuracy {truth:.3f}" in report(full, OUTLINE, tmp_path).text


def test_report_when_an_effect_is_versus_no_arm_then_the_top_line_tells_it_with_the_interval(warehouse, tmp_path):
    rows = AssessmentRows()
    rows.add("effect", 1.0384, n=480, low=0.91, high=1.17)
    found = rows.finish(pictures=(Picture("effect", ("effect",)),))
    warehouse.commit("panel/slope", found.table, kind="assessor", summary=found.remembered)
    node = Node("slope", "panel/slope", "assessor", "panel_double_machine_learning")
    assert (
        "effect of the treatment +1.04 [+0.91, +1.17], by slope"
        in report(warehouse, Outline("panel", "A panel.", (node,)), tmp_path).text
    )


def test_report_when_nothing_was_committed_then_it_is_a_page_that_says_so(warehouse, tmp_path):
    page = report(warehouse, OUTLINE, tmp_path)
    assert "Nothing has run yet" in page.text
    assert "0 of 10 steps have run" in page.text
    assert "figure" not in page.tags


def test_report_when_the_pipeline_has_no_steps_then_it_is_still_a_page(warehouse, tmp_path):
    assert "no steps" in report(warehouse, Outline("bare"), tmp_path).text


@pytest.mark.parametrize("upto", [1, 4, 8])
def test_report_when_a_run_stopped_half_way_then_the_rest_is_named_as_not_run(warehouse, tmp_path, upto):
    fill(warehouse, upto=upto)
    page = report(warehouse, OUTLINE, tmp_path)
    waiting = [node.name for node in OUTLINE.nodes[upto:]]
    assert f"{len(waiting)} steps have not run: {', '.join(waiting)}" in page.text


def test_report_when_a_gate_is_closed_then_it_leads_with_the_gate_and_its_figures(warehouse, tmp_path):
    fill(warehouse, upto=4)
    message = "effective sample size 3.2 of 200 rows is below 10 %"
    warehouse.record_verdicts(
        [
            verdict("digits/density", "expect_effective_sample_size", passed=False, message=message,
                    observed={"share": 0.016}),
            verdict("digits/density", "expect_balance", passed=False, severity="warn", message="still apart"),
            verdict("digits/train", "expect_rows", passed=True),
        ]
    )  # fmt: skip
    page = report(warehouse, OUTLINE, tmp_path)
    assert "1 gate closed; 6 steps have not run" in page.text
    assert page.text.index(message) < page.text.index("Lineage Data")
    assert "2 of 3 open" in page.text
    assert "share: 0.016" in page.text


def test_report_when_a_gate_was_forced_then_it_says_that_the_run_went_on_by_force(warehouse, tmp_path):
    fill(warehouse)
    warehouse.record_verdicts(
        [verdict("digits/density", "expect_balance", passed=False, forced_by="r9", message="apart")]
    )
    page = report(warehouse, OUTLINE, tmp_path)
    assert "the run went on by force" in page.text
    assert "gate forced" in page.text


def test_report_when_an_upstream_has_a_newer_version_then_the_step_is_marked(warehouse, tmp_path):
    fill(warehouse)
    assert "older input" not in report(warehouse, OUTLINE, tmp_path).text
    warehouse.commit("digits/density", warehouse.read("digits/density").assign(weight=1.0))
    text = report(warehouse, OUTLINE, tmp_path).text
    assert text.count("older input") == 3  # what reads density: resampled, balance, verdict


def test_report_when_a_partition_is_asked_for_then_it_shows_that_one_and_the_shared_steps(warehouse, tmp_path):
    outline = Outline("digits", "", OUTLINE.nodes[:4])
    fill(warehouse, outline, upto=3)
    density = warehouse.read("digits/novelty")[["sample_id"]]
    for key, weight in (("north", 1.0), ("south", 2.0)):
        frame = density.assign(weight=weight)
        frame.loc[0, "weight"] *= 50
        warehouse.commit("digits/density", frame if key == "north" else frame[:40], partition=key)
    north, south = (report(warehouse, outline, tmp_path, partition=key).text for key in ("north", "south"))
    assert "partition north" in north
    assert "of 200 rows" in north
    assert "of 40 rows" in south
    assert "4 of 4 steps have run" in south


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(2)</script>",
    "$\\frac{1}{0}$ & 漢字 \x07",
    "javascript:alert(3)",
]


def test_report_when_names_are_hostile_then_they_are_shown_as_text(warehouse, tmp_path):
    fill(warehouse, names=HOSTILE)
    warehouse.record_verdicts(
        [verdict("digits/density", HOSTILE[0], passed=False, message=HOSTILE[1], observed={HOSTILE[2]: HOSTILE[0]})]
    )
    nodes = tuple(
        replace(
            node, use=HOSTILE[j % 3], description=HOSTILE[(j + 1) % 3], notes={HOSTILE[0]: HOSTILE[1], **node.notes}
        )
        for j, node in enumerate(OUTLINE.nodes)
    )
    nodes += (Node(HOSTILE[1], f"digits/{HOSTILE[0]}", HOSTILE[1], HOSTILE[2], (HOSTILE[0], "digits/train")),)
    page = report(warehouse, Outline(HOSTILE[0], HOSTILE[2], nodes), tmp_path)
    assert page.tags.count("script") == page.tags.count("style") == 1
    assert "img" not in page.tags
    assert not page.handlers
    assert all(address.startswith("#") for address in page.addresses)
    for name in HOSTILE[:3]:
        assert name in page.text


def test_report_when_written_twice_then_only_the_time_of_writing_differs(full, tmp_path):
    pages = [write_report(full, OUTLINE, tmp_path / "r.html").read_text("utf-8") for _ in range(2)]
    first, again = (re.sub(r"written [\d :-]+ UTC", "", page) for page in pages)
    assert first == again


def test_report_when_nothing_has_changed_then_no_table_is_read_again(full, tmp_path, monkeypatch):
    first = write_report(full, OUTLINE, tmp_path / "r.html").read_text("utf-8")
    monkeypatch.delattr(Warehouse, "read")
    again = write_report(full, OUTLINE, tmp_path / "r.html", run_id="again").read_text("utf-8")
    assert again.count("<svg") == first.count("<svg") > 1
    assert first.count(">reused<") == 0 < again.count(">reused<")


def test_findings_when_the_page_shows_the_same_state_then_they_are_taken_from_it_and_no_table_is_read(
    full, tmp_path, monkeypatch
):
    path = write_report(full, OUTLINE, tmp_path / "r.html")
    told = findings(take_snapshot(full, OUTLINE))
    assert findings_on(None, take_snapshot(full, OUTLINE)) == told
    monkeypatch.delattr(Warehouse, "read")
    monkeypatch.delattr(Warehouse, "read_arrow")
    assert findings_on(path, take_snapshot(full, OUTLINE)) == told
    path.write_text(path.read_text("utf-8").replace("Gates", "Goats"), encoding="utf-8")
    with pytest.raises(AttributeError, match="read"):
        findings_on(path, take_snapshot(full, OUTLINE))


def test_report_when_the_page_was_edited_then_it_is_drawn_anew(full, tmp_path):
    path = tmp_path / "r.html"
    first = write_report(full, OUTLINE, path).read_text("utf-8")
    path.write_text(first.replace("Gates", "Goats"), encoding="utf-8")
    assert "Goats" not in write_report(full, OUTLINE, path).read_text("utf-8")


def test_report_when_a_step_or_the_outline_changes_then_it_is_drawn_anew(warehouse, tmp_path):
    node = Node("weights", "digits/weights", "weigher", "kliep")
    pages = []
    for weights, description in (([1.0, 1.0], ""), ([0.5, 1.5], ""), (None, "of the field")):
        if weights is not None:
            warehouse.commit(node.asset, pd.DataFrame({"sample_id": [1, 2], "weight": weights}), kind="weigher")
        outline = Outline("digits", description, (node,))
        pages.append(write_report(warehouse, outline, tmp_path / "r.html").read_text("utf-8"))
    drawn = [re.findall(r"<svg.*?</svg>", page) for page in pages]
    assert drawn[0] != drawn[1]
    assert "of the field" in pages[2]


def test_report_when_the_graph_has_a_loop_or_an_unknown_upstream_then_it_is_drawn_all_the_same(warehouse, tmp_path):
    nodes = (Node("a", "p/a", "scorer", "x", ("p/b", "p/gone")), Node("b", "p/b", "weigher", "y", ("p/a",)))
    assert report(warehouse, Outline("p", "", nodes), tmp_path).tags.count("rect") == 4


def test_card_of_a_test_when_columns_are_more_than_it_lists_then_what_moved_comes_first_and_none_of_it_is_cut():
    n = 500
    effects = np.linspace(0, 0.4, n)
    table = drift_table([f"sensor_{j}" for j in range(n)])
    table["effect_size"], table["rejected"] = [*effects, 0.4], [*(effects > 0.39), True]
    features = list(_most_telling(table)["feature"])
    assert features[:3] == ["(all)", "sensor_499", "sensor_498"]
    assert len(features) == MOST_NUMBERS
    table["rejected"] = table["effect_size"] > 0.04
    assert len(_most_telling(table)) == 1 + int((effects > 0.04).sum()) > MOST_NUMBERS
