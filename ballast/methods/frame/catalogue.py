"""The catalogue: every method in Ballast, found by looking, never by a list kept by hand."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from ballast.errors import ParameterError, nearest
from ballast.methods.frame.base import Method
from ballast.methods.frame.claims import figure_of
from ballast.methods.frame.closure import is_standard
from ballast.methods.frame.index import index
from ballast.methods.frame.parameters import check_names, check_values

if TYPE_CHECKING:
    import pandas as pd


@cache
def methods() -> Mapping[str, type[Method]]:
    """Gives all methods of the rooms by name, sorted; every room is imported."""
    return {name: entry.load() for name, entry in index().items()}


def exports(package: str) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Gives ``__all__``, ``__getattr__`` and ``__dir__`` of a room, which hold its methods' classes.

    A class is imported when it is asked for, and no list of them is kept by hand.
    """
    classes = {e.class_name: e for e in index().values() if e.module.startswith(f"{package}.")}

    def get(name: str) -> Any:
        if name not in classes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}{nearest(name, classes)}")
        return classes[name].load()

    return sorted(classes), get, lambda: sorted(classes)


def resolve(use: str) -> type[Any]:
    """Gives the class for a catalogue name, or for the import path of a scikit-learn-compatible class.

    Raises ParameterError naming the nearest method, or what of the path could not be imported.
    """
    if "." not in use:
        if use not in index():
            raise ParameterError(
                f"unknown method {use!r}{nearest(use, index())} (`ballast catalog` lists all; an import path such as "
                "'sklearn.linear_model.Ridge' works too)"
            )
        try:
            return index()[use].load()
        except ImportError as error:
            raise ParameterError(f"the method {use!r} cannot be imported: {error}; install what it needs") from error
    module_name, _, class_name = use.rpartition(".")
    if is_standard(module_name.partition(".")[0]):  # importing some of it opens a browser or runs tests
        raise ParameterError(f"{use!r} is of Python's standard library, which has no scikit-learn-compatible class")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, ValueError, TypeError) as error:  # the last two for paths such as ".Ridge"
        raise ParameterError(f"cannot import {use!r}: {error}; install its package or correct the path") from error
    if not hasattr(module, class_name):
        public = [n for n in dir(module) if not n.startswith("_")]
        raise ParameterError(f"{module_name!r} has no class {class_name!r}{nearest(class_name, public)}")
    cls = getattr(module, class_name)
    if not (inspect.isclass(cls) and hasattr(cls, "get_params")):
        raise ParameterError(f"{use!r} is not a scikit-learn-compatible class (it has no get_params)")
    return cls


def method(use: str, /, **parameters: Any) -> Any:
    """Makes a method by its name in the catalogue, or another class by its import path.

    Parameters
    ----------
    use : str
        "kliep", say; or the path of a class with scikit-learn's interface, "sklearn.linear_model.Ridge".
    **parameters : object
        Those of the class; the catalogue's methods check them here.

    Returns
    -------
    Method, or estimator of scikit-learn's
        Not fitted yet.

    Raises
    ------
    ParameterError
        For an unknown name or parameter, or a value out of range; it names the valid ones.

    Examples
    --------
    >>> import ballast
    >>> ballast.method("kliep", n_centers=200)
    KLIEP(n_centers=200)
    """
    return made(resolve(use), use, parameters)


def made(cls: type[Any], use: str, parameters: Mapping[str, Any]) -> Any:
    """Gives an object of a class that `use` stands for; ParameterError as ``method`` raises it."""
    check_names(cls, parameters, use)
    if issubclass(cls, Method):
        check_values(cls, parameters, use)
    return cls(**parameters)


def role_of(cls: type) -> str:
    """Gives the role of a class: a method's own, or the one that its scikit-learn interface shows."""
    if issubclass(cls, Method):
        if not cls.entry_points:
            raise ParameterError(
                f"{cls.name} is a part of a learner's training, so no step can use it alone; name it as a parameter of "
                f"a learner such as torch_mlp: `sampling: {{use: ...}}` or `regularizer: {{use: ...}}`"
            )
        return cls.role
    if hasattr(cls, "fit_resample"):
        return "sampler"
    if hasattr(cls, "fit") and hasattr(cls, "predict"):
        return "learner"
    raise ParameterError(
        f"{cls.__module__}.{cls.__name__} is neither a learner (fit, predict) nor a sampler (fit_resample), "
        "so no step can use it"
    )


def catalog() -> pd.DataFrame:
    """Gives the cards of all methods.

    Returns
    -------
    DataFrame
        One row a method: name, role, room, class, summary, reference, survey_ids, claim, verdict, figure.

    Examples
    --------
    >>> import ballast
    >>> cards = ballast.catalog().set_index("name")
    >>> cards.loc["kliep", ["role", "room"]].tolist()
    ['weigher', 'weights']
    """
    import pandas as pd

    rows = []
    for name, cls in methods().items():
        claim = cls.claim
        rows.append(
            {
                "name": name,
                "role": cls.role,
                "room": cls.room(),
                "class": f"{cls.__module__}.{cls.__name__}",
                "summary": (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " "),
                "reference": cls.reference,
                "survey_ids": ", ".join(cls.survey_ids),
                "claim": claim.text if claim else "",
                "verdict": claim.verdict if claim else "",
                "figure": figure_of(cls),
            }
        )
    return pd.DataFrame(rows)
