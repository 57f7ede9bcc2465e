"""Holds methods, yours included, to what every method of Ballast keeps to: ``check_method(MyWeigher)``."""

from __future__ import annotations

from ballast.testing.suite import check_method, checks_of

__all__ = ["check_method", "checks_of"]
