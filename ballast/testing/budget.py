"""What the checks of a method may take together, so that those of some hundred methods stay quick."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

LIMIT = 3.0
"""CPU seconds for all the checks of a method, well above the tenths that most take: a busy machine fails none."""


@dataclass
class Spent:
    """The CPU seconds of this thread in a method's checks, and in its slowest fit.

    Attributes
    ----------
    checks : seconds by check.
    slowest : the seconds of the slowest fit, the check that asked for it, and the parameters it was made with.
    """

    checks: dict[str, float] = field(default_factory=dict)
    slowest: tuple[float, str, str] = (0.0, "", "")
    running: str = ""

    @contextmanager
    def check(self, name: str) -> Iterator[None]:
        """Counts what a check takes."""
        self.running, start = name, time.thread_time()
        try:
            yield
        finally:
            self.checks[name] = self.checks.get(name, 0.0) + time.thread_time() - start

    @contextmanager
    def fit(self, method: object) -> Iterator[None]:
        """Notes what a fit takes, within a check."""
        start = time.thread_time()
        try:
            yield
        finally:
            self.slowest = max(self.slowest, (time.thread_time() - start, self.running, repr(method)))

    def hold(self) -> None:
        """Raises AssertionError where the checks took longer than they may, naming the slowest check and fit."""
        total = sum(self.checks.values())
        if total > LIMIT:
            check = max(self.checks, key=self.checks.__getitem__)
            seconds, asked_by, made = self.slowest
            raise AssertionError(
                f"the checks took {total:.1f} s of CPU time, and may take {LIMIT:.0f}: {check!r} took the longest, "
                f"{self.checks[check]:.1f} s; the slowest fit, of {asked_by!r}, took {seconds:.2f} s with {made}. Give "
                "the class `quick` parameters: few steps, rounds and draws"
            )
