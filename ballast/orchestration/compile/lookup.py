"""What each `use` of a pipeline stands for: looked up once, and with care, for importing a module runs it."""

from __future__ import annotations

import re
from typing import Any

from sklearn.utils.validation import has_fit_parameter

from ballast.errors import BallastError, ParameterError
from ballast.methods.frame.catalogue import role_of
from ballast.methods.frame.nested import nested_uses
from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.plan.outside import resolve
from ballast.orchestration.plan.plan import PREDICTION, PROMOTION, build_method
from ballast.words import shown

_USE = re.compile(r"(?!__)[A-Za-z_]\w*(\.(?!__)[A-Za-z_]\w*)*")  # no __main__, whose import runs a program
_LONGEST = 300


def class_of(use: Any) -> type[Any]:
    """Gives the class for a catalogue name or an import path.

    Raises ParameterError for what is neither, and for whatever the import of another package raises or ends with.
    """
    if not isinstance(use, str) or not _USE.fullmatch(use) or len(use) > _LONGEST:
        raise ParameterError(
            f"{shown(use)} is not a method: use a name from `ballast catalog` or an import path, package.Class"
        )
    try:
        return resolve(use)
    except BallastError:
        raise
    except (Exception, SystemExit) as error:
        raise ParameterError(f"cannot import {use!r}: {type(error).__name__}: {error}") from error


def check_encoder(draft: Draft) -> None:
    with draft.noting():
        _check_encoder(draft)


def _check_encoder(draft: Draft) -> None:
    features = draft.spec.features
    if features.use is None:
        if features.weights is not None:
            raise draft.fault("features.weights", "weights are for the transformer that `features.use` names; name one")
        return
    cls = _class_at(draft, features.use, "features.use")
    if not hasattr(cls, "transform"):
        raise draft.fault("features.use", f"{features.use!r} is not a transformer: it has no transform")
    if features.weights is not None and not has_fit_parameter(cls, "sample_weight"):
        raise draft.fault("features.weights", f"{features.use} takes no weights (sample_weight); leave them out")
    _object_of(draft, features.use, features.params, cls, "features.params")


def look_up_methods(draft: Draft) -> None:
    """Makes an object of each step's method, which checks its parameters, and keeps it.

    A step that predicts or promotes has none: the models of others do its work.
    """
    for name, step in draft.steps.items():
        if step.predict is not None:
            draft.roles[name] = PREDICTION
            continue
        if step.promote is not None:
            draft.roles[name] = PROMOTION
            continue
        with draft.noting(name):
            cls = _class_at(draft, step.use, f"steps.{name}.use")
            try:
                role = role_of(cls)
            except BallastError as error:
                raise draft.fault(f"steps.{name}.use", str(error)) from error
            if role == "transformer":
                raise draft.fault(
                    f"steps.{name}.use",
                    f"{step.use} makes features, which is not a step; name it under `features: use:`",
                )
            draft.methods[name] = _object_of(draft, step.use, step.params, cls, f"steps.{name}.params")
            draft.roles[name] = role


def _object_of(draft: Draft, use: str, params: dict[str, Any], cls: type[Any], where: str) -> Any:
    """Gives an object of a class with the parameters under the key `where`, those nested in them looked up too."""
    for key, nested in nested_uses(params, where):
        if not isinstance(nested.get("params", {}), dict):
            raise draft.fault(key, f"a method is {{use: name, params: {{...}}}}, got {shown(nested)}")
        _class_at(draft, nested["use"], f"{key}.use")
    try:
        return build_method(use, params, seed=draft.spec.seed, cls=cls)
    except Exception as error:  # a method of another package may raise anything of its parameters
        raise draft.fault(where, str(error) or type(error).__name__) from error


def _class_at(draft: Draft, use: Any, key: str) -> type[Any]:
    try:
        return class_of(use)
    except BallastError as error:
        raise draft.fault(key, str(error)) from error
