"""What the page tells of columns, flagged rows, slices and gates, how it is read out, and how it is used."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from html import unescape
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ballast.methods.evaluation import CompareModels
from ballast.methods.shift import KolmogorovSmirnov
from ballast.reporting import Node, Outline, write_report
from ballast.warehouse import Warehouse
from tests.reporting.example import verdict

HARM = "<script>alert(1)</script>"
N = 240


def outline(*, slices: bool = True) -> Outline:
    groups = {"groups": "shop"} if slices else {}
    return Outline(
        "shop",
        "Who buys.",
        (
            Node("train", "shop/train", "source", "path", notes={"id": "id", **groups}),
            Node("target", "shop/target", "source", "path", notes={"id": "id", **groups}),
            Node("drift", "shop/drift", "test", "kolmogorov_smirnov", ("shop/train", "shop/target")),
            Node("whole", "shop/whole", "test", "classifier_two_sample_test", ("shop/train/features",)),
            Node("novelty", "shop/novelty", "scorer", "mahalanobis", ("shop/train/features", "shop/target/features")),
            Node("unused", "shop/unused", "weigher", "kliep"),
            Node("density", "shop/density", "weigher", "kliep"),
            Node("plain", "shop/plain", "learner", "logistic_regression"),
            Node("reweighted", "shop/reweighted", "learner", "logistic_regression", notes={"weights": "density"}),
            Node("verdict", "shop/verdict", "assessor", "compare_models"),
        ),
    )


def rows(n: int, *, start: int, shift: float, more: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(start)
    columns = {"id": [f"r-{start + j}" for j in range(n)], "age": rng.normal(40 + 10 * shift, 8, n)}
    columns[HARM] = rng.choice(["Private", "<b>State</b>"], n, p=[0.7 - 0.3 * shift, 0.3 + 0.3 * shift])
    columns |= {f"sensor_{j}": rng.normal(size=n) for j in range(more)}
    return pd.DataFrame(columns)


def fill(warehouse: Warehouse, *, more: int = 0) -> None:
    """Commits every step; the model with weights is better by the whole and worse in the north."""
    train, target = rows(N, start=0, shift=0, more=more), rows(N - 40, start=5000, shift=1, more=more)
    rng = np.random.default_rng(1)
    y, north = rng.integers(2, size=400), np.arange(400) < 120
    plain = np.where(rng.random(400) < np.where(north, 0.9, 0.5), y, 1 - y)
    reweighted = np.where(rng.random(400) < np.where(north, 0.4, 0.95), y, 1 - y)
    guesses = {"plain": plain, "reweighted": reweighted}
    judged = CompareModels(random_state=0).assess(y, guesses, groups=np.where(north, "north", "south"))
    report = KolmogorovSmirnov().test(train[["age"]], target[["age"]])
    alone = {"feature": ["(all)"], "statistic": 0.9, "p_value": 1e-9, "adjusted_p_value": 1e-9, "threshold": 0.05}
    score = rng.normal(size=N - 40)
    weight = np.exp(train["age"].to_numpy() / 20)
    tables = {
        "train": train,
        "target": target,
        "drift": report.table,
        "whole": pd.DataFrame({**alone, "rejected": True, "effect_size": 0.9, "effect": "area under the ROC curve"}),
        "novelty": pd.DataFrame({"sample_id": target["id"], "score": score, "flagged": score > 0.5}),
        "unused": pd.DataFrame({"sample_id": train["id"], "weight": 1.0}),
        "density": pd.DataFrame({"sample_id": train["id"], "weight": weight / weight.mean()}),
        "plain": pd.DataFrame({"class": ["x"]}),
        "reweighted": pd.DataFrame({"class": ["x"]}),
        "verdict": judged.table,
    }
    summaries = {"drift": report.remembered, "verdict": judged.remembered}
    for node in outline().nodes:
        summary = summaries.get(node.name, {})
        warehouse.commit(node.asset, tables[node.name], kind=node.stage, method=node.use, summary=summary)
    warehouse.record_verdicts(
        [
            verdict("shop/train", "expect_rows", passed=True),
            verdict("shop/train", "expect_unique_ids", passed=True),
            verdict("shop/drift", "expect_drift_below", passed=False, message="it has moved"),
            verdict("shop/density", "expect_balance", passed=False, severity="warn", message="still apart"),
        ]
    )


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = Warehouse(f"duckdb:///{tmp_path_factory.mktemp('page')}/w.duckdb")
    fill(made)
    return made


@pytest.fixture(scope="module")
def page(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_report(warehouse, outline(), tmp_path_factory.mktemp("pages") / "r.html").read_text("utf-8")


def text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<wbr>|<[^>]*>", lambda m: "" if m[0] == "<wbr>" else " ", html)).split())


def section(page: str, key: str) -> str:
    found = re.search(rf'<section id="{key}">(.*?)</section>', page, re.DOTALL)
    assert found is not None
    return found[1]


def test_columns_when_they_have_moved_then_each_is_drawn_with_its_weights_and_told_in_words(page, warehouse):
    shown = text(section(page, "columns"))
    roles = [warehouse.read(f"shop/{role}") for role in ("train", "target")]
    before, after = (rows["age"].median() for rows in roles)
    shares = [f"{(rows[HARM] == 'Private').mean():.0%}" for rows in roles]
    assert "Of 2 columns that training (240 rows) and target (200 rows) share, 2 differ by more than" in shown
    assert f"median {before:.3g} → {after:.3g}" in shown
    assert f"share of 'Private' {shares[0]} → {shares[1]}" in shown
    assert "The weighted rows are those of density." in shown
    assert section(page, "columns").count("train weighted by density") == 4  # drawn, and read out
    described = re.findall(r'aria-label="(Histogram of age[^"]*|Shares of the categories[^"]*)"', page)
    assert [each.split(" in ")[0] for each in map(unescape, described)] == [
        "Histogram of age", f"Shares of the categories of {HARM}",
    ]  # fmt: skip


def test_columns_when_a_test_has_p_values_then_their_table_has_them_and_says_whose_they_are(page):
    table = re.search(r'<table aria-label="All 2 columns" class="columns">(.*?)</table>', page, re.DOTALL)
    assert table is not None
    rows_of = [text(row) for row in re.findall(r"<tr>(.*?)</tr>", table[1])]
    assert rows_of[0] == "column change distance by chance with weights means apart statistic p-value tested by"
    assert "< 0.001 drift" in rows_of[1]
    assert rows_of[2].startswith(HARM)


def test_columns_when_a_name_means_harm_then_it_is_shown_as_text(page):
    assert HARM not in page
    assert page.count("<script") == 1


def test_test_of_all_columns_when_it_finds_a_shift_then_the_columns_that_differ_most_are_named(page, warehouse):
    assert f"The columns that differ most by themselves: age and {HARM} ( all columns )" in text(section(page, "shift"))
    only = Outline("shop", nodes=tuple(n for n in outline().nodes if n.name in ("train", "target", "whole")))
    found = text(write_report(warehouse, only, Path(warehouse.home.path).parent / "o.html").read_text("utf-8"))
    assert re.search(
        r"whole tells them apart .*; the columns of the data that differ most are age \(Kolmogorov-Smirnov", found
    )


def test_flagged_rows_when_they_are_many_then_the_first_stand_there_and_the_query_gives_all(page, warehouse):
    scored = warehouse.read("shop/novelty")
    flagged = scored[scored["flagged"]].sort_values("score", ascending=False)
    shown = section(page, "scores")
    assert f"{len(flagged)} flagged rows of target: {', '.join(flagged['sample_id'][:3])} …" in text(shown)
    assert [text(row).split()[0] for row in re.findall(r"<tr>(.*?)</tr>", shown)[1:]] == list(flagged["sample_id"][:20])
    assert f"{len(flagged) - 20} more:" in text(shown)
    command = re.search(r"<code>(ballast sql .*?)</code>", shown)
    assert command is not None
    query = shlex.split(unescape(command[1].replace("<wbr>", "")))[2]
    found = warehouse.sql(query)
    assert found["id"].tolist() == flagged["sample_id"].tolist()
    assert {"score", "age", HARM} <= set(found)


def test_slices_when_a_model_loses_in_some_then_they_are_called_out_by_name_and_amount(page, warehouse):
    shown = text(section(page, "judgement"))
    lost = (
        warehouse.read("shop/verdict").query("metric == 'accuracy' and slice == 'north' and versus == 'plain'").iloc[0]
    )
    assert "Slices that lose" in shown
    assert re.search(rf"north reweighted plain 0\.\d+ → 0\.\d+ −{-lost['value']:.3g} \[−.* 120 ", shown)


def test_slices_when_none_loses_then_that_is_said(tmp_path):
    warehouse = Warehouse(f"duckdb:///{tmp_path}/w.duckdb")
    y = np.random.default_rng(0).integers(2, size=200)
    judged = CompareModels(random_state=0).assess(y, {"a": y, "b": y}, groups=np.where(y, "x", "z"))
    warehouse.commit("shop/verdict", judged.table, kind="assessor", summary=judged.remembered)
    only = Outline("shop", nodes=(Node("verdict", "shop/verdict", "assessor", "compare_models"),))
    page = write_report(warehouse, only, tmp_path / "r.html").read_text("utf-8")
    assert "In none of 2 slices is a model clearly worse by accuracy." in text(page)


def test_effective_sample_size_when_a_model_is_best_then_it_is_that_of_its_weights(page, warehouse):
    weight = warehouse.read("shop/density")["weight"]
    size = weight.sum() ** 2 / (weight**2).sum()
    assert f"{size:,.0f} of 240 {size / 240:.0%}, density, which the best model (reweighted) uses;" in text(page)


def test_gates_when_most_are_open_then_these_are_a_count_and_the_others_full_lines(page):
    shown = section(page, "gates")
    told, folded = shown.split("<details>")
    assert [word in text(told) for word in ("it has moved", "still apart", "expect_rows")] == [True, True, False]
    assert text(folded).startswith("2 gates open")
    assert "expect_rows" in text(folded)


def test_page_when_it_is_read_out_then_it_has_landmarks_headings_names_and_heads(page):
    assert [page.count(f"<{tag}") for tag in ("header", "nav", "main", "footer")] == [1, 1, 1, 1]
    levels = [int(level) for level in re.findall(r"<h(\d)", page)]
    assert levels[0] == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert all("aria-label=" in svg for svg in re.findall(r"<svg[^>]*>", page))
    assert all("aria-label=" in table for table in re.findall(r"<table[^>]*>", page))
    assert "<th>" not in page
    assert page.index('href="#main"') < page.index("<header")
    anchors = set(re.findall(r'href="#([^"]*)"', page))
    assert anchors <= set(re.findall(r' id="([^"]*)"', page))


def test_page_when_it_is_dark_then_every_colour_of_it_has_another_value(page):
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    light, dark = re.findall(r":root \{(.*?)\n\s*\}", style[1], re.DOTALL)[:2]
    names = [re.findall(r"--([\w-]+): (#\w+)", part) for part in (light, dark)]
    assert {name for name, _ in names[0]} == {name for name, _ in names[1]}
    assert not set(names[0]) & set(names[1])
    used = set(re.findall(r"var\(--([\w-]+)\)", page))
    assert {name for name in used if not name.startswith("stage-")} <= {name for name, _ in names[0]}
    body = page.partition("</style>")[2]
    assert not re.findall(r"(?:fill|stroke|color): ?#[0-9a-f]{6}", body)


def test_page_when_there_are_a_thousand_columns_then_all_are_listed_and_it_stays_small(tmp_path):
    warehouse = Warehouse(f"duckdb:///{tmp_path}/w.duckdb")
    fill(warehouse, more=998)
    path = write_report(warehouse, outline(), tmp_path / "r.html")
    shown = section(path.read_text("utf-8"), "columns")
    assert shown.count("<tr>") == 1001
    assert shown.count("<figure>") == 2
    assert path.stat().st_size < 1_200_000


def chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium on PATH")
    return found


def acted(page: str, folder: Path, script: str, *options: str) -> str:
    """Gives the title that a script leaves in a browser that shows the page."""
    path = folder / "acted.html"
    path.write_text(page.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    given = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", f"--user-data-dir={folder / 'user'}"]
    command = [chromium(), *given, *options, "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None, done.stderr
    return unescape(title[1])


def test_table_when_it_is_searched_and_sorted_in_a_browser_then_it_shows_the_rows_asked_for(tmp_path):
    warehouse = Warehouse(f"duckdb:///{tmp_path}/w.duckdb")
    fill(warehouse, more=30)
    page = write_report(warehouse, outline(), tmp_path / "r.html").read_text("utf-8")
    script = """
      const field = document.querySelector("#columns input[type=search]");
      field.value = "sensor_2";
      field.dispatchEvent(new Event("input"));
      const [name] = document.querySelectorAll("#columns thead button");
      name.focus(), document.activeElement.click(), name.click();
      const heads = [...document.querySelectorAll("#columns tbody tr:not([hidden]) th")];
      const said = document.querySelector("#columns output").textContent;
      document.title = [said, name.parentNode.ariaSort, ...heads.map((head) => head.textContent)].join("|");
    """
    expected = ["sensor_29", "sensor_28", "sensor_27", "sensor_26", "sensor_25", "sensor_24", "sensor_23"]
    expected += ["sensor_22", "sensor_21", "sensor_20", "sensor_2"]
    assert acted(page, tmp_path, script).split("|") == ["11 of 32 rows", "descending", *expected]


def test_figures_when_the_browser_prefers_dark_then_they_are_dark_and_nothing_runs_over_the_page(page, tmp_path):
    script = """
      const shade = (colour) => Math.max(...colour.match(/\\d+/g).slice(0, 3).map(Number));
      const of = (pick, what) => shade(getComputedStyle(document.querySelector(pick))[what]);
      const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
      const path = document.querySelector("figure svg path");
      document.title = [of("body", "backgroundColor") < 60, of("body", "color") > 150,
        shade(getComputedStyle(path).fill) < 60, wide].join(" ");
    """
    dark = acted(page, tmp_path, script, "--blink-settings=preferredColorScheme=0", "--window-size=420,900")
    assert dark == "true true true 0"
    light = acted(page, tmp_path, script, "--blink-settings=preferredColorScheme=1", "--window-size=1280,900")
    assert light == "false false false 0"
