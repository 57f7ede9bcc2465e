"""The resource profiles of this project; ``BALLAST_PROFILE`` chooses one, "embedded" by default."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ballast.errors import SpecError, nearest
from resources.embedded import embedded
from resources.team import team

PROFILES: dict[str, Callable[[], dict[str, Any]]] = {"embedded": embedded, "team": team}


def of_profile(name: str | None = None) -> dict[str, Any]:
    """Gives the resources of a profile, the one that ``BALLAST_PROFILE`` names by default."""
    name = name or os.environ.get("BALLAST_PROFILE", "embedded")
    if name not in PROFILES:
        raise SpecError(f"BALLAST_PROFILE: no profile {name!r}{nearest(name, PROFILES)} ({', '.join(PROFILES)})")
    return PROFILES[name]()
