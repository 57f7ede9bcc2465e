"""From a URL to the home that it names."""

from __future__ import annotations

from pathlib import Path

from ballast.warehouse.homes.embedded import Embedded
from ballast.warehouse.homes.home import Home
from ballast.warehouse.homes.lake import PostgresLake, SqliteLake
from ballast.warehouse.homes.urls import parsed


def home_of(url: str) -> Home:
    """Gives the home, which need not be there yet; WarehouseError for a URL of another kind."""
    kind, place, data = parsed(url)
    if kind == "postgres":
        return PostgresLake(place, str(data))
    return SqliteLake(Path(place), data) if kind == "sqlite" else Embedded(Path(place))
