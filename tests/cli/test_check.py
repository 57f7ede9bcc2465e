"""``ballast check``: the verdicts for people, for CI by exit code, and as JUnit XML."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pandas as pd
import pytest

from tests.cli.conftest import Folder
from tests.orchestration.projects import rows

IMPOSSIBLE = {"density": [{"expect_effective_sample_size": {"min_share": 0.999}}]}


def test_check_when_all_gates_are_open_exits_with_0(finished: Folder):
    result = finished.ballast("check", "demo")
    assert result.exit_code == 0, result.output
    assert "closed" not in result.output


def test_check_when_a_gate_is_closed_exits_with_1_and_junit_tells_which(finished: Folder):
    declared = (finished.pipeline / "defs.yaml").read_text()
    try:
        finished.declare(gates=IMPOSSIBLE)
        result = finished.ballast("check", "--junit", "out/verdicts.xml")
    finally:
        (finished.pipeline / "defs.yaml").write_text(declared)
    assert result.exit_code == 1, result.output
    (suite,) = ElementTree.parse(finished.path / "out" / "verdicts.xml").getroot()
    cases = suite.findall("testcase")
    assert (suite.get("name"), suite.get("failures"), suite.get("errors")) == ("demo", "1", "0")
    assert int(suite.get("tests", 0)) == len(cases) > 10
    (failed,) = [case for case in cases if case.find("failure") is not None]
    assert (failed.get("classname"), failed.get("name")) == ("demo/density", "expect_effective_sample_size")
    assert "%" in str(failed.find("failure").get("message"))  # pyright: ignore[reportOptionalMemberAccess]


def test_check_counts_open_gates_and_gives_each_other_one_a_full_line(finished: Folder):
    declared = (finished.pipeline / "defs.yaml").read_text()
    try:
        size = {"expect_effective_sample_size": {"min_share": 0.999}}
        warns = {"expect_weight_range": {"max": 0.1, "severity": "warn"}}
        finished.declare(gates={"density": [size, warns]})
        result = finished.ballast("check", "demo")
        only = finished.ballast("check", "demo", "--closed")
    finally:
        (finished.pipeline / "defs.yaml").write_text(declared)
    assert re.search(r"^demo/train +\d+ +\d+ open$|^demo/train +source +\d+ open$", result.stdout, re.MULTILINE)
    assert re.search(r"^demo/density +\d+ +\d+ open, 1 closed, 1 warning$", result.stdout, re.MULTILINE)
    told = only.stdout.splitlines()
    assert told[0].startswith("closed demo/density expect_effective_sample_size: ")
    assert told[1].startswith("warning demo/density expect_weight_range: ")
    assert re.fullmatch(r"demo: \d+ open, 1 closed \(1 with a warning\)", told[2])
    assert len(told) == 3
    assert only.exit_code == result.exit_code == 1


def test_check_reads_sources_as_they_stand_now(finished: Folder):
    path = finished.pipeline / "train.csv"
    table = path.read_bytes()
    try:
        rows(50, seed=1).assign(key="same").to_csv(path, index=False)
        result = finished.ballast("check", "demo")
    finally:
        path.write_bytes(table)
    assert result.exit_code == 1, result.output
    assert "expect_unique" in result.output


def test_check_before_the_pipeline_ran_exits_with_2_and_says_so(folder: Folder):
    junit = folder.path / "verdicts.xml"
    result = folder.ballast("check", "demo", "--junit", str(junit))
    assert result.exit_code == 2, result.output
    (suite,) = ElementTree.parse(junit).getroot()
    messages = {case.get("classname"): case.find("error") for case in suite}
    error = messages["demo/density"]
    assert error is not None
    assert "run the pipeline first" in str(error.get("message"))


def test_check_of_the_spec_alone_reads_no_data_and_names_every_file_that_is_not_there(folder: Folder):
    for name in ("train", "target", "test"):
        (folder.pipeline / f"{name}.csv").write_bytes(b"\xff")  # not a table
    result = folder.ballast("check", "--spec-only")
    assert result.exit_code == 0, result.output
    assert "sound pipelines/demo/defs.yaml: 5 steps" in result.output
    for name in ("train", "test"):
        (folder.pipeline / f"{name}.csv").unlink()
    result = folder.ballast("check", "--spec-only")
    assert result.exit_code == 2
    assert "there is no file 'train.csv'" in result.output
    assert "there is no file 'test.csv'" in result.output


def test_check_of_a_wrong_spec_exits_with_2_and_names_key_and_nearest(folder: Folder):
    folder.declare(steps__density={"use": "density_ratio_classifier", "params": {"n_fold": 3}})
    result = folder.ballast("check", "--spec-only")
    assert result.exit_code == 2, result.output
    assert re.search(r"pipelines/demo/defs.yaml:\d+: steps.density", result.stderr)
    assert "did you mean 'n_folds'?" in result.stderr


def test_check_where_no_pipeline_is_declared_says_where_it_looked(folder: Folder):
    (folder.pipeline / "defs.yaml").unlink()
    result = folder.ballast("check")
    assert result.exit_code == 2
    assert f"no pipeline is declared under {folder.path}" in result.stderr


def test_check_of_a_file_judges_it_in_the_place_of_its_role_alone(finished: Folder, tmp_path):
    good, bad = tmp_path / "good.parquet", tmp_path / "bad.csv"
    rows(50, seed=9, start=9000).to_parquet(good)
    rows(50, seed=9, start=2000).to_csv(bad, index=False)  # the ids of test
    opened = finished.ballast("check", "demo", "--file", f"train={good}")
    assert opened.exit_code == 0, opened.output
    assert "demo/test" not in opened.output
    closed = finished.ballast("check", "demo", "--file", f"train={bad}", "--junit", str(tmp_path / "verdicts.xml"))
    assert closed.exit_code == 1, closed.output
    (suite,) = ElementTree.parse(tmp_path / "verdicts.xml").getroot()
    (failure,) = suite.iter("failure")
    assert "50 of 50 ids of train (100 %) are also in test" in str(failure.get("message"))


def test_check_of_a_file_in_the_place_of_a_step(finished: Folder, tmp_path):
    weights = pd.DataFrame({"sample_id": [f"r{i}" for i in range(200)], "weight": [100.0] + [0.5] * 199})
    weights.to_csv(tmp_path / "weights.csv", index=False)
    result = finished.ballast("check", "demo", "--file", f"density={tmp_path / 'weights.csv'}")
    assert result.exit_code == 1, result.output
    assert "1 closed" in result.output


def test_check_of_stored_sources_leaves_the_files_alone(finished: Folder):
    path = finished.pipeline / "train.csv"
    kept = path.rename(path.with_suffix(".away"))
    try:
        assert finished.ballast("check", "demo").exit_code == 2
        result = finished.ballast("check", "demo", "--stored", "--select", "train", "--select", "density")
    finally:
        kept.rename(path)
    assert result.exit_code == 0, result.output
    assert "demo/train" in result.output
    assert "demo/baseline" not in result.output


def test_check_of_a_partition_judges_that_one_alone(folder: Folder):
    folder.declare(partitions={"column": "colour", "static": ["red", "green"]})
    test = pd.read_csv(folder.pipeline / "test.csv")
    test.loc[test["colour"] == "green", "kind"] = None
    test.to_csv(folder.pipeline / "test.csv", index=False)
    sources = ["--select", "train", "--select", "target", "--select", "test"]
    assert folder.ballast("check", "demo", *sources, "--partition", "red").exit_code == 0
    green = folder.ballast("check", "demo", *sources, "--partition", "green")
    assert green.exit_code == 1, green.output


WRONG = {
    "unknown role": (["demo", "--file", "trian=x.csv"], "did you mean 'train'?"),
    "unknown step": (["demo", "--select", "densty"], "did you mean 'density'?"),
    "no name": (["demo", "--file", "new.csv"], "write NAME=PATH"),
    "no file": (["demo", "--file", "train=nowhere.csv"], "there is no file"),
    "no partitions": (["demo", "--partition", "red"], "no partitions"),
    "nothing to judge": (["demo", "--select", "encoder"], "it has no gate"),
    "report that cannot be written": (["demo", "--spec-only", "--junit", "/proc/none/x.xml"], "choose another --junit"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_check_that_cannot_judge_exits_with_2_and_says_why(finished: Folder, arguments, said):
    result = finished.ballast("check", *arguments)
    assert result.exit_code == 2, result.output
    assert said in " ".join((result.output + result.stderr).replace("│", " ").split())


def test_junit_holds_whatever_stands_in_the_data(folder: Folder, tmp_path):
    rows(50, seed=1).assign(key="\x00\x1b[31m<&>\ud83d".encode("utf-8", "replace").decode()).to_csv(
        folder.pipeline / "train.csv", index=False
    )
    result = folder.ballast("check", "demo", "--select", "train", "--junit", str(tmp_path / "verdicts.xml"))
    assert result.exit_code == 1, result.output
    (suite,) = ElementTree.parse(tmp_path / "verdicts.xml").getroot()
    assert any("<&>" in str(failure.get("message")) for failure in suite.iter("failure"))
