"""What is stored is reused while the code behind it says the same, and made anew once it does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ballast.methods.frame import closure
from ballast.orchestration.run.fingerprint import code_version, stage_modules
from tests.orchestration.projects import Project, spec

OWN = '''
from ballast.methods.frame.base import Weigher
from own_parts.helpers import weights_of


class Own(Weigher):
    """Weighs by a number of its own."""

    name = "own_weights"
    reference = "Somebody, 2020"

    def fit(self, X):
        self.weights_ = weights_of(X)
        return self
'''
HELPERS = '"""Of use."""\n\nPOWER = 1.0\n\n\ndef weights_of(X):\n    return abs(X[:, 0]) ** POWER + 0.1\n'


@pytest.fixture
def own(project: Project, tmp_path: Path, monkeypatch) -> Path:
    """The folder of a user's own weigher and its helpers, which the project's pipeline uses."""
    folder = tmp_path / "own_parts"
    folder.mkdir()
    (folder / "weigher.py").write_text(OWN)
    (folder / "helpers.py").write_text(HELPERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    started_anew()
    project.attributes = spec(steps={"density": {"use": "own_parts.weigher.Own"}})
    return folder


def started_anew() -> None:
    """Forgets what this process has read and imported, as a new one would not know it."""
    for name in [name for name in sys.modules if name.startswith("own_parts")]:
        del sys.modules[name]
    for known in vars(closure).values():
        if hasattr(known, "cache_clear"):
            known.cache_clear()


def versions(project: Project) -> tuple[int, int]:
    latest = [project.warehouse.latest(f"demo/{name}") for name in ("train/features", "density")]
    return latest[0].version, latest[1].version


def test_run_again_when_a_helper_of_ones_own_method_changed_then_its_step_alone_is_made_anew(project, own):
    assert project.run().success
    (own / "helpers.py").write_text(HELPERS.replace("Of use.", "Of much use.").replace("1.0\n", "1.0  # no power\n"))
    (own / "weigher.py").write_text(OWN.replace("Weighs by", "Weighs rows by").replace("2020", "2021"))
    started_anew()
    assert project.run().success
    assert versions(project) == (1, 1), "prose alone changed"
    (own / "helpers.py").write_text(HELPERS.replace("POWER = 1.0", "POWER = 2.0"))
    started_anew()
    assert project.run().success
    assert versions(project) == (1, 2)


@pytest.mark.parametrize(
    "params",
    [
        {"classifier": "own_parts.helpers.Classifier"},
        {"classifier": {"use": "own_parts.helpers.Classifier", "params": {}}},
    ],
    ids=["by its text", "nested"],
)
def test_code_version_when_a_parameter_names_a_method_then_its_code_counts(project, own, params):
    classifier = (
        "from sklearn.linear_model import LogisticRegression\n\n\nclass Classifier(LogisticRegression):\n    n = 1\n"
    )
    project.attributes = spec(steps={"drift": {"use": "classifier_two_sample_test", "params": params}})
    (own / "helpers.py").write_text(classifier)
    before = code_version(project.plan, project.plan.nodes["drift"])
    (own / "helpers.py").write_text(classifier.replace("n = 1", "n = 2"))
    started_anew()
    assert code_version(project.plan, project.plan.nodes["drift"]) != before


def test_code_version_when_read_then_the_code_around_the_method_counts():
    """Of every step and of the encoder: what gives arguments, fits with weights, cross-fits and encodes."""
    around = {"common.out_of_sample", "common.weighting", "features.encoder"}
    around |= {"frame.base", "frame.calls", "frame.vocabulary"}
    assert {f"ballast.methods.{module}" for module in around} <= stage_modules()
    assert {"ballast.orchestration.run.stages", "ballast.orchestration.read.sources"} <= stage_modules()
    assert not any("problems" in module or "gate" in module for module in stage_modules())
