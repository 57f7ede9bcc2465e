"""Every error Ballast raises on purpose. Each message says what, where, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class BallastError(Exception):
    """Base of all errors that Ballast raises on purpose."""

    passing: ClassVar[bool] = False
    """Whether the same may go well a little later, without anybody's doing."""


class SpecError(BallastError, ValueError):
    """A pipeline's YAML (or its Python form) cannot be built."""


class ParameterError(BallastError, ValueError):
    """A method was given a parameter it does not know or a value outside its range."""


class DataError(BallastError, ValueError):
    """An argument, column or table holds something the method cannot work with."""


class LoaderError(DataError):
    """A function of the user's own, which is to give a data role's rows, raised an error."""


class OverlapError(DataError):
    """The target lies where there are no training rows, so no weighting of them can represent it."""


class GateClosedError(BallastError):
    """An input failed its quality gate, or was never judged."""


class OutdatedError(BallastError):
    """What is to be read, or stored, does not belong to the newest state of what it was made from."""


class WarehouseError(BallastError):
    """The warehouse could not be opened, read or written."""


class WarehouseLockedError(WarehouseError):
    """Another process held the warehouse for longer than the time allowed."""

    passing = True


class WarehouseUnreachableError(WarehouseError):
    """A server that the warehouse is kept on did not answer, or another task was in the way."""

    passing = True


class OwnedError(WarehouseError):
    """A pipeline's name is another project's in the warehouse."""


class VersionNotFoundError(WarehouseError, KeyError):
    """The asset, version or partition asked for was never committed."""

    __str__ = Exception.__str__  # KeyError would print the message's repr


class ModelStoreError(BallastError):
    """A model could not be stored, or a stored one is not what was stored."""


class UntrustedModelError(ModelStoreError):
    """A model file asks for types that are not on the list of those trusted; none of it was run."""


class MissingDependencyError(BallastError, ImportError):
    """An optional package is needed for what was asked."""


_CERTAIN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    SyntaxError,
    TypeError,
    ValueError,
    FileExistsError,
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
    NotImplementedError,
)
"""What is wrong in code, data or a path, and will be the next time."""


def is_passing(error: BaseException) -> bool:
    """Gives whether what went wrong may go well a little later: a lock, a lost connection, the machine's own trouble.

    What is wrong in data, spec or code stays wrong.
    """
    if isinstance(error, LoaderError) and error.__cause__ is not None:
        return is_passing(error.__cause__)
    if isinstance(error, BallastError):
        return error.passing
    return not isinstance(error, _CERTAIN)


def nearest(name: str, valid: Iterable[str]) -> str:
    """Gives ", did you mean 'x'?" for the valid name most like `name`, or an empty string."""
    close = difflib.get_close_matches(str(name), [str(v) for v in valid], n=1, cutoff=0.5)
    return f", did you mean {close[0]!r}?" if close else ""
