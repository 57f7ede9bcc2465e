"""How the conformance suite deals rows into batches, and holds what is counted of them against ``fit``."""

from __future__ import annotations

import pickle
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from ballast.errors import BallastError, DataError, OverlapError
from ballast.methods.frame.calls import owner_of
from ballast.methods.frame.streams import equal
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.testing.cases import Case, settings
from ballast.testing.contracts import refuses
from ballast.testing.world import Arguments, M, N, each, locked, take

ROUNDING, SINGLE = 1e-4, 5e-3
"""Of weights, and of those from sums in single precision, of which a small ridge enlarges the rounding."""


def refusals(given: Arguments) -> list[Arguments]:
    """Gives arguments that methods refuse: one class, one feature value, a target far off, a row of each sample."""
    n, m = np.arange(N), np.arange(M)
    return [
        each(given, lambda name, value: value[:1].repeat(len(value)) if name in ("y", "groups") else value),
        each(given, lambda name, value: np.ones_like(value) if name in ("X", "X_target") else value),
        each(given, lambda name, value: value + 50 if name == "X_target" else value),
        each(given, lambda name, value: value.assign(town="Rome") if name == "table_target" else value),
        take(given, n[:1], m[:1]),
        take(given, n[:2], m),
    ]


def dealt(case: Case, given: Arguments) -> list[Arguments]:
    """Gives three batches of the training rows and, where it takes any, the target's rows in two of them and alone."""
    n, m = np.arange(N), np.arange(M)
    own, theirs = np.split(n, [N * 4 // 9, N * 7 // 9]), np.split(m, [M // 3, M * 2 // 3])
    rows: list[tuple[Any, Any]] = [(own[0], theirs[0]), (own[1], None), (own[2], theirs[1]), (None, theirs[2])]
    found = [_batch(case, given, *both) for both in rows]
    return found if any(VOCABULARY[name].rows == "target" for name in found[0]) else found[:3]


def _batch(case: Case, given: Arguments, rows: Any, target_rows: Any) -> Arguments:
    left_out = {None: "", "sample": rows, "target": target_rows}
    names = [n for n in case.needs("partial_fit") if n in given and left_out[VOCABULARY[n].rows] is not None]
    return each(take({name: given[name] for name in names}, rows, target_rows), locked)


def weights(case: Case, method: Any, given: Arguments) -> np.ndarray:
    return method.weigh(**{name: given[name] for name in case.needs("weigh")})


def whole(case: Case, given: Arguments, **parameters: Any) -> Any:
    """Gives the fitted method, or what it says where it refuses."""
    method = case.make(**parameters)
    try:
        with case.spent.fit(method):
            return method.fit(**{name: given[name] for name in case.needs() if name in given})
    except BallastError as error:
        return error


def refused_alike(case: Case, given: Arguments, fitted: BallastError, **parameters: Any) -> None:
    """Asserts that what ``fit`` refuses is refused when counted too, in the same words."""
    with refuses(type(fitted), str(fitted), alone=True):
        case.make(**parameters).partial_fit(**_batch(case, given, slice(None), slice(None))).finalize()


def agrees(case: Case, given: Arguments, fitted: Any) -> None:
    """Asserts that batches, counted by two objects and merged, come to the weights that ``fit`` gave."""
    batches = dealt(case, given)
    tables = [{k: v.copy() for k, v in batch.items() if isinstance(v, pd.DataFrame)} for batch in batches]
    one, other = fitted.empty_copy(), fitted.empty_copy()
    for batch in batches[1::-1]:
        assert one.partial_fit(**batch) is one, "partial_fit does not give the object itself"
    for batch in batches[2:]:
        other = pickle.loads(pickle.dumps(other.partial_fit(**batch)))
    for first, second in ((one, other), (other, one)):
        total = case.make(**fitted.get_params()).merge(first)
        assert total.merge(second).finalize() is total, "merge or finalize does not give the object itself"
        close(case, total, given, fitted)
        assert not hasattr(total, "weights_"), "a stream has no weights_, since it keeps no rows"
    with suppress(OverlapError):  # a part of the rows may lack what all have
        one.finalize()
    for batch in batches[2:]:  # it goes on after it was finalized
        one.partial_fit(**batch)
    close(case, one.finalize(), given, fitted)
    for batch, table in zip(batches, tables, strict=True):
        for name, value in table.items():
            pd.testing.assert_frame_equal(batch[name], value)
    first = case.make(**fitted.get_params()).partial_fit(**batches[0])
    if equal(first._counted.common, fitted._counted.common):  # nothing comes from the first batch
        for batch in batches[:0:-1]:
            first.merge(case.make(**fitted.get_params()).partial_fit(**batch))
        close(case, first.finalize(), given, fitted)


def close(case: Case, counted: Any, given: Arguments, fitted: Any) -> None:
    rounding = SINGLE if "device" in case.takes else ROUNDING
    np.testing.assert_allclose(weights(case, counted, given), fitted.weights_, rtol=rounding, atol=rounding)


def refuses_others(case: Case, given: Arguments, fitted: Any) -> None:
    """Asserts that what was counted with other parameters, centres or bins is not merged, nor a bad batch counted."""
    counted = fitted.empty_copy().partial_fit(**_batch(case, given, slice(None), slice(None)))
    for change in settings(case):
        with refuses(DataError, f"{owner_of(fitted)}: parameter '{next(iter(change))}' is"):
            counted.merge(case.make(**change))
    other = case.make().partial_fit(**_batch(case, given, np.arange(N // 2), np.arange(M // 2)))
    if not equal(other._counted.common, counted._counted.common):
        with refuses(DataError, "differ from what is to be merged"):
            counted.merge(other)
    for bad in (counted, case):
        with refuses(DataError, ".merge takes another"):
            counted.merge(bad)
    with refuses(TypeError if case.needs("partial_fit", required=True) else DataError, "partial_fit"):
        counted.partial_fit()
    close(case, counted.finalize(), given, fitted)
