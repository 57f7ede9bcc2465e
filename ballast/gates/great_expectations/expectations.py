"""Ballast's expectations as classes of Great Expectations, for suites of one's own.

    from ballast.gates.great_expectations.expectations import ExpectEffectiveSampleSize

    suite.add_expectation(ExpectEffectiveSampleSize(min_share=0.2))
    batch.validate(suite)

They judge batches of pandas frames; a result's ``observed_value`` says what was seen, its ``details`` hold the figures.
Importing this imports Great Expectations (3 to 5 s) and registers them with it, so that stored suites load again. A
pipeline's gates need neither. `with_context` gives the rest to those that look beyond the table they judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic.v1 import root_validator

from ballast.errors import DataError
from ballast.gates.context import GateContext, StaticContext
from ballast.gates.judge import plain
from ballast.gates.own.form import Own
from ballast.gates.suite import OWN, worded
from ballast.methods.frame.moved import renamed

_ALONE = StaticContext()
_context: ContextVar[GateContext] = ContextVar("context", default=_ALONE)


@contextmanager
def with_context(context: GateContext) -> Iterator[None]:
    """Gives the expectations validated in the block a context: what stands beside their table.

    Such as ``StaticContext(id="key", stored_ids={"train": ids})``.
    """
    token = _context.set(context)
    try:
        yield
    finally:
        _context.reset(token)


def _class_of(own: type[Own]) -> type[BatchExpectation]:
    fields = {field.alias or name: field for name, field in own.model_fields.items()}

    def given(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: values[name] for name in fields if values.get(name) is not None}

    def checked(cls: type, values: dict[str, Any]) -> dict[str, Any]:
        found = given(values)
        if not any(isinstance(value, dict) and "$PARAMETER" in value for value in found.values()):
            try:
                own.model_validate(found)
            except ValidationError as error:
                raise ValueError(worded(error)) from error
        return values

    def validate(self: BatchExpectation, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None):
        if not isinstance(execution_engine, PandasExecutionEngine):
            raise DataError(f"{own.type()} judges pandas batches, not {type(execution_engine).__name__}")
        frame = execution_engine.get_domain_records({"batch_id": self.batch_id})
        outcome = own.model_validate(given(vars(self))).outcome(frame, _context.get())
        details = {name: plain(value) for name, value in outcome.observed.items()}
        return {"success": bool(outcome.passed), "result": {"observed_value": outcome.message, "details": details}}

    body = {
        "__module__": __name__,
        "__doc__": own.__doc__,
        "__annotations__": dict.fromkeys(fields, Any),
        **{name: _default(field) for name, field in fields.items()},
        "success_keys": tuple(fields),
        "_checked": root_validator(allow_reuse=True, skip_on_failure=True)(checked),
        "_validate": validate,
    }
    return type(BatchExpectation)(own.__name__, (BatchExpectation,), body)


def _default(field: FieldInfo) -> Any:
    return ... if field.is_required() else field.default


_CLASSES = {own.__name__: _class_of(own) for own in OWN.values()}
__all__ = ["with_context", *_CLASSES]  # pyright: ignore[reportUnsupportedDunderAll]
_former = renamed(__name__, {"beside": "with_context"})


def __getattr__(name: str) -> Any:
    if name == "beside":
        return _former(name)
    if name not in _CLASSES:
        raise AttributeError(f"{__name__} has no {name!r}; it has {', '.join(__all__)}")
    return _CLASSES[name]
