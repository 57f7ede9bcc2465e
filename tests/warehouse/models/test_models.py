"""Models as files without code: what goes in comes out, and what could harm does not."""

from __future__ import annotations

import hashlib
import pickle
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skrub
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from ballast.errors import ModelStoreError, UntrustedModelError
from ballast.methods.features.encoder import FeatureEncoder
from ballast.methods.learners.torch_mlp import TorchMLP
from ballast.warehouse import ModelStore, StoredModel

X, y = make_classification(80, 5, random_state=0)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture(scope="module")
def mixed() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.normal(size=60),
            "colour": rng.choice(["red", "green", "blue"], 60),
            "note": [f"word{i} and word{i % 7}" for i in range(60)],
            "day": pd.date_range("2026-01-01", periods=60, freq="D"),
            "member": rng.random(60) > 0.5,
            "grade": pd.Categorical(rng.choice(["a", "b"], 60)),
        }
    )
    frame.loc[3, ["age", "colour"]] = None
    return frame


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
        RandomForestClassifier(3, random_state=0),
        HistGradientBoostingClassifier(max_iter=3),
        KNeighborsClassifier(algorithm="kd_tree"),
        KNeighborsClassifier(algorithm="ball_tree", metric="manhattan"),
        CalibratedClassifierCV(SVC(), cv=2),
        GaussianProcessClassifier(RBF() + WhiteKernel()),
        make_pipeline(StandardScaler(), MLPClassifier(max_iter=300)),
        make_pipeline(FunctionTransformer(np.tanh), LogisticRegression()),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_sklearn_model_when_stored_then_predicts_the_same(store, model):
    labels = np.array(["no", "yes"])[y]
    stored = store.save("digits/model", 1, model.fit(X, labels))
    assert stored.format == "skops"
    back = store.load(stored)
    assert type(back) is type(model)
    np.testing.assert_array_equal(back.predict(X), model.predict(X))


@pytest.mark.parametrize(
    "encoder",
    [
        make_pipeline(skrub.TableVectorizer(), SimpleImputer(), StandardScaler()),
        skrub.TableVectorizer(high_cardinality=skrub.GapEncoder(n_components=2), cardinality_threshold=5),
        skrub.TableVectorizer(high_cardinality=skrub.MinHashEncoder(n_components=4), cardinality_threshold=5),
        skrub.TableVectorizer(low_cardinality=OneHotEncoder(sparse_output=False, handle_unknown="ignore")),
        FeatureEncoder(),
        FeatureEncoder(text="note"),
        FeatureEncoder(text="note", text_method="tfidf"),
    ],
    ids=["string", "gap", "minhash", "onehot", "ours", "ours-hashing", "ours-tfidf"],
)
def test_encoder_when_stored_then_transforms_the_same(store, mixed, encoder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # skrub warns of columns it makes nothing of
        encoder.fit(mixed)
        back = store.load(store.save("digits/encoder", 1, encoder))
        np.testing.assert_array_equal(np.asarray(back.transform(mixed)), np.asarray(encoder.transform(mixed)))


@pytest.mark.parametrize("vectorizer", [TfidfVectorizer(), HashingVectorizer(n_features=16)])
def test_text_vectorizer_when_stored_then_transforms_the_same(store, mixed, vectorizer):
    vectorizer.fit(mixed.note)
    back = store.load(store.save("digits/encoder", 1, vectorizer))
    assert (back.transform(mixed.note) != vectorizer.transform(mixed.note)).nnz == 0


@pytest.mark.parametrize("target", [y, np.array(["no", "yes"])[y], X[:, 0]], ids=["numbers", "texts", "regression"])
def test_torch_model_when_stored_then_predicts_the_same(store, target):
    model = TorchMLP(max_epochs=2, random_state=0).fit(X.astype(np.float32), target)
    stored = store.save("digits/model", 1, model)
    assert stored.format == "safetensors"
    assert stored.class_name == "ballast.methods.torch_mlp"
    np.testing.assert_array_equal(store.load(stored).predict(X.astype(np.float32)), model.predict(X.astype(np.float32)))


AGAIN = """
import sys, warnings
from ballast.warehouse import ModelStore, StoredModel
warnings.simplefilter("ignore")
store = ModelStore(sys.argv[1])
stored = StoredModel(*sys.argv[2:])
print(store.save("digits/again", 1, store.load(stored)).sha256)
"""


@pytest.mark.parametrize(
    "model",
    [
        skrub.TableVectorizer(),
        make_pipeline(OneHotEncoder(), RandomForestClassifier(2)),
        FunctionTransformer(np.tanh, kw_args={"test_elements": {"red", "green", "blue", ("a", 1), ("b", 2), 7}}),
    ],
    ids=["vectorizer", "forest", "set"],
)
def test_model_when_stored_again_elsewhere_then_its_bytes_are_the_same(store, mixed, model, process):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(mixed[["colour", "note"]], mixed.member)
    stored = store.save("digits/model", 1, model)
    data = (store.folder / stored.path).read_bytes()
    again = process(AGAIN, store.folder, stored.path, stored.sha256, stored.format, stored.class_name)
    told, errors = again.communicate(timeout=180)  # with another seed for hashes, and other addresses
    assert told.strip() == stored.sha256, errors
    assert store.save("digits/model", 1, model) == stored
    with zipfile.ZipFile(store.folder / stored.path) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        inflated = sum(info.file_size for info in archive.infolist())
    assert len(data) < inflated


def test_encoder_when_stored_then_a_fraction_of_what_skops_writes(store, mixed):
    import skops.io

    encoder = FeatureEncoder().fit(mixed)
    stored = store.save("digits/encoder", 1, encoder)
    assert (store.folder / stored.path).stat().st_size < 0.03 * len(skops.io.dumps(encoder))


def test_models_when_many_then_each_is_a_file_of_its_own(store):
    fitted = [LogisticRegression(C=c).fit(X, y) for c in (0.1, 1.0, 10.0)]
    stored = [
        store.save("digits/model", 1, fitted[0]),
        store.save("digits/model", 2, fitted[1]),
        store.save("digits/model", 3, fitted[2], partition="../../north"),
    ]
    assert [store.load(one).C for one in stored] == [0.1, 1.0, 10.0]
    assert store.load(("digits/model", 3, "../../north"), sha256=stored[2].sha256).C == 10.0
    assert all((store.folder / one.path).resolve().is_relative_to(store.folder) for one in stored)
    assert len([path for path in store.folder.rglob("*") if path.is_file()]) == 3


@pytest.mark.parametrize("asset", ["../x/y", "a/..", "a/" + "ü" * 300, "a b/c:d|e*?"])
def test_names_when_hostile_then_the_file_stays_in_the_store(store, asset):
    stored = store.save(asset, 1, LogisticRegression().fit(X, y))
    assert store.load(stored).C == 1.0
    assert {path.name for path in store.folder.parent.iterdir()} == {"models"}


def test_load_when_no_sha256_is_known_then_asked_for(store):
    store.save("digits/model", 1, LogisticRegression().fit(X, y))
    with pytest.raises(ModelStoreError, match="pass sha256="):
        store.load(("digits/model", 1, None))


def test_load_when_the_file_is_gone_then_the_path_is_named(store):
    stored = store.save("digits/model", 1, LogisticRegression().fit(X, y))
    (store.folder / stored.path).unlink()
    with pytest.raises(ModelStoreError, match=r"no model at .*run its step again"):
        store.load(stored)


def test_load_when_the_path_leads_out_of_the_store_then_refused(store, tmp_path):
    (tmp_path / "secret.skops").write_bytes(b"x")
    with pytest.raises(ModelStoreError, match="outside the model store"):
        store.load(StoredModel("../secret.skops", hashlib.sha256(b"x").hexdigest(), "skops", "x"))


@pytest.mark.parametrize("model", [LogisticRegression(), TorchMLP(max_epochs=1)], ids=["skops", "safetensors"])
@pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda data: b"", lambda data: data[:-1] + b"!"])
def test_load_when_the_file_was_cut_or_changed_then_refused(store, model, damage):
    stored = store.save("digits/model", 1, model.fit(X.astype(np.float32), y))
    path = store.folder / stored.path
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelStoreError, match="not the model that was stored"):
        store.load(stored)
    told = replace(stored, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    if damage(b"x" * 40) != b"x" * 39 + b"!":  # a changed last byte is for the hash alone to find
        with pytest.raises(ModelStoreError, match=r"none of it was run"):
            store.load(told)


def test_load_when_the_file_was_swapped_for_another_model_then_refused(store):
    first = store.save("digits/model", 1, LogisticRegression().fit(X, y))
    second = store.save("digits/model", 2, LogisticRegression(C=9).fit(X, y))
    (store.folder / second.path).replace(store.folder / first.path)
    with pytest.raises(ModelStoreError, match="swapped"):
        store.load(first)


class Bomb:
    """A pickle of this makes a file; so does any other way of running its `__reduce__`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("kind", ["skops", "safetensors"])
def test_load_when_the_file_is_a_pickle_then_refused_and_not_run(store, tmp_path, kind):
    data = pickle.dumps(Bomb(tmp_path / "exploded"))
    path = store.folder / "digits" / f"1.{kind}"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    with pytest.raises(ModelStoreError, match="none of it was run"):
        store.load(StoredModel(f"digits/1.{kind}", hashlib.sha256(data).hexdigest(), kind, "x"))
    assert not (tmp_path / "exploded").exists()


def _with_renamed_type(path: Path, old: tuple[str, str], new: tuple[str, str]) -> str:
    """Rewrites a skops file so that it asks for another type; gives the new sha256."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    schema = members["schema.json"].decode()
    assert f'"{old[0]}"' in schema
    members["schema.json"] = schema.replace(f'"{old[0]}"', f'"{new[0]}"').replace(f'"{old[1]}"', f'"{new[1]}"').encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("Popen", "subprocess"),
        ("system", "os"),
        ("import_module", "ballast.methods.frame.catalogue"),  # merely imported there
        ("Bomb", "ballast.methods.no_such_module"),
        ("method", "ballast.methods.frame.catalogue"),  # ours, but no class
        ("ModelStore", "ballast.warehouse.models.store"),
    ],
)
def test_load_when_the_file_asks_for_a_harmful_type_then_named_and_not_run(store, name, module):
    stored = store.save("digits/model", 1, LogisticRegression().fit(X, y))
    old = ("LogisticRegression", "sklearn.linear_model._logistic")
    sha256 = _with_renamed_type(store.folder / stored.path, old, (name, module))
    with pytest.raises(UntrustedModelError, match=rf"{module}\.{name}.*none of it was run.*BALLAST_TRUSTED_TYPES"):
        store.load(replace(stored, sha256=sha256))


def test_load_when_a_tensor_file_names_a_class_that_is_not_ours_then_refused(store):
    from safetensors.numpy import save

    data = save({"a": np.zeros(1)}, metadata={"ballast": '{"class": "subprocess.Popen", "declaration": ["ls"]}'})
    store.folder.mkdir()
    (store.folder / "x.safetensors").write_bytes(data)
    with pytest.raises(UntrustedModelError, match=r"subprocess\.Popen is not a class under ballast\.methods"):
        store.load(StoredModel("x.safetensors", hashlib.sha256(data).hexdigest(), "safetensors", "x"))


class Doubler(BaseEstimator):
    """An estimator of a user's own project."""

    def __init__(self, by: float = 2.0) -> None:
        self.by = by


def test_users_own_type_when_not_allowed_then_named_with_the_remedy_and_else_stored(store, monkeypatch):
    model = make_pipeline(StandardScaler(), Doubler(3.0))
    name = f"{__name__}.Doubler"
    with pytest.raises(UntrustedModelError, match=rf"Pipeline\.steps\[1\]\[1\] needs .*BALLAST_TRUSTED_TYPES={name}"):
        store.save("digits/model", 1, model)
    assert not store.folder.exists()
    monkeypatch.setenv("BALLAST_TRUSTED_TYPES", f"some.Other, {name}")
    stored = store.save("digits/model", 1, model)
    assert store.load(stored).steps[1][1].by == 3.0
    monkeypatch.delenv("BALLAST_TRUSTED_TYPES")
    with pytest.raises(UntrustedModelError, match="Doubler"):
        store.load(stored)


def test_model_when_it_holds_a_lambda_then_the_attribute_is_named(store):
    model = make_pipeline(FunctionTransformer(lambda values: values * 2), LogisticRegression())
    with pytest.raises(
        ModelStoreError, match=r"Pipeline\.steps\[0\]\[1\]\.func holds <function .*lambda.*defines by name"
    ):
        store.save("digits/model", 1, model.fit(X, y))


def test_model_when_it_holds_an_open_file_then_the_attribute_is_named(store, tmp_path):
    model = LogisticRegression().fit(X, y)
    with (tmp_path / "log").open("w") as file:
        model.log_ = {"file": file}
        with pytest.raises(ModelStoreError, match=r"LogisticRegression\.log_\['file'\]"):
            store.save("digits/model", 1, model)


def test_folder_when_it_cannot_be_written_then_the_path_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelStoreError, match=f"cannot write the model to {tmp_path}/file"):
        ModelStore(tmp_path / "file").save("digits/model", 1, LogisticRegression().fit(X, y))
