"""What is stored is reused while the code behind it says the same, and made anew once it does not."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest

from ballast.methods.frame import closure
from ballast.orchestration.run import distributions, imported
from ballast.orchestration.run.fingerprint import code_version, edited_modules, stage_modules
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
    clear(closure, distributions, imported)


def clear(*modules: ModuleType) -> None:
    """Forgets what some modules have read."""
    for known in (known for module in modules for known in vars(module).values()):
        if hasattr(known, "cache_clear"):
            known.cache_clear()
    for kept in (imported._imports, imported._same):
        kept.clear()


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
    carriers = {"ballast.orchestration.run.stages", "ballast.orchestration.read.sources", "ballast.columns"}
    assert carriers | {"ballast.warehouse.tables.frames"} <= stage_modules()
    assert not any("problems" in module or "gate" in module for module in stage_modules())


def installed(
    folder: Path, name: str, *, version: str = "1", code: str = "", requires: str, local: bool = False
) -> None:
    """Installs a package of one module, from an index or from a folder."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "__init__.py").write_text(code)
    info = folder / f"{name}-1.dist-info"
    info.mkdir(exist_ok=True)
    needed = f"Requires-Dist: {requires}\n" if requires else ""
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}")
    (info / "RECORD").write_text(f"{name}/__init__.py,sha256={hash(code)},{len(code)}\n")
    if local:
        (info / "direct_url.json").write_text('{"url": "file:///somewhere", "dir_info": {}}')


PACKAGES = {
    "nothing": ("direct", {}, {}, True),
    "its version": ("direct", {}, {"version": "2"}, False),
    "the version of what it requires": ("required", {}, {"version": "2"}, False),
    "its files under one version of an index": ("direct", {}, {"code": "A = 1"}, True),
    "its files in a folder": ("direct", {"local": True}, {"local": True, "code": "A = 1"}, False),
}


@pytest.mark.parametrize(("package", "before", "after", "same"), PACKAGES.values(), ids=PACKAGES)
def test_code_version_when_a_package_changes_then_that_of_the_steps_that_use_it_does(
    project, own, tmp_path, monkeypatch, package, before, after, same
):
    site = tmp_path / "site-packages"
    monkeypatch.syspath_prepend(str(site))
    requires = {"direct": "required>=1", "required": ""}
    (own / "helpers.py").write_text("import direct\n\n" + HELPERS)
    project.attributes = spec(steps={"own": {"use": "own_parts.weigher.Own"}, "fair": {"use": "effective_number"}})

    def found(changed: dict[str, Any]) -> list[str]:
        for name, needed in requires.items():
            installed(site, name, requires=needed, **(changed if name == package else {}))
        clear(distributions)
        return [code_version(project.plan, project.plan.nodes[name]) for name in ("own", "fair")]

    (own_before, fair_before), (own_after, fair_after) = found(before), found(after)
    assert (own_before == own_after) is same
    assert fair_before == fair_after


def test_versions_when_read_then_what_computes_counts_and_what_checks_and_reads_does_not():
    def named(use: str) -> set[str]:
        return {told.partition(" ")[0] for told in distributions.versions(use)}

    assert {"numpy", "scipy", "scikit-learn"} <= named("kolmogorov_smirnov")
    assert not {"torch", "skrub", "pydantic"} & named("kolmogorov_smirnov")
    assert named("torch_mlp") - named("kolmogorov_smirnov") == {"torch"}
    assert "skrub" in named("ballast.methods.features.encoder.FeatureEncoder")
    assert {"numpy", "scipy", "joblib"} <= named("sklearn.svm.SVC")


EDITS = {
    "a function": ("helpers.py", "+ 0.1", "+ 0.2"),
    "a constant": ("helpers.py", "POWER = 1.0", "POWER = 2.0"),
    "a default": ("helpers.py", "weights_of(X)", "weights_of(X, more=2.0)"),
    "a negative number": ("helpers.py", "POWER = 1.0", "POWER = -1.0"),
    "a list": ("helpers.py", "POWER = 1.0", "POWER = [1.0][0]"),
    "an attribute of a class": ("weigher.py", 'name = "own_weights"', 'name = "other_weights"'),
}


@pytest.mark.parametrize(("file", "old", "new"), EDITS.values(), ids=EDITS)
def test_module_edited_after_its_import_is_told_once_a_run_and_counts_once_reloaded(project, own, file, old, new):
    first, second, third = (str(uuid4()) for _ in range(3))
    before = code_version(project.plan, project.plan.nodes["density"])
    assert edited_modules(project.plan, first) == []
    path = own / file
    path.write_text(path.read_text().replace(old, new))
    (told,) = edited_modules(project.plan, second)
    assert str(path) in told
    assert "restart the process" in told
    assert edited_modules(project.plan, second) == []
    assert code_version(project.plan, project.plan.nodes["density"]) == before, "the code runs as it was imported"
    for module in ("helpers", "weigher"):
        importlib.reload(sys.modules[f"own_parts.{module}"])
    assert edited_modules(project.plan, third) == []
    assert code_version(project.plan, project.plan.nodes["density"]) != before


def test_step_whose_module_was_edited_since_is_refused_and_others_run(project, own):
    assert project.run("train", "target", "encoder").success
    (own / "helpers.py").write_text(HELPERS.replace("(X)", "(X, more=2.0)"))
    refused = project.run("density")
    assert not refused.success
    assert f"demo/density does not run: {own / 'helpers.py'} was edited after" in refused.messages["density"]
    assert "reload the code location" in refused.messages["density"]
    assert project.warehouse.latest("demo/density") is None
    assert project.run("train", "encoder").success
    (own / "helpers.py").write_text(f"# a remark\n{HELPERS}")
    assert project.run("density").success


def test_step_whose_module_is_edited_while_it_runs_is_not_stored(project, own):
    fit = "        from own_parts.helpers import weights_of\n        Path(HELPERS).write_text(TEXT)\n"
    text = OWN.replace("from own_parts.helpers import weights_of\n", f"HELPERS = {str(own / 'helpers.py')!r}\n")
    text = text.replace("        self.weights_", f"{fit}        self.weights_")
    edited = HELPERS.replace("0.1", "0.2")
    (own / "weigher.py").write_text(f"from pathlib import Path\n{text}\nTEXT = {edited!r}\n")
    assert project.run("train", "target", "encoder").success
    refused = project.run("density")
    assert "helpers.py was edited after" in refused.messages["density"]
    assert project.warehouse.latest("demo/density") is None
    started_anew()
    assert project.run("density").success


def test_attribute_edited_before_anything_was_read_counts_as_it_was_imported(project, own):
    (own / "weigher.py").write_text(OWN.replace("    name =", "    power = 1\n    name ="))
    project.plan.method_of("density")
    written = code_version(project.plan, project.plan.nodes["density"])
    clear(closure, distributions, imported)
    (own / "weigher.py").write_text(OWN.replace("    name =", "    power = 2\n    name ="))
    late = code_version(project.plan, project.plan.nodes["density"])
    started_anew()
    assert len({written, late, code_version(project.plan, project.plan.nodes["density"])}) == 3
