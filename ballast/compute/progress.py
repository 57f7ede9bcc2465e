"""How far long work is, for whoever wants to show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, int, int], None]
"""Takes what is counted ("epoch"), which of them begins, and how many there are at most."""
_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("listeners", default=())


def tell(what: str, number: int, of: int) -> None:
    """Says to all that listen which of how many begins; nothing where nobody does."""
    for listener in _listeners.get():
        listener(what, number, of)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Lets `listener` hear how far the work within the block is, beside those who listen already.

    Examples
    --------
    >>> with listening(lambda what, number, of: print(f"{what} {number} of {of}")):
    ...     tell("epoch", 1, 20)
    epoch 1 of 20
    """
    before = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(before)
