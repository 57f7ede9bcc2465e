"""The catalogue finds methods by looking, and makes them by name or import path."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
import textwrap

import pandas as pd
import pytest
from sklearn.linear_model import Ridge

import ballast
import ballast.methods
from ballast.errors import ParameterError
from ballast.methods.frame.base import Method
from ballast.methods.frame.catalogue import catalog, exports, index, method, methods, resolve, role_of

ONE_METHOD = """
    from ballast.methods.frame.base import Claim, Weigher
    from ballast.methods.frame.parameters import Count

    class Everywhere(Weigher):
        \"\"\"Gives every row the same weight.\n\n        The rest of the card.\"\"\"

        name = "everywhere"
        reference = "Nobody (2024). Nothing."
        survey_ids = ("W-1", "W-2")
        claim = Claim("Beats nothing.", "by definition", "none")

        def __init__(self, n_rounds: Count = 1) -> None:
            self.n_rounds = n_rounds

        def fit(self, X):
            self.weights_ = X[:, 0] ** 0
            return self

    class _Helper(Everywhere):
        pass
"""


def test_new_class_in_a_room_when_the_catalogue_is_read_then_listed_with_its_card(room):
    room("uniform", ONE_METHOD)
    card = catalog().set_index("name").loc["everywhere"]
    assert card.to_dict() == {
        "role": "weigher",
        "room": "extra",
        "class": "ballast.methods.extra.uniform.Everywhere",
        "summary": "Gives every row the same weight.",
        "reference": "Nobody (2024). Nothing.",
        "survey_ids": "W-1, W-2",
        "claim": "Beats nothing.",
        "verdict": "by definition",
        "figure": "none",
    }
    assert method("everywhere", n_rounds=3).get_params() == {"n_rounds": 3}


def test_two_methods_of_one_name_when_the_catalogue_is_read_then_both_classes_are_named(room):
    room("uniform", ONE_METHOD)
    room("copy", ONE_METHOD)
    with pytest.raises(TypeError, match=r"two methods are named 'everywhere'.*extra\.copy.*extra\.uniform"):
        methods()


def test_module_that_cannot_be_imported_when_another_method_is_made_then_only_its_own_name_is_refused(room):
    room("broken", "import a_package_that_is_not_there" + textwrap.dedent(ONE_METHOD))
    assert resolve("kliep").__name__ == "KLIEP"
    assert "everywhere" in index()
    with pytest.raises(ParameterError, match=r"'everywhere' cannot be imported.*a_package_that_is_not_there"):
        method("everywhere")
    with pytest.raises(ModuleNotFoundError, match="a_package_that_is_not_there"):
        methods()


def test_index_when_every_module_is_imported_then_names_the_same_classes():
    found = {}
    for info in pkgutil.walk_packages(ballast.methods.__path__, "ballast.methods."):
        module = importlib.import_module(info.name)
        for _, cls in inspect.getmembers(module, inspect.isclass):
            if issubclass(cls, Method) and cls.__module__ == info.name and cls.__dict__.get("name"):
                found[cls.name] = cls
    assert found == dict(methods())


def test_resolve_when_a_name_is_given_then_no_other_method_is_imported():
    code = (
        "import sys; from ballast.methods.frame.catalogue import index, resolve; resolve('kliep'); "
        "print([e.module for e in index().values() if e.module in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['ballast.methods.weights.ratio.kliep']"


def test_room_when_asked_for_a_class_then_gives_the_catalogues_and_lists_them_all():
    names, get, listed = exports("ballast.methods.weights")
    assert get("KLIEP") is resolve("kliep")
    assert set(names) <= set(listed())
    assert set(names) == {c.__name__ for c in methods().values() if c.room() == "weights"}
    with pytest.raises(AttributeError, match="no attribute 'KLEIP', did you mean 'KLIEP'"):
        get("KLEIP")


def test_public_names_when_imported_from_ballast_then_are_the_catalogues():
    assert ballast.method is method
    assert isinstance(ballast.catalog(), pd.DataFrame)


def test_unknown_method_when_made_then_nearest_is_named(room):
    room("uniform", ONE_METHOD)
    with pytest.raises(ParameterError, match="unknown method 'everywere', did you mean 'everywhere'"):
        method("everywere")


def test_parameters_when_unknown_or_out_of_range_then_refused_as_the_method_is_made(room):
    room("uniform", ONE_METHOD)
    with pytest.raises(ParameterError, match="everywhere has no parameter 'rounds', did you mean 'n_rounds'"):
        method("everywhere", rounds=3)
    with pytest.raises(ParameterError, match="everywhere: parameter 'n_rounds' must be a whole number >= 1, got 0"):
        method("everywhere", n_rounds=0)


def test_import_path_when_given_then_the_class_is_made_with_its_parameters():
    ridge = method("sklearn.linear_model.Ridge", alpha=2.0)
    assert isinstance(ridge, Ridge)
    assert ridge.alpha == 2.0
    with pytest.raises(
        ParameterError, match=r"sklearn\.linear_model\.Ridge has no parameter 'alhpa', did you mean 'alp"
    ):
        method("sklearn.linear_model.Ridge", alhpa=2.0)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("sklearn.linear_model.Rigde", "'sklearn.linear_model' has no class 'Rigde', did you mean 'Ridge'?"),
        ("sklearn.linear_models.Ridge", "cannot import 'sklearn.linear_models.Ridge': No module named"),
        (".Ridge", "cannot import '.Ridge'"),
        ("..Ridge", "cannot import '..Ridge'"),
        ("pandas.DataFrame", "'pandas.DataFrame' is not a scikit-learn-compatible class"),
        ("sklearn.model_selection.train_test_split", "is not a scikit-learn-compatible class"),
    ],
)
def test_import_path_when_it_leads_nowhere_then_says_what_is_wrong(path, message):
    with pytest.raises(ParameterError) as caught:
        resolve(path)
    assert message in str(caught.value)


def test_role_of_a_class_from_elsewhere_when_asked_then_read_from_its_interface():
    class Resampler:
        def fit_resample(self, X, y):
            return X, y

    assert role_of(Ridge) == "learner"
    assert role_of(Resampler) == "sampler"
    with pytest.raises(ParameterError, match="StandardScaler is neither a learner"):
        role_of(resolve("sklearn.preprocessing.StandardScaler"))


def test_catalog_when_read_then_one_row_a_method_sorted_by_name():
    frame = catalog()
    columns = ["name", "role", "room", "class", "summary", "reference", "survey_ids", "claim", "verdict", "figure"]
    assert list(frame.columns) == columns
    assert frame["name"].tolist() == sorted(methods())
    assert all(issubclass(cls, Method) for cls in methods().values())


def test_rooms_when_imported_then_heavy_packages_are_not_loaded():
    code = """
        import sys, ballast
        assert "numpy" not in sys.modules, "ballast alone loads numpy"
        from ballast.methods.frame.catalogue import methods
        methods()
        heavy = ["torch", "dagster", "duckdb", "great_expectations", "matplotlib", "skrub", "skops", "typer"]
        print(",".join(sorted(set(heavy) & set(sys.modules))))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("use", ["antigravity.Model", "test.autotest.Model", "idlelib.idle.Model", "os.path.Path"])
def test_path_of_the_standard_library_is_refused_before_it_is_imported(use: str):
    module = use.rpartition(".")[0]
    loaded = module in sys.modules
    with pytest.raises(ParameterError, match="is of Python's standard library"):
        resolve(use)
    assert (module in sys.modules) is loaded
