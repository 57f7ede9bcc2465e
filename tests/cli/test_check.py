"""``ballast check``: the verdicts for people, for CI by exit code, and as JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree

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


def test_check_of_the_spec_alone_needs_no_data(folder: Folder):
    for name in ("train", "target", "test"):
        (folder.pipeline / f"{name}.csv").unlink()
    result = folder.ballast("check", "--spec-only")
    assert result.exit_code == 0, result.output
    assert "sound pipelines/demo/defs.yaml: 5 steps" in result.output


def test_check_of_a_wrong_spec_exits_with_2_and_names_key_and_nearest(folder: Folder):
    folder.declare(steps__density={"use": "density_ratio_classifier", "params": {"n_fold": 3}})
    result = folder.ballast("check", "--spec-only")
    assert result.exit_code == 2, result.output
    assert "pipelines/demo/defs.yaml: steps.density" in result.stderr
    assert "did you mean 'n_folds'?" in result.stderr


def test_check_where_no_pipeline_is_declared_says_where_it_looked(folder: Folder):
    (folder.pipeline / "defs.yaml").unlink()
    result = folder.ballast("check")
    assert result.exit_code == 2
    assert f"no pipeline is declared under {folder.path}" in result.stderr
