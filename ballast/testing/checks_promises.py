"""Checks of what a method gives: the same for the same rows, whatever form they come in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from ballast.errors import BallastError, DataError
from ballast.methods.frame.parameters import defaults
from ballast.testing import streamed_tests, streams
from ballast.testing.cases import Case, settings
from ballast.testing.contracts import alike, close, contract_or_error, holds_contract, refuses, same
from ballast.testing.outcomes import later, outcome, shared
from ballast.testing.registry import check
from ballast.testing.world import Arguments, M, N, arguments, as_float32, as_frames, as_text, take


@check()
def check_role_contract(case: Case) -> None:
    holds_contract(case, shared(case), arguments(case))


@check(lambda case: len(_required(case)) < len(case.vocabulary))
def check_required_arguments_alone(case: Case) -> None:
    given = _required(case)
    holds_contract(case, outcome(case, given), given)


def _required(case: Case) -> Arguments:
    needed = {name for entry in case.entries for name in case.needs(entry, required=True)}
    return {name: value for name, value in arguments(case).items() if name in needed}


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
    for change in settings(case):
        contract_or_error(case, arguments(case), **change)


@check()
def check_deterministic(case: Case) -> None:
    first = shared(case)
    np.random.rand()  # noqa: NPY002
    before = _global_state()
    second = outcome(case, arguments(case))
    assert _global_state() == before, "draws from the global random state"
    same(first, second)


def _global_state() -> bytes:
    state = np.random.get_state(legacy=False)["state"]  # noqa: NPY002
    return state["key"].tobytes() + bytes(str(state["pos"]), "ascii")


@check()
def check_fitted_again(case: Case) -> None:
    """A second fit forgets the first."""
    method = case.make()
    outcome(case, arguments(case, n=N * 2 // 3, m=M * 2 // 3, d=2, seed=5), method)
    same(outcome(case, arguments(case), method), shared(case))


@check()
def check_clone(case: Case) -> None:
    method = shared(case).method
    parameters = method.get_params()
    assert parameters == case.make().get_params(), "fitting changes parameters"
    copy: Any = clone(method)
    assert copy.get_params() == parameters, "a clone has other parameters"
    assert not [name for name in vars(copy) if name.endswith("_")], "a clone has learned attributes"
    assert case.cls().set_params(**method.get_params()).get_params() == parameters, "set_params does not set them all"
    same(outcome(case, arguments(case), copy), shared(case))


@check()
def check_frame_equals_array(case: Case) -> None:
    with_names, plain = shared(case, as_frames), shared(case)
    if case.cls.role in ("test", "assessor") and "X" in case.vocabulary:  # they may name the features
        values = [list(r.numbers.values()) for r in (with_names, plain)]
        np.testing.assert_allclose(values[0], values[1], rtol=1e-9)
    else:
        same(with_names, plain, rtol=1e-9)


@check()
def check_inputs_unchanged(case: Case) -> None:
    """Arrays that cannot be written to are enough for it, and tables stay as they are."""
    given, before = arguments(case), arguments(case)
    tables = [name for name, value in given.items() if isinstance(value, pd.DataFrame)]
    outcome(case, given) if tables else shared(case)
    for name in tables:
        pd.testing.assert_frame_equal(given[name], before[name])


@check(lambda case: case.cls.role in ("weigher", "scorer", "sampler", "transformer") and _takes_floats(case))
def check_float32_kept(case: Case) -> None:
    result = shared(case, as_float32)
    for name, values in result.rows.items():
        if name != "flag":
            assert values.dtype == np.float32, f"{name} is {values.dtype}"
    if case.cls.role == "sampler":
        assert result.given[0].dtype == np.float32, f"the rows are {result.given[0].dtype}"


def _takes_floats(case: Case) -> bool:
    return any(getattr(value, "dtype", None) == np.float64 for value in arguments(case).values())


@check()
def check_float32_near_float64(case: Case) -> None:
    wide, narrow = shared(case), shared(case, as_float32)
    drawn = "random_state" in case.takes  # rounding may move a draw, or one row to the other side of a tree's split
    for name, values in wide.rows.items():
        if drawn:
            assert alike(values, narrow.rows[name]), f"{name} of single and of double precision differ"
        elif values.dtype.kind == "f":
            near = 2e-2 * np.abs(values).max()
            np.testing.assert_allclose(narrow.rows[name], values, rtol=2e-2, atol=near, err_msg=name)
    for name, value in wide.numbers.items():
        other = narrow.numbers[name]
        without = math.isnan(other) and math.isnan(value)  # a feature that is not tested, in both
        near = without or math.isclose(other, value, rel_tol=2e-2, abs_tol=0.1 if drawn else 2e-2)
        assert near, f"{name} is {other} in single precision, and {value} in double"


@check(lambda case: case.cls.role != "sampler")
def check_rows_permuted(case: Case) -> None:
    order = np.random.default_rng(3).permutation(N)
    shuffled = take(arguments(case), order, np.random.default_rng(4).permutation(M))
    first, second = shared(case), outcome(case, shuffled)
    if "random_state" not in case.takes or case.cls.role == "assessor":
        same(first, second, rtol=1e-4, order=order)
        return
    for name, values in first.rows.items():  # the same seed draws other rows
        assert alike(values[order], second.rows[name]), f"{name} changes with the order of the rows"
    if case.cls.role == "test":
        one, other = first.numbers, second.numbers
        assert one["rejected"] == other["rejected"], "the verdict changes with the order of the rows"
        assert abs(one["p_value"] - other["p_value"]) < 0.2, "the p-value changes with the order of the rows"


@check(lambda case: case.cls.role in ("learner", "assessor", "transformer") and "sample_weight" in case.needs())
def check_weights_equal_repetition(case: Case) -> None:
    given = arguments(case)
    times = np.random.default_rng(6).integers(0, 3, size=N)
    weighted = outcome(case, {**given, "sample_weight": times.astype(float)})
    rows = np.repeat(np.arange(N), times)
    repeated = outcome(case, take({**given, "sample_weight": np.ones(N)}, rows, slice(None)))
    for name, value in weighted.numbers.items():
        close(np.asarray(value), np.asarray(repeated.numbers[name]), 1e-6, name)
    if case.cls.role != "assessor":
        again = later(case, repeated.method, given)
        for name, values in later(case, weighted.method, given).items():
            close(values, again[name], 1e-3, name)


@check(lambda case: case.cls.role in ("learner", "transformer") and "sample_weight" in case.needs())
def check_weightless_rows_change_nothing(case: Case) -> None:
    """Rows of weight 0 leave no trace, wherever they stand and whatever they hold."""
    given, rng = arguments(case), np.random.default_rng(7)
    rows = np.concatenate([np.arange(N), rng.choice(N, N // 2)])
    weights = np.concatenate([given["sample_weight"], np.zeros(N // 2)])
    order = rng.permutation(len(rows))
    more = take({**take(given, rows, slice(None)), "sample_weight": weights}, order, slice(None))
    more["X"] = np.where(more["sample_weight"][:, None] > 0, more["X"], 100.0 + 50.0 * more["X"])
    first = outcome(case, take(given, order[order < N], slice(None)))
    again = later(case, outcome(case, more).method, given)
    for name, values in later(case, first.method, given).items():
        close(values, again[name], 0.0, name)


@check(lambda case: case.cls.role != "test" and "dependence" in case.needs())
def check_units_are_names(case: Case) -> None:
    """Units are what has one name, whatever the names; so are they where folds or held-out rows are dealt by them."""
    given = arguments(case)
    renamed = {n: _renamed(v) if n.startswith("dependence") else v for n, v in given.items()}
    same(outcome(case, given), outcome(case, renamed))


def _renamed(units: np.ndarray) -> np.ndarray:
    return np.array([f"unit {7 * unit % 101}" for unit in units.tolist()], dtype=object)


@check(lambda case: not case.regression and bool({"y", "predictions", "prediction"} & set(case.vocabulary)))
def check_text_labels(case: Case) -> None:
    given = as_text(arguments(case))
    if case.cls.labels_are == "numbers":
        with refuses(DataError, "numbers"):
            outcome(case, given)
        return
    holds_contract(case, outcome(case, given), given)


@check(lambda case: bool(case.cls.stream_points))
def check_batches_equal_fit(case: Case) -> None:
    """Rows counted in batches, by objects that are merged, come to what ``fit`` or ``test`` gives, or are refused as
    there.
    """
    given = arguments(case)
    if case.cls.role == "test":
        streamed_tests.holds(case, given)
        return
    for change in [{}, *settings(case)]:
        fitted = streams.whole(case, given, **change)
        if isinstance(fitted, BallastError):
            streams.refused_alike(case, given, fitted, **change)
        else:
            streams.agrees(case, given, fitted)
    for hostile in streams.refusals(given):
        if isinstance(fitted := streams.whole(case, hostile), BallastError):
            streams.refused_alike(case, hostile, fitted)
    streams.refuses_others(case, given, streams.whole(case, given))
