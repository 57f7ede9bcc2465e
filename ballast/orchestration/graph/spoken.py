"""What a step that takes long says in Dagster's log while it is at work."""

from __future__ import annotations

import time
from collections.abc import Callable

from ballast.compute.progress import Listener

SECONDS = 60.0
"""Between two lines of one step."""


def sparing(log: Callable[[str], None], step: str, clock: Callable[[], float] = time.monotonic) -> Listener:
    """Gives a listener that writes how far a step is, a line a minute at most."""
    last = clock()

    def listen(what: str, number: int, of: int) -> None:
        nonlocal last
        if clock() - last >= SECONDS:
            last = clock()
            log(f"{step}: {what} {number} of {of}")

    return listen
