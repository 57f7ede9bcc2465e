"""What every method of the catalogue keeps to, whatever it computes.

Each check is a function ``check_<name>(case)`` here and a test ``<method>-<name>`` for every method it applies to. A
method that cannot keep to one says so in its ``conformance_exceptions``, with the reason; the test then expects it to
fail, and complains when it does not.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from ballast.errors import BallastError, DataError, ParameterError
from ballast.methods.frame.parameters import defaults
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.warehouse.models.store import ModelStore
from tests.methods import conformance_streams as streams
from tests.methods.conformance_cases import (
    Arguments,
    Case,
    Outcome,
    arguments,
    as_float32,
    as_frames,
    as_text,
    cases,
    each,
    edges,
    later,
    outcome,
    take,
)
from tests.methods.conformance_contracts import alike, close, holds_contract, same

pytestmark = pytest.mark.filterwarnings("ignore")

Check = Callable[[Case], None]
CHECKS: dict[str, tuple[Check, Callable[[Case], bool]]] = {}


def check(applies: Callable[[Case], bool] = lambda case: True) -> Callable[[Check], Check]:
    def register(function: Check) -> Check:
        CHECKS[function.__name__.removeprefix("check_")] = function, applies
        return function

    return register


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.function is test_method_when_checked_then_conforms:
        metafunc.parametrize(("case", "run"), list(_grid()))


def _grid() -> Iterator[Any]:
    for case in cases():
        for name, (function, applies) in CHECKS.items():
            if not applies(case):
                continue
            marks = [pytest.mark.gpu] if name == "gpu_equals_cpu" else []
            if reason := case.cls.conformance_exceptions.get(name):
                marks.append(pytest.mark.xfail(reason=reason, strict=True))
            yield pytest.param(case, function, id=f"{case.name}-{name}", marks=marks)


def test_method_when_checked_then_conforms(case: Case, run: Check) -> None:
    run(case)


def test_conformance_exceptions_when_declared_then_name_a_check_and_a_reason() -> None:
    for case in cases():
        for name, reason in case.cls.conformance_exceptions.items():
            assert name in CHECKS, f"{case.name} excepts itself from {name!r}, which is no check"
            assert len(reason.split()) >= 3, f"{case.name} gives no reason for {name!r}"


# Checks: what comes out


@check()
def check_role_contract(case: Case) -> None:
    given = arguments(case)
    holds_contract(case, outcome(case, given), given)


@check()
def check_required_arguments_alone(case: Case) -> None:
    needed = {name for entry in case.entries for name in case.needs(entry, required=True)}
    given = {name: value for name, value in arguments(case).items() if name in needed}
    holds_contract(case, outcome(case, given), given)


@check()
def check_default_parameters(case: Case) -> None:
    """The defaults pass the method's own validation, and the constructor does no work."""
    made = case.cls()
    for name, default in defaults(case.cls).items():
        assert getattr(made, name) is default, f"__init__ changes {name}"
    assert not [name for name in vars(made) if name.endswith("_")], "__init__ sets learned attributes"


@check(lambda case: bool(case.takes))
def check_every_choice(case: Case) -> None:
    """Each parameter at each of its choices, and at its least and greatest value, the others as they are."""
    for name, values in edges(case.cls).items():
        for value in values:
            if name in ("task", "device") or value == case.parameters.get(name):
                continue
            contract_or_error(case, arguments(case), **{name: value})


@check()
def check_deterministic(case: Case) -> None:
    given = arguments(case)
    first, before = outcome(case, given), _global_state()
    second = outcome(case, given)
    assert _global_state() == before, "draws from the global random state"
    np.random.rand()  # noqa: NPY002
    same(first, second)
    same(first, outcome(case, given))


def _global_state() -> bytes:
    return np.random.get_state()[1].tobytes()  # noqa: NPY002


@check()
def check_fitted_again(case: Case) -> None:
    """A second fit forgets the first."""
    method = case.make()
    outcome(case, arguments(case, n=60, m=50, d=2, seed=5), method)
    same(outcome(case, arguments(case), method), outcome(case, arguments(case)))


@check()
def check_clone(case: Case) -> None:
    method = case.make()
    parameters = method.get_params()
    outcome(case, arguments(case), method)
    assert method.get_params() == parameters, "fitting changes parameters"
    copy = clone(method)
    assert copy.get_params() == parameters
    assert not [name for name in vars(copy) if name.endswith("_")]
    assert case.cls().set_params(**method.get_params()).get_params() == parameters
    same(outcome(case, arguments(case), copy), outcome(case, arguments(case)))


@check()
def check_frame_equals_array(case: Case) -> None:
    given = arguments(case)
    with_names, plain = outcome(case, as_frames(given)), outcome(case, given)
    if case.cls.role in ("test", "assessor") and "X" in given:  # they may name the features
        values = [list(r.numbers.values()) for r in (with_names, plain)]
        np.testing.assert_allclose(values[0], values[1], rtol=1e-9)
    else:
        same(with_names, plain, rtol=1e-9)


@check()
def check_inputs_unchanged(case: Case) -> None:
    def locked(name: str, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            value = value.copy()
            value.setflags(write=False)
        return value.copy() if isinstance(value, pd.DataFrame) else value

    given, before = each(arguments(case), locked), arguments(case)
    outcome(case, given)
    for name, value in given.items():
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, before[name])


@check(lambda case: case.cls.role in ("weigher", "scorer", "sampler", "transformer") and _takes_floats(case))
def check_float32_kept(case: Case) -> None:
    result = outcome(case, as_float32(arguments(case)))
    for name, values in result.rows.items():
        if name != "flag":
            assert values.dtype == np.float32, f"{name} is {values.dtype}"
    if case.cls.role == "sampler":
        assert result.given[0].dtype == np.float32


def _takes_floats(case: Case) -> bool:
    return any(getattr(value, "dtype", None) == np.float64 for value in arguments(case).values())


@check()
def check_float32_near_float64(case: Case) -> None:
    wide, narrow = outcome(case, arguments(case)), outcome(case, as_float32(arguments(case)))
    drawn = "random_state" in case.takes  # rounding may move a draw, or one row to the other side of a tree's split
    for name, values in wide.rows.items():
        if drawn:
            assert alike(values, narrow.rows[name]), name
        elif values.dtype.kind == "f":
            np.testing.assert_allclose(narrow.rows[name], values, rtol=2e-2, atol=2e-2 * np.abs(values).max())
    for name, value in wide.numbers.items():
        assert narrow.numbers[name] == pytest.approx(value, rel=2e-2, abs=0.1 if drawn else 2e-2), name


@check(lambda case: case.cls.role != "sampler")
def check_rows_permuted(case: Case) -> None:
    given = arguments(case)
    order = np.random.default_rng(3).permutation(90)
    shuffled = take(given, order, np.random.default_rng(4).permutation(70))
    first, second = outcome(case, given), outcome(case, shuffled)
    if "random_state" not in case.takes or case.cls.role == "assessor":
        same(first, second, rtol=1e-4, order=order)
        return
    for name, values in first.rows.items():  # the same seed draws other rows
        assert alike(values[order], second.rows[name]), name
    if case.cls.role == "test":
        assert first.numbers["rejected"] == second.numbers["rejected"]
        assert abs(first.numbers["p_value"] - second.numbers["p_value"]) < 0.2


@check(lambda case: case.cls.role in ("learner", "assessor", "transformer") and "sample_weight" in case.needs())
def check_weights_equal_repetition(case: Case) -> None:
    given = arguments(case)
    times = np.random.default_rng(6).integers(0, 3, size=90)
    weighted = outcome(case, {**given, "sample_weight": times.astype(float)})
    repeated = outcome(
        case, take({**given, "sample_weight": np.ones(90)}, np.repeat(np.arange(90), times), slice(None))
    )
    for name, value in weighted.numbers.items():
        close(np.asarray(value), np.asarray(repeated.numbers[name]), 1e-6, name)
    if case.cls.role != "assessor":
        again = later(case, repeated.method, given)
        for name, values in later(case, weighted.method, given).items():
            close(values, again[name], 1e-3, name)


@check(lambda case: not case.regression and bool({"y", "predictions", "prediction"} & set(case.vocabulary)))
def check_text_labels(case: Case) -> None:
    given = as_text(arguments(case))
    if case.cls.name == "regression_metrics":
        with pytest.raises(DataError, match="numbers"):
            outcome(case, given)
        return
    holds_contract(case, outcome(case, given), given)


@check(lambda case: bool(case.cls.stream_points))
def check_batches_equal_fit(case: Case) -> None:
    """Rows counted in batches, by objects that are merged, come to what ``fit`` gives, or are refused as it refuses."""
    given = arguments(case)
    for change in streams.settings(case):
        fitted = streams.whole(case, given, **change)
        if isinstance(fitted, BallastError):
            streams.refused_alike(case, given, fitted, **change)
        else:
            streams.agrees(case, given, fitted)
    for hostile in streams.refusals(given):
        if isinstance(fitted := streams.whole(case, hostile), BallastError):
            streams.refused_alike(case, hostile, fitted)
    streams.refuses_others(case, given, streams.whole(case, given))


# Checks: what is refused, and how


@check()
def check_bad_arguments_named(case: Case) -> None:
    given = arguments(case)
    fitted = outcome(case, given).method
    for entry in [*case.entries, *case.cls.stream_points[:1]]:
        method = case.make() if entry == case.entries[0] else fitted
        call = {name: given[name] for name in case.needs(entry)}
        for name in call:
            for fault, bad in _faults(name, call):
                try:
                    getattr(method, entry)(**{**call, name: bad})
                except Exception as error:
                    message = f"{entry} with {fault} {name}: {type(error).__name__}: {error}"
                    if not (isinstance(error, DataError) and name in str(error) and case.cls.name in str(error)):
                        raise AssertionError(message) from error
                else:
                    raise AssertionError(f"{entry} with {fault} {name} is accepted")


def _faults(name: str, call: Arguments) -> Iterator[tuple[str, Any]]:
    """Gives what may be wrong with an argument, each with an example."""
    value, rows = call[name], VOCABULARY[name].rows
    if rows is None:
        return
    if isinstance(value, dict):
        first, others = next(iter(value)), {k: v for k, v in call.items() if k != name}
        for fault, bad in _faults(name.removesuffix("s"), {**others, name.removesuffix("s"): value[first]}):
            yield fault, {**value, first: bad}
        yield "no", {}
        return
    yield "empty", value[:0]
    if sum(VOCABULARY[other].rows == rows for other in call) > 1:
        yield "too short", value[:-1]
    if isinstance(value, pd.DataFrame):
        return
    yield "three-dimensional", value.reshape(*value.shape, *[1] * (3 - value.ndim))
    if value.dtype.kind == "f":
        for fault in (np.nan, np.inf):
            bad = value.copy()
            bad.flat[4] = fault
            yield str(fault), bad
    if value.ndim == 2 and name.removesuffix("_target") in call and name.endswith("_target"):
        yield "too wide", np.hstack([value, value])


@check(lambda case: len(case.entries) > 1 and "X" in case.needs() and "X" in case.needs(case.entries[1]))
def check_other_columns_refused(case: Case) -> None:
    given = arguments(case)
    method = outcome(case, as_frames(given)).method
    entry = case.entries[1]
    call = {name: given[name] for name in case.needs(entry)}
    with pytest.raises(DataError, match=f"{case.cls.name}: X has 6 column"):
        getattr(method, entry)(**{**call, "X": np.hstack([given["X"], given["X"]])})
    other = as_frames(call)
    other["X"] = other["X"][list(other["X"].columns[::-1])]
    with pytest.raises(DataError, match=f"{case.cls.name}: X does not have the columns"):
        getattr(method, entry)(**other)


@check(lambda case: len(case.entries) > 1)
def check_not_fitted(case: Case) -> None:
    """A call before ``fit`` says so, unless the method learns nothing."""
    given = arguments(case)
    for entry in case.entries[1:]:
        call = {name: given[name] for name in case.needs(entry)}
        try:
            result = getattr(case.make(), entry)(**call)
        except NotFittedError:
            continue
        assert len(result) == 90


@check(lambda case: "y" in case.vocabulary and not case.regression)
def check_one_class(case: Case) -> None:
    given = arguments(case)
    given["y"] = np.zeros(90, dtype=int)
    error = contract_or_error(case, given)
    if case.cls.role == "learner":
        assert error is not None, "a classifier learns from one class"
        assert "class" in str(error)


@check(lambda case: "X" in case.vocabulary)
def check_one_feature(case: Case) -> None:
    given = arguments(case, d=1)
    holds_contract(case, outcome(case, given), given)


@check()
def check_few_rows(case: Case) -> None:
    for n, m in ((1, 1), (2, 2), (3, 3), (90, 1), (1, 70)):
        contract_or_error(case, take(arguments(case), np.arange(n), np.arange(m)))


@check(lambda case: "groups" in case.vocabulary)
def check_group_of_one_row(case: Case) -> None:
    given = arguments(case)
    given["groups"] = np.where(np.arange(90) == 0, "alone", given["groups"])
    if "groups_target" in given:
        given["groups_target"] = np.where(np.arange(70) == 0, "elsewhere", given["groups_target"])
    contract_or_error(case, given)


@check(lambda case: bool({"X", "table"} & set(case.vocabulary)))
def check_constant_features(case: Case) -> None:
    def constant(name: str, value: Any) -> Any:
        if name in ("X", "X_target"):
            return np.ones_like(value)
        return value.iloc[[0] * len(value)].reset_index(drop=True) if name.startswith("table") else value

    contract_or_error(case, each(arguments(case), constant))


@check(lambda case: "X" in case.vocabulary)
def check_features_of_any_scale(case: Case) -> None:
    """Numbers of a size that real columns have (incomes, rates) still give a result, or a reason."""
    for scale in (np.array([1e-6, 1.0, 1e6]), 1e-6, 1e6):
        given = each(arguments(case), lambda n, v, scale=scale: v * scale if n in ("X", "X_target") else v)
        contract_or_error(case, given)


@check(lambda case: "X" in case.vocabulary)
def check_extreme_row(case: Case) -> None:
    """A placeholder such as 99999999 in one row leaves a result, or a reason why there is none."""
    for name in ("X", "X_target"):
        given = arguments(case)
        if name in given:
            given[name] = given[name].copy()
            given[name][0] = 1e8
            contract_or_error(case, given)


@check(lambda case: "table" in case.vocabulary)
def check_columns_without_values(case: Case) -> None:
    """A column may be empty in one sample or both, or hold categories that the other lacks."""
    given = arguments(case)
    for column, value in (("income", np.nan), ("town", None), ("town", "Rome")):
        for names in (("table", "table_target"), ("table_target",)):
            contract_or_error(
                case, {**given, **{name: given[name].assign(**{column: value}) for name in names if name in given}}
            )


def contract_or_error(case: Case, given: Arguments, **parameters: Any) -> BallastError | None:
    """Asserts that the method gives what its role promises, or says in its own words why it cannot."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = outcome(case, given, case.make(**parameters))
        except (DataError, ParameterError) as error:
            said = error
        except Exception as error:
            raise AssertionError(f"{parameters or 'this'} ends in {type(error).__name__}: {error}") from error
        else:
            holds_contract(case, result, given)
            return None
    assert case.cls.name in str(said), f"the message does not name the method: {said}"
    assert len(str(said).split()) >= 6, f"the message explains nothing: {said}"
    assert not str(said).startswith(f"{case.cls.name} gave"), f"the method broke its contract: {said}"
    return said


# Checks: where it runs, and what comes back from a file


@check(lambda case: case.cls.role in ("learner", "weigher", "scorer", "transformer"))
def check_survives_store(case: Case) -> None:
    given = as_frames(arguments(case))
    before = outcome(case, given)
    with TemporaryDirectory() as folder:
        store = ModelStore(folder)
        restored = store.load(store.save("pipeline/step", 1, before.method))
    assert type(restored) is case.cls
    assert restored.get_params() == before.method.get_params()
    same(before, Outcome(restored, rows=later(case, restored, given)))


@check(lambda case: "device" in case.takes)
def check_gpu_equals_cpu(case: Case) -> None:
    cpu, gpu = outcome(case, arguments(case)), outcome(case, arguments(case), case.make(device="cuda"))
    same(cpu, gpu, rtol=0.1 if "max_steps" in case.takes else 1e-3)  # a rounding grows over hundreds of steps
