"""What model files call Ballast's own classes: names that stay, and those of models stored before."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ballast.errors import UntrustedModelError
from ballast.methods.features.encoder import FeatureEncoder
from ballast.methods.frame.base import Claim
from ballast.methods.frame.catalogue import methods
from ballast.methods.learners.linear import LogisticRegression, RidgeRegression
from ballast.testing.cases import Case, cases_of
from ballast.testing.world import arguments
from ballast.warehouse import ModelStore, StoredModel
from ballast.warehouse.models import stored_names
from ballast.warehouse.models.old_names import OLD_NAMES
from tests.warehouse.hostile import dict_of, node, put, skops_file

OLD = Path(__file__).with_name("models_of_0_1_0")
STORED: dict[str, dict[str, str]] = json.loads((OLD / "stored.json").read_text())

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
y = np.arange(40) % 2


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def old_model(name: str) -> Any:
    record = STORED[name]
    return ModelStore(OLD).load(StoredModel(**{key: record[key] for key in StoredModel.__dataclass_fields__}))


def schema(store: ModelStore, stored: StoredModel) -> str:
    """Gives what a model's file says besides numbers."""
    path = store.folder / stored.path
    if stored.format == "safetensors":
        data = path.read_bytes()
        return data[8 : 8 + int.from_bytes(data[:8], "little")].decode()
    with zipfile.ZipFile(path) as archive:
        return archive.read("schema.json").decode()


@pytest.mark.parametrize("name", STORED)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_model_when_stored_by_an_earlier_ballast_then_it_gives_what_it_gave(store, name):
    with np.load(OLD / "rows.npz") as rows, np.load(OLD / "given.npz") as given:
        arguments = {**rows, "table": pd.read_parquet(OLD / "table.parquet")}
        before = given[name]
    pairs = [argument.partition("=")[::2] for argument in STORED[name]["arguments"].split()]
    model = old_model(name)
    gives = getattr(model, STORED[name]["call"])(**{argument: arguments[of or argument] for argument, of in pairs})
    np.testing.assert_allclose(gives, before, rtol=1e-5, atol=1e-6)

    stored = store.save("digits/model", 1, model)
    assert "ballast.methods." in STORED[name]["class_name"]
    assert stored.class_name == OLD_NAMES[STORED[name]["class_name"]]
    assert not module_paths(schema(store, stored))


def test_old_models_when_read_then_they_name_every_helper_class_of_then():
    seen = set()
    for record in STORED.values():
        text = schema(ModelStore(OLD), StoredModel(**{key: record[key] for key in StoredModel.__dataclass_fields__}))
        seen |= {name for name in OLD_NAMES if all(f'"{part}"' in text for part in name.rpartition(".")[::2])}
    catalogue = {f"ballast.methods.{name}" for name in methods()}
    assert {old for old, name in OLD_NAMES.items() if name not in catalogue} <= seen


@pytest.mark.parametrize("old", OLD_NAMES)
def test_old_name_when_looked_up_then_a_class_of_today_that_is_stored_by_its_name(old):
    cls = stored_names.class_of(old)
    assert cls is not None
    assert stored_names.stored(stored_names.todays(old)) == OLD_NAMES[old]
    assert stored_names.todays(OLD_NAMES[old]) == f"{cls.__module__}.{cls.__qualname__}"


def test_names_when_taken_together_then_each_is_one_class():
    catalogue = methods()  # by which every module is imported
    declaring = {
        cls: vars(cls)["stored_name"]
        for module in [name for name in sys.modules if name.startswith("ballast.methods.")]
        for cls in vars(sys.modules[module]).values()
        if isinstance(cls, type) and "stored_name" in vars(cls)
    }
    assert FeatureEncoder in declaring
    names = [*catalogue, *declaring.values()]
    assert len(set(names)) == len(names)
    for cls, name in {**declaring, **{cls: name for name, cls in catalogue.items()}}.items():
        assert stored_names.class_of(f"ballast.methods.{name}") is cls
        assert stored_names.stored(f"{cls.__module__}.{cls.__qualname__}") == f"ballast.methods.{name}"


def module_paths(text: str) -> set[str]:
    """Gives the modules below ``ballast.methods`` that a file speaks of."""
    return {name for name in sys.modules if name.startswith("ballast.methods.") and f'"{name}' in text}


CASES = [case for cls in methods().values() for case in cases_of(cls)]
STORABLE = [case for case in CASES if case.cls.role in ("learner", "weigher", "scorer", "transformer")]


@pytest.mark.parametrize("case", STORABLE, ids=lambda case: case.name)
def test_method_when_stored_then_its_file_names_no_module_of_ours(store, case: Case):
    given, fit = arguments(case, n=60, m=50), case.cls.entry_points[0]
    models = [getattr(case.make(), fit)(**{name: given[name] for name in case.needs(fit)})]
    if case.cls.stream_points:
        batch = {name: given[name] for name in case.needs("partial_fit")}
        models.append(case.make().partial_fit(**batch).finalize())
    for version, model in enumerate(models, start=1):
        stored = store.save("digits/model", version, model)
        assert stored.class_name == f"ballast.methods.{case.cls.name}"
        text = schema(store, stored)
        assert f'"{case.cls.name}"' in text or f'\\"ballast.methods.{case.cls.name}\\"' in text
        assert not module_paths(text)


def test_name_when_looked_up_then_only_its_own_module_is_imported():
    code = (
        "import sys; from ballast.warehouse.models import stored_names\n"
        "print(stored_names.class_of('ballast.methods.feature_encoder'), 'ballast.methods.weights' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == f"{FeatureEncoder} False"


class Bolder(LogisticRegression):
    """A method of a user's own project, made of one of Ballast's; it inherits its name."""


def test_users_method_when_stored_then_it_goes_by_its_path_and_needs_trust(store, monkeypatch):
    model, path = Bolder().fit(X, y), f"{__name__}.Bolder"
    with pytest.raises(UntrustedModelError, match=rf"BALLAST_TRUSTED_TYPES={path}"):
        store.save("digits/model", 1, model)
    monkeypatch.setenv("BALLAST_TRUSTED_TYPES", path)
    stored = store.save("digits/model", 1, model)
    assert stored.class_name == path
    assert type(store.load(stored)) is Bolder


def test_model_when_it_holds_a_class_of_ours_without_a_name_then_told_to_give_it_one(store):
    model = LogisticRegression().fit(X, y)
    model.note_ = Claim("", "partly", "")
    nameless = rf"{Claim.__module__}\.Claim"
    with pytest.raises(
        UntrustedModelError, match=rf"LogisticRegression\.note_ needs .*{nameless}.* give {nameless} .*stored_name = "
    ):
        store.save("digits/model", 1, model)


@pytest.mark.parametrize(
    "name",
    [
        "ballast.methods.no_such_method",
        "ballast.methods.",
        "ballast.methods.frame.base",
        "ballast.methods.StandardScaler",
        f"{Claim.__module__}.Claim",
        "ballast.methods.frame.catalogue.resolve",
        "ballast.methods./../../evil.Evil",
        "ballast.methods.a\0b",
        "ballast.methods.a\0b.Evil",
        "ballast.methods.sklearn.linear_model.Ridge",
        "ballast.warehouse.models.ModelStore",
        "kliep",
    ],
)
def test_file_when_it_names_what_is_not_a_named_class_of_ours_then_refused(store, name):
    assert stored_names.class_of(name) is None
    with pytest.raises(UntrustedModelError, match=r"hostile.*not trusted.*none of it was run"):
        store.load(put(store, skops_file(node("ObjectNode", name, content=dict_of()))))


@pytest.mark.parametrize("split", [("ballast", "methods.ridge_regression"), ("ballast.methods", "ridge_regression")])
def test_file_when_it_splits_a_name_elsewhere_then_it_is_the_same_class(store, split):
    fitted = LogisticRegression().fit(X, y)
    stored = store.save("digits/model", 1, fitted)
    with zipfile.ZipFile(store.folder / stored.path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    text = members.pop("schema.json").decode()
    old = '"__class__":"logistic_regression","__module__":"ballast.methods"'
    assert old in text
    module, member = split
    changed = text.replace(old, f'"__class__":"{member}","__module__":"{module}"').encode()
    assert type(store.load(put(store, skops_file(changed, members)))) is RidgeRegression
